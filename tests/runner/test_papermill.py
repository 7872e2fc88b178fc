"""A notebook through papermill's engine, through ours, and as a step: the same notebook comes out.

What may differ is taken out first: times, identifiers that are drawn, and where one text of a
stream is cut into messages.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from gristmill.errors import GristmillError
from gristmill.pipeline import parse_notebook, parse_step
from gristmill.runner._notebook.execute import execute
from gristmill.runner._notebook.hooks import Hooks
from gristmill.warm import KernelRequest, start_kernel
from gristmill.warm._client import kernels
from tests.waiting import eventually

pytestmark = pytest.mark.slow

FULL: list[Any] = [
    ("depth: int = 3\nname = 'ä'", ["parameters"]),
    "# a comment alone",
    "",
    "print(depth, name, 'żółć 漢字 🎈')\ndepth + 1",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "from IPython.display import HTML, JSON, Image, Markdown, SVG, display\n"
    "display(HTML('<b>a</b>'), Markdown('*b*'), JSON({'c': 1}))\n"
    "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')",
    "import sys\nprint('to stderr', file=sys.stderr)",
    "import ipywidgets as w\nslider = w.IntSlider(value=3, description='größe')\n"
    "box = w.VBox([slider, w.Label('x')])\nbox",
    "slider.value = 9  # papermill itself hangs now and then on a widget of kind Output",
    "handle = display('first', display_id='one')\nhandle2 = display('x', display_id=True)",
    "handle.update('second')\nhandle2.update(HTML('<b>y</b>'))",
    "from IPython.display import clear_output\nfor i in range(3):\n    clear_output(wait=True)\n"
    "    print('pass', i)\nclear_output()\nprint('after')",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "async def f():\n    return 5\nawait f()",
    "for i in range(200):\n    print('x' * 10_000)",
    "%%capture caught\nprint('hidden')",
    "caught.stdout",
    "!echo shell",
    "%%bash\necho from bash",
    "%env GRISTMILL_TEST=1",
    ("1 / 0", ["raises-exception"]),
    ("raise SystemExit", ["skip-execution"]),
    "__import__('warnings').warn('careful')",
    "_",
    "exec('z = 1'); z",
    "In[-1], len(Out) > 3",
    "import os; os.write(1, b'descriptor\\n'); os.getcwd().rsplit('/')[-1]",
]

FAILING: dict[str, list[Any]] = {
    "raises": ["def deep(n):\n    return deep(n - 1) if n else 1 / 0\ndeep(3)", "print('never')"],
    "syntax": ["print('a')", "def g(:\n    pass", "1"],
    "input": ["print('before')", "input('name? ')", "1"],
    "exit-zero": ["import sys\nprint('a')\nsys.exit(0)", "print('after')"],
    "awaits": ["import asyncio\nawait asyncio.sleep(0)\nraise ValueError('späť')", "1"],
    "killed": [  # a kernel reports that a cell begins in its own time
        "print('last words')",
        "import os, signal, time\ntime.sleep(0.3)\nos.kill(os.getpid(), signal.SIGKILL)",
        "1",
    ],
}


@pytest.fixture(scope="module")
def world() -> Iterator[Path]:
    """A folder to work in, whose fork server is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gm-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_RUNTIME_DIR", str(folder))
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        patch.chdir(folder)
        yield folder
        kernels.stop_servers(kill=True)
    shutil.rmtree(folder)


def notebook_of(cells: list[Any]) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "P", "language": "python"}
    notebook.cells.append(nbformat.v4.new_markdown_cell("# Überschrift"))
    if not isinstance(cells[0], tuple):
        cells = [("gain: int = 1", ["parameters"]), *cells]
    for index, cell in enumerate(cells):
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        made = nbformat.v4.new_code_cell(source, id=f"cell-{index}")
        if tags:
            made.metadata["tags"] = tags
        notebook.cells.append(made)
    return notebook


def papermills(source: Path, target: Path, engine: str | None, **options: Any) -> type | None:
    """Execute by papermill's own verb; the class of what it raised."""
    try:
        papermill.execute_notebook(
            str(source), str(target), engine_name=engine, progress_bar=False, **options
        )
    except (PapermillExecutionError, DeadKernelError) as error:
        return type(error)
    return None


def as_step(source: Path, target: Path, params: dict[str, Any]) -> GristmillError | None:
    """Execute the way a run executes a step, on a warm kernel."""
    text = source.read_text(encoding="utf-8")
    step = parse_step(parse_notebook(text, source.name), "step")
    assert step is not None
    with start_kernel(KernelRequest(source.parent, preload=(), environment="e")) as kernel:
        assert kernel.warm, kernel.reason
        failure = execute(step, text, params, kernel, Hooks(source.name, target))
    return failure.error if failure else None


TIMES = {"start_time", "end_time", "duration", "execution", "output_path"}
MARKER = "papermill-error-cell-tag"


