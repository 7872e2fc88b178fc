"""The environment of a version: SBOM, vulnerabilities, licences; gates of other packages."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gristmill.project import Project
from gristmill.registry import Evidence, Registry, Verdict, register
from gristmill.registry import gate as gate_promotion
from gristmill.registry._gates.environment import Licences
from gristmill.registry._gates.gates import evaluate_gates, parse_gates
from gristmill.registry._supply.sbom import LOCK, SBOM, Package, packages_of, read
from gristmill.registry._supply.vulnerabilities import Snapshot, look_up

from .conftest import SETTINGS, Models, fails_with, lineage, put

LOCKED = """\
# a comment
numpy==1.26.0 \\
    --hash=sha256:00
Old_Package==1.0 ; python_version >= "3"
elsewhere==2.0 ; sys_platform == "win32"
"""
TODAY = datetime.now(UTC)


def record(name: str, **affected: Any) -> dict[str, Any]:
    return {
        "id": "GHSA-aaaa-bbbb-cccc",
        "aliases": ["CVE-2026-1"],
        "modified": (TODAY - timedelta(days=3)).isoformat(),
        "published": "2026-01-01T00:00:00Z",
        "summary": "It lets anybody in.",
        "affected": [{"package": {"ecosystem": "PyPI", "name": name}, **affected}],
    }


def events(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": [{k: v} for k, v in pairs]}]}


def snapshot(directory: Path, *records: dict[str, Any]) -> Path:
    directory.mkdir()
    for number, item in enumerate(records):
        (directory / f"{number}.json").write_text(json.dumps(item))
    return directory


@pytest.mark.parametrize(
    ("version", "affected", "hit"),
    [
        ("1.0", events(("introduced", "0"), ("fixed", "1.1")), True),
        ("1.1", events(("introduced", "0"), ("fixed", "1.1")), False),
        ("1.10", events(("introduced", "1.9"), ("fixed", "1.11")), True),
        ("2.0", events(("introduced", "0"), ("fixed", "1"), ("introduced", "2")), True),
        ("1.5", events(("introduced", "0"), ("fixed", "1"), ("introduced", "2")), False),
        ("1.0", events(("introduced", "0"), ("last_affected", "1.0")), True),
        ("1.0.1", events(("introduced", "0"), ("last_affected", "1.0")), False),
        ("3.0", {"versions": ["3.0"]}, True),
        ("3.1", {"versions": ["3.0"]}, False),
    ],
)
def test_a_record_affects_what_osv_says(
    tmp_path: Path, version: str, affected: dict[str, Any], hit: bool
) -> None:
    database = Snapshot.read(snapshot(tmp_path / "db", record("Old.Package", **affected)))
    assert bool(database.query("old-package", version)) is hit
    assert database.query("other", version) == []


@pytest.mark.slow
def test_pip_audit_judges_by_a_snapshot(tmp_path: Path) -> None:
    database = snapshot(
        tmp_path / "db",
        record("old-package", **events(("introduced", "0"), ("fixed", "1.1"))),
        {**record("numpy", **events(("introduced", "0"))), "withdrawn": "2026-02-01T00:00:00Z"},
    )
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in database.iterdir():
            file.write(path, path.name)
    packages = [Package("numpy", "1.26.0"), Package("old-package", "1.0")]
    outcome = look_up(packages, archive, TODAY, 30)
    assert [(r["package"], r["id"], r["fixed"]) for r in outcome["vulnerable"]] == [
        ("old-package", "CVE-2026-1", ["1.1"])
    ]
    assert (outcome["records"], outcome["packages"]) == (2, 2)
    assert look_up(packages[:1], database, TODAY, 30)["vulnerable"] == []
    with fails_with("audit.snapshot"):
        look_up(packages, database, TODAY + timedelta(days=30), 30)


def test_without_network_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with fails_with("audit.failed"):
        look_up([Package("numpy", "1.26.0")], None, TODAY, 30)


def governed(project: Project, models: Models) -> Project:
    (project.root / "requirements.lock").write_text(LOCKED)
    vulnerable = events(("introduced", "0"), ("fixed", "1.1"))
    snapshot(project.root / "osv", record("old-package", **vulnerable))
    (project.root / "gristmill.toml").write_text(
        SETTINGS
        + """
