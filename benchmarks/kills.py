"""What is left after a kill, whoever was writing and whenever?

Every command that writes is killed with SIGKILL at random moments: the process, all of its group,
or the fork servers with it. The same command then runs once more, undisturbed, and must succeed;
after it the ledger must verify, the aliases be those of the ledger, no MLflow run be left running,
no process be alive and no half-written file lie anywhere in the project.

    python benchmarks/kills.py [--kills 1000] [--seed 1] [--only run promote]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import psutil

MODEL = "demo"
COMMAND = "import sys; from gristmill.cli import main; sys.exit(main(sys.argv[1:]))"
FIRST_KILL_S = 0.05
SETTLE_S = 15.0
SETTINGS = """
[project]
name = "kills"
[models.demo]
path = "models/best"
metrics = "metrics.json"
reference = "data/reference.parquet"
holdout = "data/holdout.parquet"
target = "y"
[[models.demo.gates]]
kind = "minimum"
metric = "roc_auc"
value = 0.6
[models.demo.monitoring]
window = "1d"
"""
PARAMETERS = """from gristmill import Input, Metrics, Output

rows: Input = "rows.parquet"
model: Output = "models/best"
reference: Output = "data/reference.parquet"
holdout: Output = "data/holdout.parquet"
scores: Metrics = "metrics.json"
strength: float = 1.0
"""
TRAIN = """import json, shutil
from pathlib import Path
import mlflow.sklearn, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

