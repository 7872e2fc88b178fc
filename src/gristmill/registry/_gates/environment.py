"""Gates on the environment of a version: what its SBOM brings of vulnerabilities and licences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, ClassVar

from gristmill.errors import Invalid
from gristmill.registry._gates.base import FAIL, INCONCLUSIVE, PASS, Evidence, GateResult, Subject
from gristmill.registry._supply.sbom import Package

NO_SBOM = "the version keeps no SBOM: its lock file changed, or gristmill[govern] was missing"


@dataclass(frozen=True)
class Vulnerabilities:
    """pip-audit knows no vulnerability of a package in the version's SBOM.

    `database` is a snapshot for machines without network: a directory, or its zip, of OSV records
    (JSON, as osv.dev publishes them for PyPI), relative to the project's root; "" asks PyPI's
    service. A snapshot whose newest record is older than `days` cannot be judged by. `ignore` lists
    identifiers that were looked at and accepted.
    """

    kind: ClassVar[str] = "vulnerabilities"
    database: str = ""
    days: float = 30.0
    ignore: tuple[str, ...] = ()

    def measure(self, subject: Subject) -> Any:
        from gristmill.registry._supply.vulnerabilities import look_up

        path = subject.root / self.database if self.database else None
        return look_up(_packages(subject), path, subject.now, self.days)

    def evaluate(self, evidence: Evidence) -> GateResult:
        name = "known to pip-audit"
        found = evidence.of(self)
        if found is None:
            return GateResult(self.kind, name, INCONCLUSIVE, "nothing was measured")
        bad: list[dict[str, Any]] = []
        accepted: list[dict[str, Any]] = []
        for record in found["vulnerable"]:
            ids = {record["id"], *record["aliases"]}
            (accepted if ids & {*self.ignore} else bad).append(record)
        numbers = {**found, "vulnerable": bad, "accepted": accepted}
        if bad:
            words = "; ".join(
                f"{r['package']} {r['version']}: {r['id']}"
                + (f" (fixed in {', '.join(r['fixed'])})" if r["fixed"] else "")
                for r in bad[:5]
            )
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            return GateResult(self.kind, name, FAIL, words + more, numbers)
        words = f"none in {found['packages']} packages, by {found['source']}"
        return GateResult(self.kind, name, PASS, words, numbers)


@dataclass(frozen=True)
class Licences:
    """No package in the version's SBOM has a licence that `denied` names.

    Patterns as in file names, compared without case with SPDX identifiers and trove names
    ("AGPL-*", "*Affero*"). Of "A OR B" one may be denied. Packages in `exempt` are not looked at;
    with `known`, a package without a licence fails too.
    """

    kind: ClassVar[str] = "licences"
    denied: tuple[str, ...]
    exempt: tuple[str, ...] = ()
    known: bool = False

    def measure(self, subject: Subject) -> tuple[Package, ...]:
        return _packages(subject)

    def evaluate(self, evidence: Evidence) -> GateResult:
        name = "denied"
        packages: tuple[Package, ...] | None = evidence.of(self)
        if packages is None:
            return GateResult(self.kind, name, INCONCLUSIVE, "nothing was measured")
        looked = [p for p in packages if p.name not in self.exempt]
        bad = [p for p in looked if self._denies(p.licence)]
        unknown = [p.name for p in looked if not p.licence]
        counts: dict[str, int] = defaultdict(int)
        for package in packages:
            counts[package.licence or "unknown"] += 1
        numbers = {"licences": dict(sorted(counts.items())), "unknown": unknown}
        if bad:
            words = "; ".join(f"{p.name} {p.version}: {p.licence}" for p in bad)
            return GateResult(self.kind, name, FAIL, words, numbers)
        if unknown and self.known:
            words = f"nothing is known of {', '.join(unknown)}"
            return GateResult(self.kind, name, FAIL, words, numbers)
        words = f"none in {len(packages)} packages, {len(unknown)} without a known licence"
        return GateResult(self.kind, name, PASS, words, numbers)

    def _denies(self, licence: str) -> bool:
        """Whether every alternative of the expression holds a denied part."""
        return bool(licence) and all(
            any(
                fnmatch(part.strip("() ").lower(), pattern.lower())
                for part in alternative.split(" AND ")
                for pattern in self.denied
            )
            for alternative in licence.split(" OR ")
        )


def _packages(subject: Subject) -> tuple[Package, ...]:
    if subject.packages is None:
        raise Invalid("gate.sbom", NO_SBOM)
    return subject.packages