def plain(path: Path, *, as_step: bool = False) -> Any:
    """The notebook without what differs from one execution to the next.

    A step's executed notebook names its source relative to the root and has no cells added to
    mark the failure, so that its cells keep their places.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(nbformat.reads(json.dumps(raw), as_version=4))
    for cell in raw["cells"]:
        if not str(cell["id"]).startswith("cell-"):
            del cell["id"]
        if "outputs" in cell:
            cell["outputs"] = joined(cell["outputs"])
    raw["metadata"]["papermill"]["input_path"] = Path(
        raw["metadata"]["papermill"]["input_path"]
    ).name
    if as_step:
        raw["cells"] = [c for c in raw["cells"] if MARKER not in c["metadata"].get("tags", [])]
    widgets = raw["metadata"].pop("widgets", {}).get(WIDGETS, {}).get("state", {})
    raw = inlined(raw, widgets)
    raw["widgets"] = sorted(
        json.dumps(inlined(w, widgets), sort_keys=True) for w in widgets.values()
    )
    text = json.dumps(drop(raw, TIMES), sort_keys=True, ensure_ascii=False)
    text = re.sub(r"ipykernel_\d+/\d+\.py", "ipykernel/cell.py", text)
    return json.loads(re.sub(r"0x[0-9a-f]{6,}", "0x", text))


WIDGETS = "application/vnd.jupyter.widget-state+json"


def inlined(value: Any, widgets: dict[str, Any]) -> Any:
    """Widgets in the places of the random names by which they are referred to."""
    if isinstance(value, dict):
        return {k: inlined(v, widgets) for k, v in value.items()}
    if isinstance(value, list):
        return [inlined(v, widgets) for v in value]
    name = value.removeprefix("IPY_MODEL_") if isinstance(value, str) else None
    return inlined(widgets[name], widgets) if name in widgets else value


def joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Streams of one name that follow each other, as one."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output["output_type"] == "stream":
            output["text"] = "".join(output["text"])
            if last.get("name") == output["name"]:
                last["text"] += output["text"]
                continue
        merged.append(output)
    return merged


def drop(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {k: drop(v, names) for k, v in value.items() if k not in names}
    return [drop(v, names) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", ["full", *FAILING])
def test_three_ways_to_one_notebook(
    world: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)  # papermill works where it was started, a step at the root
    source = world / f"{kind} größe.ipynb"
    nbformat.write(notebook_of(FULL if kind == "full" else FAILING[kind]), source)
    params = {"depth": 5, "name": "ü\n\"'"} if kind == "full" else {}
    theirs, ours, step = (world / f"{kind} {who} ß.ipynb" for who in ("theirs", "ours", "step"))
    raised = [
        papermills(source, theirs, None, parameters=params),
        papermills(source, ours, "gristmill", parameters=params),
    ]
    assert raised[0] == raised[1]
    assert plain(ours) == plain(theirs)
    error = as_step(source, step, params)
    assert (error is None) == (raised[0] is None)
    assert plain(step, as_step=True) == plain(theirs, as_step=True)
    if kind == "killed":
        assert error is not None
        assert error.code == "step.kernel-died"
        assert raised[0] is DeadKernelError
        assert plain(step)["cells"][2]["outputs"][0]["text"] == "last words\n"
    if kind == "full":
        made = plain(step)
        assert len(json.dumps(made)) > 2_000_000
        assert len(made["widgets"]) > 5
        assert "image/png" in json.dumps(made)
        assert made["metadata"]["papermill"]["parameters"] == params


def test_the_command_line_saves_while_a_cell_is_silent_and_never_half(world: Path) -> None:
    source, target = world / "källa.ipynb", world / "mål.ipynb"
    nbformat.write(
        notebook_of(["print('early')", "print('seen')\nimport signal\nsignal.pause()", "1"]), source
    )
    command = ["papermill", "--engine", "gristmill", "--no-progress-bar", source.name, target.name]

    def printed() -> bool:
        text = target.read_text(encoding="utf-8") if target.exists() else "{}"
        json.loads(text)  # never half
        return "seen\\n" in text

    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=world)
    try:
        eventually(printed)
    finally:
        process.kill()
        process.wait()
    saved = nbformat.read(target, as_version=4)
    assert saved.cells[2].outputs[0].text == "early\n"
    assert saved.cells[3].metadata.papermill.status == "running"


def test_a_missing_folder_is_papermills_error(world: Path) -> None:
    source = world / "plain.ipynb"
    nbformat.write(notebook_of(["1"]), source)
    for engine in (None, "gristmill"):
        with pytest.raises(FileNotFoundError, match="output folder"):
            papermill.execute_notebook(
                str(source), str(world / "none/x.ipynb"), engine_name=engine, progress_bar=False
            )
    target = world / "mine.ipynb"
    target.touch(mode=0o600)
    assert papermills(source, target, "gristmill") is None
    assert target.stat().st_mode & 0o777 == 0o600