table = pd.read_parquet(rows)
train, test = table[:600], table[600:]
columns = ["a", "b"]
fitted = LogisticRegression(C=strength).fit(train[columns], train.y)
shutil.rmtree(model, ignore_errors=True)
example = train[columns].head(3)
mlflow.sklearn.save_model(
    fitted, model, signature=infer_signature(example, fitted.predict_proba(example)),
    input_example=example, pip_requirements=["scikit-learn"], pyfunc_predict_fn="predict_proba",
    skops_trusted_types=["numpy.dtype"],
)
Path("data").mkdir(exist_ok=True)
train.assign(prediction=fitted.predict_proba(train[columns])[:, 1]).to_parquet(reference)
test.to_parquet(holdout)
auc = roc_auc_score(test.y, fitted.predict_proba(test[columns])[:, 1])
Path(scores).write_text(json.dumps({"roc_auc": auc}))
"""


@dataclass
class Writer:
    """A command that writes, for the n-th time, and what has to be there before."""

    arguments: Callable[[int], list[str]]
    prepare: Callable[[Path, int], None] = lambda root, n: None
    again: Callable[[Path, int], list[str]] | None = None
    kills: int = 0
    ended: int = 0
    moments: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def change_model(root: Path, n: int) -> None:
    """Train another model, so that there is a new version to register."""
    finish(root, ["run", "-p", f"train.strength={2 + n / 1000}"])


def sweep(n: int) -> list[str]:
    values = f"train.strength={0.5 + n / 1000},{1.5 + n / 1000}"
    return ["sweep", "-p", values, "--metric", "metrics.json:roc_auc", "--maximize",
            "--name", f"s{n}"]  # fmt: skip


def judge(root: Path, n: int) -> None:
    """Judge the version whose turn it is against the champion as it is now."""
    finish(root, ["model", "gate", MODEL, str(1 + n % 2)])


def judge_and_promote(root: Path, n: int) -> list[str]:
    """The killed one may have moved the alias, against which a report is judged."""
    judge(root, n)
    return promote(n)


def promote(n: int) -> list[str]:
    return ["model", "promote", MODEL, str(1 + n % 2), "--reason", f"turn {n}"]


def promote_both(root: Path, n: int) -> None:
    """So that there is a version to go back to."""
    for turn in (n, n + 1):
        finish(root, judge_and_promote(root, turn))


def roll_back(n: int) -> list[str]:
    return ["model", "rollback", MODEL, "--reason", f"turn {n}"]


def roll_back_or_look(root: Path, n: int) -> list[str]:
    """Nothing is left to take back when the killed one had done it."""
    from gristmill.project import Project
    from gristmill.registry import Registry

    moves = Registry(Project.load(root)).ledger.entries(MODEL, action="rollback")
    done = any(entry.reason == f"turn {n}" for entry in moves)
    return ["audit", "verify"] if done else roll_back(n)


def resume_sweep(root: Path, n: int) -> list[str]:
    begun = (root / f".gristmill/sweeps/s{n}/sweep.json").exists()
    return ["sweep", "--resume", f"s{n}"] if begun else sweep(n)


WRITERS = {
    "run": Writer(lambda n: ["run", "-p", f"train.strength={1 + n / 1000}"]),
    "step set": Writer(lambda n: ["step", "set", "train.ipynb", f"strength={1 + n / 1000}"]),
    "sweep": Writer(sweep, again=resume_sweep),
    "register": Writer(lambda n: ["model", "register", MODEL], change_model),
    "gate": Writer(lambda n: ["model", "gate", MODEL, str(1 + n % 2)]),
    "promote": Writer(promote, judge, judge_and_promote),
    "roll back": Writer(roll_back, promote_both, roll_back_or_look),
    "score": Writer(lambda n: ["score", MODEL, "rows.parquet", "scored.parquet"]),
    "monitor": Writer(lambda n: ["monitor", MODEL, "--now", "2026-01-09"]),
    "card": Writer(lambda n: ["model", "card", MODEL, "1", "--output", "card.md"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=WRITERS, default=list(WRITERS))
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="gristmill-kills-"))
    os.environ["GRISTMILL_RUNTIME_DIR"] = str(folder / "sockets")
    os.environ["GRISTMILL_ACTOR"] = "benchmark@example.org"
    os.environ["GRISTMILL_TRUST"] = str(folder)
    root = folder / "project"
    try:
        prepare(root)
        each = -(-arguments.kills // len(arguments.only))
        print(f"{'writer':<10} kills  ended first  killed after (s)   left behind")
        for name in arguments.only:
            torment(root, WRITERS[name], each, chance)
            print(line(name, WRITERS[name]), flush=True)
            for fault in WRITERS[name].faults[:5]:
                print(f"  {fault}")
    finally:
        from gristmill.warm import stop_servers

        stop_servers(kill=True)
        shutil.rmtree(folder, ignore_errors=True)
    faults = [f for name in arguments.only for f in WRITERS[name].faults]
    total = sum(WRITERS[name].kills for name in arguments.only)
    print(f"{total:,} kills, {len(faults)} of them left something behind (seed {arguments.seed})")
    sys.exit(bool(faults))


def line(name: str, writer: Writer) -> str:
    low, high = min(writer.moments, default=0.0), max(writer.moments, default=0.0)
    return (
        f"{name:<10} {writer.kills:>5}  {writer.ended:>11}  {low:>6.2f} to {high:>5.2f}    "
        f"{len(writer.faults) or 'nothing'}"
    )


def prepare(root: Path) -> None:
    """A project of one notebook, with two versions that have passed their gates."""
    root.mkdir(parents=True)
    (root.parent / "sockets").mkdir(mode=0o700)
    (root / "gristmill.toml").write_text(SETTINGS)
    (root / ".gitignore").write_text(".gristmill/\n/models\n/data\nmlruns/\n")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(1000, 2)), columns=["a", "b"])
    table["y"] = (table.a + rng.normal(size=1000) > 0).astype(int)
    table.to_parquet(root / "rows.parquet")
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(TRAIN),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    nbformat.write(book, root / "train.ipynb")
    for words in (
        ["git", "init", "--quiet"],
        ["git", "config", "user.email", "benchmark@example.org"],
        ["git", "config", "user.name", "benchmark"],
    ):
        subprocess.run(words, cwd=root, check=True)
    finish(root, ["run"])
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", "project"], cwd=root, check=True)
    for version in (1, 2):
        if version == 2:
            change_model(root, 0)
        finish(root, ["model", "register", MODEL])
        finish(root, ["model", "gate", MODEL, str(version)])
        finish(root, ["model", "promote", MODEL, str(version), "--reason", "first"])


def begin(root: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finish(root: Path, arguments: list[str]) -> float:
    """Run a command to its end; how long it took."""
    began = time.monotonic()
    process = begin(root, arguments)
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"gristmill {' '.join(arguments)}: {output.decode(errors='replace')}")
    return time.monotonic() - began


def torment(root: Path, writer: Writer, kills: int, chance: random.Random) -> None:
    turn = 1
    writer.prepare(root, turn)
    longest = finish(root, writer.arguments(turn))
    while writer.kills < kills:
        turn += 1
        writer.prepare(root, turn)
        arguments, moment = writer.arguments(turn), chance.uniform(FIRST_KILL_S, longest)
        process = begin(root, arguments)
        try:
            process.communicate(timeout=moment)
            writer.ended += 1
        except subprocess.TimeoutExpired:
            victim = chance.choice(("the process", "its group", "it and the fork servers"))
            strike(process, victim)
            writer.kills += 1
            writer.moments.append(moment)
            where = f"gristmill {' '.join(arguments)}: {victim} after {moment:.2f} s: "
            try:
                finish(root, writer.again(root, turn) if writer.again else arguments)
            except SystemExit as error:
                writer.faults.append(f"{where}{str(error)[-400:]}")
            writer.faults += [where + fault for fault in left_behind(root)]


def strike(process: subprocess.Popen[bytes], victim: str) -> None:
    if victim == "it and the fork servers":
        from gristmill.warm._client.servers import servers

        for server in servers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(server["pid"], signal.SIGKILL)
    target = os.killpg if victim == "its group" else os.kill
    with contextlib.suppress(ProcessLookupError):
        target(process.pid, signal.SIGKILL)
    process.communicate()


def left_behind(root: Path) -> list[str]:
    """What a kill may not leave, after the command has run again."""
    from mlflow import MlflowClient

    from gristmill.project import Project
    from gristmill.registry import Registry, audit

    project = Project.load(root)
    registry = Registry(project)
    faults = [f"the ledger: {problem}" for problem in audit(project).problems]
    aliases = dict(registry.client.get_registered_model(MODEL).aliases)
    holder = registry.version(MODEL, "champion").version
    if int(aliases.get("champion", -1)) != holder:
        faults.append(f"MLflow's champion is {aliases.get('champion')}, the ledger's {holder}")
    digests = [v.digest for v in registry.versions(MODEL)]
    if len(digests) != len(set(digests)):
        faults.append("a version is registered twice")
    client = MlflowClient(project.tracking_uri)
    experiments = [e.experiment_id for e in client.search_experiments()]
    running = client.search_runs(experiments, "attributes.status = 'RUNNING'", max_results=5000)
    faults += [f"MLflow run {r.info.run_name} is still running" for r in running]
    faults += [f"half-written {p.relative_to(root)}" for p in root.rglob(".*.tmp")]
    for path in root.rglob("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            faults.append(f"{path.relative_to(root)} is torn")
    deadline = time.monotonic() + SETTLE_S
    while (alive := processes(root)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return faults + alive


def processes(root: Path) -> list[str]:
    """Processes that work in the project; not the one that makes a server for later commands."""
    names = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            command = process.cmdline()
            if Path(process.cwd()) == root and "gristmill.cli._driver" not in command:
                names.append(f"process {process.pid} is alive: {' '.join(command[:4])}")
    return names


if __name__ == "__main__":
    main()
