"""The packages of a version's environment as a CycloneDX document.

They are those that the environment's lock file pins, for this interpreter; without a lock file
those installed here. Licences come from the metadata of installed packages of the same version.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid
from gristmill.lineage import Lineage
from gristmill.project import Project

SBOM = "sbom.cdx.json"
LOCK = "environment.lock"
LONG = 80
PREFIX = "License :: "


@dataclass(frozen=True, order=True)
class Package:
    """A Python package; `licence` is an SPDX expression or a name, "" when it is not known."""

    name: str
    version: str
    licence: str = ""


def write_sbom(directory: Path, project: Project, lineage: Lineage, model: str) -> None:
    """Write the version's SBOM and lock file into a directory.

    Nothing is written when the lock file is no longer the one that the version was made with.
    """
    lock = project.environment_file()
    digest = None
    if lock is not None:
        digest = hashlib.md5(lock.read_bytes(), usedforsecurity=False).hexdigest()
        if lineage.environment not in (None, digest):
            return
        shutil.copyfile(lock, directory / LOCK)
    text = document(packages_of(lock), model, digest)
    if text:
        (directory / SBOM).write_text(text, encoding="utf-8")


def packages_of(lock: Path | None) -> tuple[Package, ...]:
    """What the lock file pins, or what is installed when it is None. Raises Invalid."""
    local = installed()
    if lock is None:
        return tuple(sorted(local.values()))
    pins = _toml_pins(lock) if lock.suffix == ".toml" or lock.name == "uv.lock" else _pins(lock)
    packages = []
    for name, version in sorted(set(pins)):
        same = local.get(name)
        licence = same.licence if same and same.version == version else ""
        packages.append(Package(name, version, licence))
    if not packages:
        raise Invalid(
            "environment.lock",
            f"{lock.name}: no pinned package can be read from it.",
            hint="Supported are lines `name==version`, and the TOML of uv, poetry, pdm and pylock.",
        )
    return tuple(packages)


@cache
def installed() -> Mapping[str, Package]:
    """Installed packages by their normalized name."""
    packages: dict[str, Package] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and normal(name) not in packages:
            licence = _licence(distribution)
            packages[normal(name)] = Package(normal(name), distribution.version, licence)
    return packages


def normal(name: str) -> str:
    """The normalized name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def document(packages: tuple[Package, ...], model: str, environment: str | None) -> str:
    """The CycloneDX 1.6 document; "" when cyclonedx-python-lib is not installed.

    `environment` is the lock file's hash as lineage has it.
    """
    if find_spec("cyclonedx") is None:
        return ""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    factory, bom = LicenseFactory(), Bom()
    bom.metadata.component = Component(
        name=model, type=ComponentType.MACHINE_LEARNING_MODEL, bom_ref="model"
    )
    if environment:
        bom.metadata.properties.add(Property(name="gristmill:environment", value=environment))
    for package in packages:
        licences = [factory.make_from_string(package.licence)] if package.licence else []
        bom.components.add(
            Component(
                name=package.name,
                version=package.version,
                type=ComponentType.LIBRARY,
                bom_ref=f"{package.name}=={package.version}",
                purl=PackageURL("pypi", name=package.name, version=package.version),
                licenses=licences,
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which package needs which is the lock file's to say
        return str(JsonV1Dot6(bom).output_as_string(indent=1))


def read(path: Path) -> tuple[Package, ...]:
    """The packages of a CycloneDX document."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Package(c["name"], c["version"], " AND ".join(_licence_names(c.get("licenses") or [])))
        for c in document.get("components") or []
    )


def _licence_names(licences: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        str(choice.get("expression") or named.get("id") or named.get("name"))
        for choice in licences
        for named in [choice.get("license") or {}]
    ]


def _licence(distribution: Distribution) -> str:
    """PEP 639's expression, else the trove classifiers, else a short License field."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    classified = [
        c.rpartition(" :: ")[2]
        for c in metadata.get_all("Classifier") or []
        if c.startswith(PREFIX)
    ]
    if classified:
        return " AND ".join(sorted(set(classified)))
    text = str(metadata["License"]).strip() if "License" in metadata else ""
    return text if len(text) <= LONG and "\n" not in text and text != "UNKNOWN" else ""


def _pins(lock: Path) -> Iterable[tuple[str, str]]:
    """`name==version` lines whose marker holds here."""
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lock.read_text(encoding="utf-8").splitlines():
        text = line.split(" #")[0].split(" --hash")[0].rstrip("\\ \t")
        if "==" not in text or text.startswith(("#", "-", " ")):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        version = str(requirement.specifier).removeprefix("==")
        if requirement.marker is None or requirement.marker.evaluate():
            yield normal(requirement.name), version


def _toml_pins(lock: Path) -> Iterable[tuple[str, str]]:
    try:
        locked = tomllib.loads(lock.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Invalid("environment.lock", f"{lock.name}: {error}") from error
    for package in [*locked.get("package", []), *locked.get("packages", [])]:
        if "version" in package:
            yield normal(package["name"]), str(package["version"])
