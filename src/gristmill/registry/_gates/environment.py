"""Gates on the environment of a version: what its SBOM brings of vulnerabilities and licences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, ClassVar

from gristmill.errors import Invalid
from gristmill.registry._gates.base import Evidence, GateResult, Subject, Verdict
from gristmill.registry._supply.sbom import Package

NO_SBOM = (
    "no SBOM was stored with the version: its lock file had changed, or gristmill[govern] was not "
    "installed"
)
NOT_MEASURED = "nothing was measured"


@dataclass(frozen=True)
class Vulnerabilities:
    """Gate `vulnerabilities`: pip-audit knows none of the packages in the version's SBOM.

    Attributes
    ----------
    database
        A snapshot for machines without network: a directory, or its zip, of OSV records (JSON, as
        osv.dev publishes them for PyPI), relative to the project's root. "" asks PyPI's service.
    days
        The gate is inconclusive when the snapshot's newest record is older.
    ignore
        Identifiers (PYSEC, CVE, GHSA) of vulnerabilities that were reviewed and accepted.
    """

    kind: ClassVar[str] = "vulnerabilities"
    database: str = ""
    days: float = 30.0
    ignore: tuple[str, ...] = ()

    def measure(self, subject: Subject) -> Any:
        """What pip-audit reports. Raises Invalid, NotFound or Unavailable when it cannot."""
        from gristmill.registry._supply.vulnerabilities import look_up

        path = subject.root / self.database if self.database else None
        return look_up(_packages(subject), path, subject.now, self.days)

    def evaluate(self, evidence: Evidence) -> GateResult:
        """FAIL when a vulnerability is known that is not ignored."""
        name = "known to pip-audit"
        report = evidence.of(self)
        if report is None:
            return GateResult(self.kind, name, Verdict.INCONCLUSIVE, NOT_MEASURED)
        bad: list[dict[str, Any]] = []
        accepted: list[dict[str, Any]] = []
        for record in report["vulnerable"]:
            ids = {record["id"], *record["aliases"]}
            (accepted if ids & {*self.ignore} else bad).append(record)
        numbers = {**report, "vulnerable": bad, "accepted": accepted}
        if bad:
            message = "; ".join(
                f"{r['package']} {r['version']}: {r['id']}"
                + (f" (fixed in {', '.join(r['fixed'])})" if r["fixed"] else "")
                for r in bad[:5]
            )
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            return GateResult(self.kind, name, Verdict.FAIL, message + more, numbers)
        message = f"none in {report['packages']} packages, by {report['source']}"
        return GateResult(self.kind, name, Verdict.PASS, message, numbers)


@dataclass(frozen=True)
class Licences:
    """Gate `licences`: no package in the version's SBOM has a denied licence.

    Of an expression "A OR B" one alternative may be denied.

    Attributes
    ----------
    denied
        Patterns as in file names, compared without case with SPDX identifiers and trove names
        ("AGPL-*", "*Affero*").
    exempt
        Names of packages that are not checked.
    known
        Whether a package whose licence is unknown fails, too.
    """

    kind: ClassVar[str] = "licences"
    denied: tuple[str, ...]
    exempt: tuple[str, ...] = ()
    known: bool = False

    def measure(self, subject: Subject) -> tuple[Package, ...]:
        """The packages of the SBOM. Raises Invalid (`gate.sbom`) without one."""
        return _packages(subject)

    def evaluate(self, evidence: Evidence) -> GateResult:
        """FAIL when a licence is denied."""
        name = "denied"
        packages: tuple[Package, ...] | None = evidence.of(self)
        if packages is None:
            return GateResult(self.kind, name, Verdict.INCONCLUSIVE, NOT_MEASURED)
        checked = [p for p in packages if p.name not in self.exempt]
        bad = [p for p in checked if self._denies(p.licence)]
        unknown = [p.name for p in checked if not p.licence]
        counts: dict[str, int] = defaultdict(int)
        for package in packages:
            counts[package.licence or "unknown"] += 1
        numbers = {"licences": dict(sorted(counts.items())), "unknown": unknown}
        if bad:
            message = "; ".join(f"{p.name} {p.version}: {p.licence}" for p in bad)
            return GateResult(self.kind, name, Verdict.FAIL, message, numbers)
        if unknown and self.known:
            message = f"the licence of {', '.join(unknown)} is unknown"
            return GateResult(self.kind, name, Verdict.FAIL, message, numbers)
        message = f"none in {len(packages)} packages, {len(unknown)} without a known licence"
        return GateResult(self.kind, name, Verdict.PASS, message, numbers)

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
