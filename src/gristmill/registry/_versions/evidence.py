"""The files kept with a version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from gristmill.errors import NotFound
from gristmill.lineage import Lineage
from gristmill.project import SETTINGS, Project
from gristmill.registry._ledger.chain import canonical
from gristmill.registry._loading.digest import file_digest
from gristmill.registry._loading.signing import SIGNATURE, sign
from gristmill.registry._supply.sbom import write_sbom
from gristmill.registry._versions.version import Version


def stage(
    staged: Path,
    actor: str,
    project: Project,
    model: str,
    metrics: Mapping[str, float],
    reference: Path | None,
    holdout: Path | None,
    lineage: Lineage,
) -> tuple[dict[str, str], str]:
    """Write the evidence files into `staged/evidence` and sign `staged/model` there.

    Returns the files' sha256 by name, and the actor's public key that signed the model.
    """
    directory = staged / "evidence"
    directory.mkdir()
    key = sign(staged / "model", directory / SIGNATURE, actor)
    (directory / "lineage.json").write_text(lineage.to_json(), encoding="utf-8")
    (directory / "metrics.json").write_text(canonical(dict(metrics)), encoding="utf-8")
    write_sbom(directory, project, lineage, model)
    for name, source in ((Version.REFERENCE, reference), (Version.HOLDOUT, holdout)):
        if source is None:
            continue
        if not source.is_file():
            raise NotFound(
                "evidence.source",
                f"{source} does not exist.",
                hint=f"Run the step that writes it, or correct {SETTINGS} [models.{model}].",
            )
        shutil.copyfile(source, directory / name)
    return {p.name: file_digest(p) for p in sorted(directory.iterdir())}, key
