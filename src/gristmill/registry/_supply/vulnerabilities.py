"""pip-audit on the packages of an SBOM, against PyPI's service or a snapshot of OSV's records.

pip-audit asks over HTTP only, so a snapshot is served to it on loopback as OSV's `/v1/query`
would, for as long as it runs.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid, NotFound, Unavailable
from gristmill.registry._supply.sbom import Package, normal

SECONDS = 600
TIMEOUT = 15


def look_up(
    packages: Sequence[Package], database: Path | None, now: datetime, days: float
) -> dict[str, Any]:
    """What pip-audit knows of the packages.

    A record: `packages` counts them, `source` names who was asked, `vulnerable` lists {package,
    version, id, aliases, fixed}; of a snapshot also `records`, `newest` and its `sha256`. Raises
    Unavailable without network or pip-audit, Invalid for a snapshot older than `days`, NotFound.
    """
    if find_spec("pip_audit") is None:
        raise Unavailable(
            "audit.missing", "pip-audit is not installed.", hint='pip install "gristmill[govern]"'
        )
    if database is None:
        return _summary(_pip_audit(packages, ["-s", "pypi"]), packages, "PyPI")
    snapshot = Snapshot.read(database)
    age = (now - snapshot.newest).total_seconds() / 86400
    if age > days:
        raise Invalid(
            "audit.snapshot",
            f"the snapshot {database.name} is {age:.0f} days old: its newest record is of "
            f"{snapshot.newest:%Y-%m-%d}.",
            hint="Fetch a newer one, or raise `days` of the gate.",
        )
    with snapshot.served() as url:
        audit = _pip_audit(packages, ["-s", "osv", "--osv-url", url])
    source = f"the snapshot of {snapshot.newest:%Y-%m-%d}"
    facts = {"records": snapshot.count, "newest": snapshot.newest.isoformat()}
    return _summary(audit, packages, source) | facts | {"sha256": snapshot.sha256}


class Snapshot:
    """OSV records by package name."""

    def __init__(
        self, records: Mapping[str, list[dict[str, Any]]], count: int, newest: datetime, sha256: str
    ) -> None:
        self._records = records
        self.count = count
        self.newest = newest
        self.sha256 = sha256

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """From a directory of JSON files, or a zip of it. Raises NotFound, Invalid."""
        if not path.exists():
            raise NotFound("audit.snapshot", f"the snapshot {path} does not exist.")
        by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
        digest, dates, count = hashlib.sha256(), [], 0
        for name, text in _files(path):
            try:
                record = json.loads(text)
                affected = record.get("affected") or []
                dates.append(datetime.fromisoformat(record["modified"]).astimezone(UTC))
                names = {
                    normal(a["package"]["name"])
                    for a in affected
                    if a["package"]["ecosystem"] == "PyPI"
                }
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Invalid("audit.record", f"{name} is not an OSV record: {error!r}") from error
            digest.update(hashlib.sha256(text).digest())
            count += 1
            for package in names:
                by_name[package].append(record)
        if not count:
            raise Invalid(
                "audit.snapshot",
                f"{path} contains no OSV record.",
                hint="Records are *.json files.",
            )
        return cls(by_name, count, max(dates), digest.hexdigest())

    def query(self, name: str, version: str) -> list[dict[str, Any]]:
        """The records that say they affect this version, not withdrawn."""
        return [
            record
            for record in self._records.get(normal(name), ())
            if not record.get("withdrawn") and _affects(record, normal(name), version)
        ]

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address of a loopback server that answers as OSV's `/v1/query` does."""
        snapshot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                records = snapshot.query(request["package"]["name"], request["version"])
                body = json.dumps({"vulns": records} if records else {}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Requests are not logged."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield file.name, file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    yield name, archive.read(name)


def _affects(record: Mapping[str, Any], name: str, version: str) -> bool:
    """OSV's evaluation: listed in `versions`, or inside a range of type ECOSYSTEM.

    https://ossf.github.io/osv-schema/#evaluation
    """
    from packaging.version import InvalidVersion, Version

    try:
        asked = Version(version)
    except InvalidVersion:
        return False
    for affected in record["affected"]:
        package = affected["package"]
        if package["ecosystem"] != "PyPI" or normal(package["name"]) != name:
            continue
        if version in affected.get("versions", ()):
            return True
        for ranges in affected.get("ranges", ()):
            if ranges["type"] != "ECOSYSTEM":
                continue
            inside = False
            events = [(kind, v) for e in ranges["events"] for kind, v in e.items()]
            moments = {"introduced": 0, "last_affected": 1, "fixed": 0, "limit": 0}
            for kind, at in sorted(
                events, key=lambda e: (Version("0" if e[1] == "0" else e[1]), moments[e[0]])
            ):
                edge = Version(at)
                if kind == "introduced" and asked >= edge:
                    inside = True
                elif (kind in ("fixed", "limit") and asked >= edge) or (
                    kind == "last_affected" and asked > edge
                ):
                    inside = False
            if inside:
                return True
    return False


def _pip_audit(packages: Sequence[Package], service: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        pins = Path(name) / "requirements.txt"
        pins.write_text("".join(f"{p.name}=={p.version}\n" for p in packages), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", str(pins), "--no-deps", "--disable-pip"]
        command += ["-f", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT)]
        command += ["--cache-dir", f"{name}/cache", *service]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable("audit.time", f"pip-audit took over {SECONDS} seconds.") from error
    try:
        audit: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise Unavailable(
            "audit.failed",
            f"pip-audit failed: {lines[-1][:300]}",
            hint="Without a network, set `database` of the gate to a snapshot.",
        ) from error
    return audit


def _summary(audit: Mapping[str, Any], packages: Sequence[Package], source: str) -> dict[str, Any]:
    skipped = [d["name"] for d in audit["dependencies"] if "skip_reason" in d]
    if skipped:
        raise Unavailable("audit.skipped", f"pip-audit skipped {', '.join(skipped)}.")
    return {
        "packages": len(packages),
        "source": source,
        "vulnerable": [
            {
                "package": dependency["name"],
                "version": dependency["version"],
                "id": known["id"],
                "aliases": sorted(known.get("aliases", [])),
                "fixed": known["fix_versions"],
            }
            for dependency in audit["dependencies"]
            for known in dependency["vulns"]
        ],
    }