[[models.delay.gates]]
kind = "vulnerabilities"
database = "osv"
[[models.delay.gates]]
kind = "licences"
denied = ["AGPL-*"]
"""
    )
    put(project, models.weak)
    return Project.load(project.root)


def test_the_sbom_is_kept_and_judged(project: Project, models: Models) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    project = governed(project, models)
    digest = hashlib.md5(LOCKED.encode()).hexdigest()
    register(project, "delay", lineage=lineage(environment=digest))
    registry = Registry(project)
    version = registry.version("delay", 1)
    text = registry.evidence(version, SBOM).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    pins = [("numpy", "1.26.0"), ("old-package", "1.0")]
    assert [(p.name, p.version) for p in read(registry.evidence(version, SBOM))] == pins
    assert registry.evidence(version, LOCK).read_text() == LOCKED
    results = {r.kind: r for r in gate_promotion(project, "delay", 1).results}
    assert results["vulnerabilities"].verdict == Verdict.FAIL
    assert "old-package 1.0: CVE-2026-1 (fixed in 1.1)" in results["vulnerabilities"].message
    assert results["licences"].verdict == Verdict.PASS
    again = gate_promotion(project, "delay", 1)
    assert again.record() == gate_promotion(project, "delay", 1).record()
    settings = project.root / "gristmill.toml"
    settings.write_text(
        settings.read_text().replace('"osv"', '"osv"\nignore = ["GHSA-aaaa-bbbb-cccc"]')
    )
    accepted = gate_promotion(Project.load(project.root), "delay", 1)
    outcome = next(r for r in accepted.results if r.kind == "vulnerabilities")
    assert outcome.verdict == Verdict.PASS
    assert outcome.numbers["accepted"][0]["package"] == "old-package"


def test_a_lock_file_that_changed_since_is_not_the_version_s(
    project: Project, models: Models
) -> None:
    project = governed(project, models)
    register(project, "delay", lineage=lineage(environment="0" * 32))
    assert SBOM not in Registry(project).version("delay", 1).evidence
    results = {r.kind: r.verdict for r in gate_promotion(project, "delay", 1).results}
    assert results["vulnerabilities"] == results["licences"] == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("licence", "denied"),
    [
        ("AGPL-3.0-only", True),
        ("MIT AND AGPL-3.0-only", True),
        ("MIT OR AGPL-3.0-only", False),
        ("(agpl-3.0-only OR GPL-3.0-only)", True),
        ("LGPL-3.0-only", False),
        ("", False),
    ],
)
def test_denied_licences(licence: str, denied: bool) -> None:
    gate = Licences(denied=("AGPL-*", "GPL-*"))
    packages = (Package("a", "1", "MIT"), Package("b", "1", licence))
    (result,) = evaluate_gates([gate], Evidence(measured={repr(gate): packages})).results
    assert result.verdict == (Verdict.FAIL if denied else Verdict.PASS)
    strict = Licences(denied=(), known=True)
    (result,) = evaluate_gates([strict], Evidence(measured={repr(strict): packages})).results
    assert result.verdict == (Verdict.PASS if licence else Verdict.FAIL)


def test_other_locks_are_read(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "Foo.Bar"\nversion = "1"\n')
    assert packages_of(tmp_path / "uv.lock") == (Package("foo-bar", "1"),)
    (tmp_path / "requirements.txt").write_text("numpy\n")
    with fails_with("environment.lock"):
        packages_of(tmp_path / "requirements.txt")


def test_an_installed_package_brings_a_gate(
    project: Project, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "weekday-1.0.dist-info").mkdir(parents=True)
    (site / "weekday-1.0.dist-info/METADATA").write_text("Name: weekday\nVersion: 1.0\n")
    (site / "weekday-1.0.dist-info/entry_points.txt").write_text(
        "[gristmill.gates]\nrows = weekday_gates:Rows\n"
    )
    (site / "weekday_gates.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "from gristmill.registry import Evidence, GateResult, Subject, Verdict\n"
        "@dataclass(frozen=True)\n"
        "class Rows:\n"
        "    kind: ClassVar[str] = 'rows'\n"
        "    least: int\n"
        "    broken: bool = False\n"
        "    def measure(self, subject: Subject) -> int:\n"
        "        return 1 // (not self.broken) * len(subject.rows)\n"
        "    def evaluate(self, evidence: Evidence) -> GateResult:\n"
        "        seen = evidence.of(self)\n"
        "        verdict = Verdict.PASS if seen >= self.least else Verdict.FAIL\n"
        "        return GateResult('rows', 'hold-out', verdict, f'{seen} rows')\n"
    )
    monkeypatch.syspath_prepend(str(site))
    (gate,) = parse_gates([{"kind": "rows", "least": 5}], "here")
    assert repr(gate) == "Rows(least=5, broken=False)"
    for number in (3000, 3001):
        table = f'[[models.delay.gates]]\nkind = "rows"\nleast = {number}\n'
        (project.root / "gristmill.toml").write_text(SETTINGS + table)
        put(project, models.weak)
        register(Project.load(project.root), "delay", lineage=lineage())
        report = gate_promotion(Project.load(project.root), "delay", 1)
        (result,) = [r for r in report.results if r.kind == "rows"]
        assert (result.verdict, result.message) == (
            Verdict.PASS if number == 3000 else Verdict.FAIL,
            "3000 rows",
        )
    table = '[[models.delay.gates]]\nkind = "rows"\nleast = 1\nbroken = true\n'
    (project.root / "gristmill.toml").write_text(SETTINGS + table)
    report = gate_promotion(Project.load(project.root), "delay", 1)
    (result,) = [r for r in report.results if r.kind == "rows"]
    assert result.verdict == Verdict.INCONCLUSIVE
    assert "ZeroDivisionError" in result.message
