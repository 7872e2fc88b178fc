"""Gristmill's runner against its peers, side by side: prints the tables of the README.

    python benchmarks/runner.py [--rounds N] [--quick] [--peers DIR]

Every contender runs the same cells on one core, in turn, round after round; a figure is the median.
`--peers DIR` also compares Ploomber and Elyra, each installed into an environment below DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import flights
import peers
from contender import CORE, Contender, edit, shell, timed

SAVED_CELLS = 200
"""More take papermill as it is minutes."""


def settle(root: Path) -> None:
    """Wait for the server that a first run leaves starting in the background."""
    shell(root, sys.executable, "-m", "gristmill.cli._driver")


def gristmill(work: Path, name: str, *, warm: bool, kernels: bool, cores: set[int]) -> Contender:
    root = flights.as_project(work / name.replace(" ", "-").replace(",", ""))
    extra = ["--kernel", "warm"] if kernels else []
    flip = {"threshold: float = 0.5": "threshold: float = 0.4"}
    count = iter(range(1000))

    def run(*options: str) -> None:
        shell(root, "gristmill", "run", *options, *extra, cores=cores)

    def stop() -> None:
        settle(root)
        shell(root, "gristmill", "doctor", "--stop")

    def warm_up() -> None:
        """Servers that another contender stopped are there again before the clock runs."""
        run("--force")
        settle(root)
        run("--force")

    def change() -> None:
        old, new = next(iter(flip.items()))
        edit(root, "evaluate", old, new)
        flip.clear()
        flip[new] = old
        run("--force", "--only", "evaluate")

    def edit_markdown() -> None:
        number = next(count)
        edit(root, "clean", "# Clean" + "!" * number, "# Clean" + "!" * (number + 1))
        shell(root, "gristmill", "run")

    return Contender(
        name,
        lambda: run("--force"),
        before=warm_up if warm else stop,
        after=lambda: settle(root),
        noop=lambda: shell(root, "gristmill", "run"),
        parameter=change if warm else None,
        markdown=edit_markdown,
    )


def contenders(work: Path, chosen: Path | None) -> list[Contender]:
    script = flights.folders(work / "script")
    (script / "all.py").write_text(flights.as_script(list(flights.STEPS)))
    (script / "last.py").write_text(flights.as_script(["evaluate"]))
    both = set(os.sched_getaffinity(0))
    own = [
        Contender(
            "plain script",
            lambda: shell(script, sys.executable, "all.py"),
            parameter=lambda: shell(script, sys.executable, "last.py"),
        ),
        gristmill(work, "gristmill, kernels, warm", warm=True, kernels=True, cores=CORE),
        gristmill(work, "gristmill, warm", warm=True, kernels=False, cores=CORE),
        gristmill(work, "gristmill, warm, two cores", warm=True, kernels=False, cores=both),
        gristmill(work, "gristmill, kernels, no server", warm=False, kernels=True, cores=CORE),
        gristmill(work, "gristmill, no server", warm=False, kernels=False, cores=CORE),
    ]
    return own + peers.contenders(work, chosen)


def measure(one: Contender, rounds: int, results: dict[str, dict[str, list[float]]]) -> None:
    mine = results.setdefault(one.name, {})
    for kind in ("fresh", "noop", "parameter", "markdown"):
        action = getattr(one, kind)
        if action is not None:
            if kind == "fresh":
                one.before()
            for _ in range(5 if kind in {"noop", "markdown"} else 1):
                mine.setdefault(kind, []).append(timed(action))
            if kind == "fresh":
                one.after()


def print_table(results: dict[str, dict[str, list[float]]]) -> None:
    base = results["plain script"]["fresh"]
    print(f"\n{'eight steps, 50,000 flights, one core':<38}{'fresh':>16}", end="")
    print(f"{'no-op':>9}{'parameter':>11}{'markdown':>10}")
    for name, mine in results.items():
        ratio = statistics.median(a / b for a, b in zip(mine["fresh"], base, strict=False))
        text = f"{statistics.median(mine['fresh']):.2f} s ({ratio:.2f})"
        cells = [
            f"{statistics.median(mine[kind]):.2f}" if kind in mine else "-"
            for kind in ("noop", "parameter", "markdown")
        ]
        print(f"{name:<38}{text:>16}{cells[0]:>9}{cells[1]:>11}{cells[2]:>10}")


def no_work(work: Path, steps: int, rounds: int) -> None:
    """Nothing to do: `gristmill run` and `dvc repro` in the same project."""
    root = flights.trivial(work / f"trivial-{steps}", steps)
    shell(root, "gristmill", "run", "-j", "2", cores=set(os.sched_getaffinity(0)))
    number = iter(range(1000))

    def markdown() -> None:
        at = next(number)
        edit(root, "step_003", "# Step_003" + "!" * at, "# Step_003" + "!" * (at + 1))

    def comment() -> None:
        path = root / "step_004.ipynb"
        notebook = json.loads(path.read_text())
        notebook["cells"][2]["source"] = [*notebook["cells"][2]["source"], "\n# words"]
        path.write_text(json.dumps(notebook))

    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, before in (("", lambda: None), ("markdown", markdown), ("comment", comment)):
            before()
            ours = timed(lambda: shell(root, "gristmill", "run"))
            figures.setdefault(f"gristmill run {name}", []).append(ours)
        figures.setdefault("dvc repro", []).append(timed(lambda: shell(root, "dvc", "repro")))
        bare = timed(lambda: shell(root, sys.executable, "-c", "pass"))
        figures.setdefault("python -c pass", []).append(bare)
    peer = statistics.median(figures["dvc repro"])
    print(f"\nnothing to do, {steps} steps, one core")
    for name, seconds in figures.items():
        middle = statistics.median(seconds)
        times = f"   dvc repro takes {peer / middle:.0f} times it" if "run" in name else ""
        print(f"  {name:<28}{middle * 1000:>8.0f} ms{times}")


def cell_cost(work: Path, rounds: int) -> None:
    """What a cell costs over running its code, and whether large outputs add up.

    `many` is a notebook of such cells, `empty` one without them: the difference, by the cell. The
    last two are papermill's command, told to save only at the end, and as it is: once and not for
    the longest notebook, as it saves everything twice for each cell.
    """
    lazy = ("--no-request-save-on-cell-execute", "--autosave-cell-every", "0")
    engines = {
        "Gristmill, kernel": ("gristmill", "run", "STEP", "--only", "--force", "--kernel", "warm"),
        "Gristmill": ("gristmill", "run", "STEP", "--only", "--force"),
        "papermill, one save": ("papermill", "STEP.ipynb", "done.txt", *lazy),
        "papermill": ("papermill", "STEP.ipynb", "done.txt"),
    }
    print(f"{'ms a cell, over its code':<32}" + "".join(f"{name:>21}" for name in engines))
    for cells, size in ((1000, 0), (200, 0), (50, 100_000), (200, 100_000)):
        print(f"{f'{cells} cells, {size:,} characters each':<32}", end="", flush=True)
        for number, (name, template) in enumerate(engines.items()):
            if name == "papermill" and cells > SAVED_CELLS:
                print(f"{'-':>21}", end="")
                continue
            root = cells_project(work / f"cells-{number}-{cells}-{size}", cells, size)

            def run(step: str, root: Path = root, template: tuple[str, ...] = template) -> float:
                command = (word.replace("STEP", step) for word in template)
                return timed(lambda: shell(root, *command))

            if name.startswith("Gristmill"):
                run("many")
                settle(root)
                run("many")
                run("empty")
            times = range(1 if name == "papermill" else rounds)
            cost = statistics.median(run("many") - run("empty") for _ in times) / cells
            print(f"{cost * 1000:>21.2f}", end="", flush=True)
        print()


def cells_project(root: Path, cells: int, size: int) -> Path:
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    shell(root, "gristmill", "init")
    body = f"print('x' * {size})" if size else "n = 1"
    many = ["open(out, 'w').close()", *[body] * cells]
    flights.write_notebook(root / "many.ipynb", 'out: Output = "out.txt"', many)
    one = ["open(other, 'w').close()"]
    flights.write_notebook(root / "empty.ipynb", 'other: Output = "o.txt"', one)
    return root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="words of contenders' names")
    parser.add_argument("--peers", type=Path, help="where environments of peers are made")
    parser.add_argument("--parts", default="pipeline,noop,cells")
    parser.add_argument("--json", type=Path, help="also write every figure there")
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="gristmill-bench-"))
    results: dict[str, dict[str, list[float]]] = {}
    try:
        if "pipeline" in args.parts:
            everyone = contenders(work, args.peers)
            chosen = [c for c in everyone if not args.only or any(w in c.name for w in args.only)]
            for number in range(args.rounds):
                for one in chosen:
                    print(f"round {number + 1} of {args.rounds}: {one.name}", flush=True)
                    try:
                        measure(one, args.rounds, results)
                    except SystemExit as failed:
                        if not any(word in one.name for word in peers.ELSEWHERE):
                            raise
                        print(f"left out, it does not run here: {failed}")
                        results.pop(one.name, None)
            print_table(results)
        if "noop" in args.parts:
            for steps in (8, 200):
                no_work(work, steps, args.rounds)
        if "cells" in args.parts:
            print()
            cell_cost(work, args.rounds)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1))
    finally:
        shell(Path.cwd(), "gristmill", "doctor", "--stop")
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
