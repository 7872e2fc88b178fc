"""`make demo`: the whole loop on real flights, in `demo/flights`, made anew each time.

The pipeline learns from January to March. The champion then serves the flights of April to
December month after month; their labels arrive late; what drifts is found, and repaired.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "demo"
FLIGHTS = HOME / "flights"
SERVERS = HOME / "servers.json"
MODEL = "flight-delay"
PORTS = {"service": 3300, "dashboard": 8866, "mlflow": 5055}
PROBES = {"service": "/readyz", "dashboard": "/", "mlflow": "/health"}
MONTHS = range(4, 13)  # of 2013; January to March are learnt from
SAMPLE = 2000
BATCH = 1000
SEED = 7
REVIEWERS = ("grace@example.org", "lin@example.org")
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Month:
    """What the service did in a month: the version that answered, its score and that of version 1
    on the same rows."""

    start: date
    version: int
    auc: float
    auc_first: float
    brier: float
    brier_first: float
    late: float
    predicted: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop the servers a demo left running")
    parser.add_argument(
        "--last", type=int, choices=MONTHS, default=MONTHS[-1], help="the month it ends with"
    )
    args = parser.parse_args()
    if args.stop:
        stop()
        return 0
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    began = time.monotonic()
    stop()
    prepare()
    title("Run the pipeline on January to March")
    gristmill("run")
    gristmill("run")
    title("Run the gates, agree, promote")
    gristmill("model", "gate", MODEL, "1")
    own = ("model", "approve", MODEL, "1", "--reason", "it is mine")
    gristmill(*own, refused=True)  # whoever made a version has no say on it
    gristmill("model", "request", MODEL, "1", "--reason", "the first of its kind")
    agree()
    gristmill("model", "promote", MODEL, "1", "--reason", "first model, passed its gates")
    title(f"Serve, watch, repair: April to {date(2013, args.last, 1):%B}")
    start("service", ["gristmill", "serve", MODEL, "--port", str(PORTS["service"])])
    months = [live(month) for month in MONTHS if month <= args.last]
    title("What happened")
    report(months)
    title("Why this one, who decided, and does it hold")
    gristmill("model", "compare", "1", "champion", "--html", "../comparison.html")
    gristmill("model", "card", MODEL, "champion", "--html", "--output", "../card.html")
    decisions = ("request", "approve", "reject", "promote")
    gristmill("audit", "log", "--model", MODEL, "--action", *decisions)
    gristmill("audit", "verify")
    token = os.environ.setdefault("GRISTMILL_DASHBOARD_TOKEN", secrets.token_urlsafe(24))
    start("dashboard", ["gristmill", "dashboard", "--port", str(PORTS["dashboard"])])
    start(
        "mlflow",
        ["mlflow", "server", "--host", "127.0.0.1", "--port",
         str(PORTS["mlflow"]), "--workers", "1",
         "--backend-store-uri", "sqlite:///.gristmill/mlflow.db"],
    )  # fmt: skip
    title(f"Running now ({time.monotonic() - began:.0f} s), until `make stop`")
    places = {"mlflow": f"#/models/{MODEL}", "dashboard": f"?token={token}"}
    for name, port in PORTS.items():
        print(f"  {name:<10} http://127.0.0.1:{port}/{places.get(name, '')}")
    print("  notebooks  make lab")
    return 0


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def gristmill(*arguments: str, actor: str = "", refused: bool = False) -> None:
    """Run a command as its user would, and show it. In this process: its imports are paid once.

    `actor` is who does it, git's user when "". The demo ends unless it succeeds, or is `refused`.
    """
    from gristmill.cli import main as command

    prefix = f"GRISTMILL_ACTOR={actor} " if actor else ""
    print(f"$ {prefix}gristmill {shlex.join(arguments)}", flush=True)
    os.environ["GRISTMILL_ACTOR"] = actor
    code = command(["-C", str(FLIGHTS), *arguments])
    os.environ.pop("GRISTMILL_ACTOR")
    if bool(code) != refused:
        raise SystemExit(code or f"`gristmill {shlex.join(arguments)}` should have been refused")


def agree() -> None:
    """The reviewers approve what waits for them: two people, neither of whom made the version."""
    from gristmill import Project
    from gristmill.registry import open_requests

    for entry in open_requests(Project.find(FLIGHTS)):
        arguments = (
            "model",
            "approve",
            MODEL,
            str(entry.version),
            "--reason",
            "read its gate report",
        )
        for reviewer in REVIEWERS:
            gristmill(*arguments, actor=reviewer)


def prepare() -> None:
    """A project of its own, committed, so that every version has a commit to point to. One with
    edited notebooks is kept aside."""
    if FLIGHTS.exists():
        changed = git("status", "--porcelain", "--", "*.ipynb", "*.py", "*.toml", "params*.yaml")
        if changed.strip():
            kept = HOME / f"flights-{datetime.now(UTC):%Y%m%dT%H%M%S}"
            FLIGHTS.rename(kept)
            print(f"kept your edited project as {kept.relative_to(ROOT)}")
        else:
            shutil.rmtree(FLIGHTS)
    ignored = shutil.ignore_patterns(".gristmill", "__pycache__", ".ipynb_checkpoints", ".dvc")
    shutil.copytree(ROOT / "notebooks/flights", FLIGHTS, ignore=ignored)
    shutil.copy(ROOT / "requirements.lock", FLIGHTS)
    git("init", "--quiet", "--initial-branch", "main")
    for key, value in (("user.name", "Demo"), ("user.email", "demo@example.org")):
        git("config", key, value)
    commit("The flights project")
    gristmill("trust")


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=FLIGHTS, check=True, capture_output=True, text=True
    )
    return done.stdout


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)


def start(name: str, program: Sequence[str]) -> None:
    """Start a server that outlives the demo and wait until it answers."""
    log = HOME / f"{name}.log"
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [str(BIN / program[0]), *program[1:]], cwd=FLIGHTS, env=environment, stdout=file,
            stderr=file, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    SERVERS.write_text(json.dumps({**running(), name: process.pid}))
    address = f"http://127.0.0.1:{PORTS[name]}{PROBES[name]}"
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10):
                print(f"{name} is up: http://127.0.0.1:{PORTS[name]}", flush=True)
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-1500:]
                raise SystemExit(f"{name} did not come up. The end of {log}:\n{tail}") from None
            time.sleep(0.2)


def running() -> dict[str, int]:
    return dict(json.loads(SERVERS.read_text())) if SERVERS.exists() else {}


def stop() -> None:
    """End the servers an earlier demo left running."""
    import psutil

    for name, pid in running().items():
        try:
            leader = psutil.Process(pid)
            if not any(word.endswith(("gristmill", "mlflow")) for word in leader.cmdline()):
                continue
            family = [leader, *leader.children(recursive=True)]
            leader.send_signal(signal.SIGTERM)
            _, left = psutil.wait_procs(family, timeout=10)
            for process in left:
                process.kill()
            print(f"stopped {name}")
        except psutil.NoSuchProcess:
            continue
    SERVERS.unlink(missing_ok=True)


def live(month: int) -> Month:
    """One month of real flights: ask before departure, tell the truth after arrival, look."""
    import pandas as pd

    sys.path[:0] = [] if str(FLIGHTS) in sys.path else [str(FLIGHTS)]
    from flightlib.replay import replay

    begin, end = date(2013, month, 1), date(2013 + month // 12, month % 12 + 1, 1)
    flights = replay(begin, end, SAMPLE, SEED)
    hours = [pd.Timestamp(day, tz="UTC") for day in (begin, end)]  # windows are in UTC
    flights = flights[flights["scheduled"].between(*hours, inclusive="left")]
    flights = flights.reset_index(drop=True)
    rows = flights.drop(columns="late")
    keys = [f"{begin:%Y-%m}-{i:05d}" for i in range(len(rows))]
    answers: list[dict[str, Any]] = []
    version = 0
    for part in parts(len(rows)):
        records = json.loads(rows.iloc[part].to_json(orient="records", date_format="iso"))
        for row, key in zip(records, keys[part], strict=True):
            row["request_id"] = key
        reply = post("/predict", {"rows": records})
        version = reply["version"]
        answers += reply["predictions"]
    labels = [
        {"request_id": key, "label": bool(late)}
        for key, late in zip(keys, flights["late"], strict=True)
    ]
    for part in parts(len(labels)):
        post("/feedback", {"labels": labels[part]})
    predictions = pd.Series([answer["prediction"] for answer in answers])
    figures = score(begin, version, predictions, flights)
    print(
        f"\n{begin:%B}: {len(rows):,} flights asked of version {version}, {figures.late:.0%} late "
        f"(predicted {figures.predicted:.0%}); AUC {figures.auc:.3f}, Brier {figures.brier:.4f}",
        flush=True,
    )
    gristmill("monitor", MODEL, "--now", end.isoformat(), "--last", "1", "--repair")
    agree()
    follow()
    return figures


def parts(length: int) -> Iterator[slice]:
    for begin in range(0, length, BATCH):
        yield slice(begin, begin + BATCH)


def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORTS['service']}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return dict(json.load(reply))
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path}: {error.code} {error.read().decode()}") from error


def follow() -> None:
    """Wait until the service answers with the champion, as it does by itself."""
    from gristmill import Project, champion

    holder = champion(Project.find(FLIGHTS), MODEL)
    deadline = time.monotonic() + 60
    while holder is not None and time.monotonic() < deadline:
        address = f"http://127.0.0.1:{PORTS['service']}/model"
        with urllib.request.urlopen(address, timeout=30) as reply:
            if json.load(reply)["version"] == holder.version:
                return
        time.sleep(0.2)
    raise SystemExit("the service did not take the new champion within a minute")


def score(begin: date, version: int, predictions: Any, flights: Any) -> Month:
    """The month's score, and what the first version would have scored on the same flights."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    from gristmill import Project
    from gristmill.predictor import probability
    from gristmill.registry import Registry

    registry = Registry(Project.find(FLIGHTS))
    first = predictions
    if version != 1:
        model = registry.load(registry.version(MODEL, 1))
        first = probability(model.predict(flights.drop(columns=["late", "scheduled"])))
    late = flights["late"].astype(int)
    return Month(
        start=begin,
        version=version,
        auc=roc_auc_score(late, predictions),
        auc_first=roc_auc_score(late, first),
        brier=brier_score_loss(late, predictions),
        brier_first=brier_score_loss(late, first),
        late=float(late.mean()),
        predicted=float(predictions.mean()),
    )


def report(months: Sequence[Month]) -> None:
    """Each month, and the sum: what the loop's models scored and what the first would have."""
    print("                                      AUC               Brier score (less is better)")
    print("month      version  late  predicted   loop   version 1  loop    version 1")
    for m in months:
        print(
            f"{m.start:%B}".ljust(10),
            f"{m.version:>7}  {m.late:>4.0%}  {m.predicted:>9.0%}   {m.auc:.3f}  "
            f"{m.auc_first:<9.3f}  {m.brier:.4f}  {m.brier_first:.4f}",
        )
    repaired = [m for m in months if m.version != 1]
    if repaired:
        mean = {
            name: sum(getattr(m, name) for m in repaired) / len(repaired)
            for name in ("auc", "auc_first", "brier", "brier_first")
        }
        print(
            f"\nSince the first repair ({len(repaired)} months): AUC {mean['auc_first']:.3f} "
            f"without repair, {mean['auc']:.3f} with it; Brier {mean['brier_first']:.4f} and "
            f"{mean['brier']:.4f}."
        )


if __name__ == "__main__":
    sys.exit(main())
