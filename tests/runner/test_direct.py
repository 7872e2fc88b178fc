"""The light path makes the same executed notebook as a kernel, or says that it cannot."""

import os
import re
import shutil
import tempfile
import textwrap
import threading

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from gristmill.runner._notebook.kernel_needed import why_kernel_needed
from gristmill.runner._notebook.shell_executor import ShellExecutor, raise_error
from gristmill.warm import KernelRequest, NotWarm, start_kernel, stop_servers
from gristmill.warm._client import servers as warm_servers
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def servers():
    folder = tempfile.mkdtemp(prefix="gm-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_RUNTIME_DIR", folder)
        yield
        stop_servers(kill=True)
    shutil.rmtree(folder)


def request(cwd, **changes):
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    preload = ("matplotlib.pyplot", "pandas")
    return KernelRequest(
        **{"cwd": cwd, "project": cwd.parent, "preload": preload, "environment": "e", "env": env}
        | changes
    )


def code(source, *tags):
    metadata = {"tags": list(tags)} if tags else {}
    return nbformat.v4.new_code_cell(textwrap.dedent(source), metadata=metadata)


def book(*cells):
    return nbformat.v4.new_notebook(cells=[code(c) if isinstance(c, str) else c for c in cells])


def execute_direct(notebook, request, timeout=None, begun=lambda shell: None):
    rules = NotebookClient(notebook)
    rules.reset_execution_trackers()
    with ShellExecutor(request) as shell:
        begun(shell)
        notebook.metadata["language_info"] = shell.language_info
        for index, cell in enumerate(notebook.cells):
            reply = shell.execute_cell(rules, cell, index, timeout)
            if reply is not None:
                raise_error(rules, cell, reply)


def comparable(notebook):
    """Everything but times, process ids and how text was cut into stream outputs."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        texts, rest = {}, []
        for output in cell.outputs:
            if output["output_type"] == "stream":
                texts[output["name"]] = texts.get(output["name"], "") + output["text"]
            else:
                rest.append(dict(output))
        execution = sorted(cell.metadata.get("execution", {}))
        tidy = re.sub(
            r"ipykernel_\d+", "ipykernel", repr((cell.execution_count, sorted(texts.items()), rest))
        )
        cells.append((re.sub(r"0x[0-9a-f]+", "0x", tidy), execution))
    return cells, notebook.metadata.get("language_info")


NOTEBOOKS = {
    "text": ["print('a'); 1", "import sys; print('e', file=sys.stderr); print('ü', end='')\n'x'"],
    "nothing": ["x = 1", "", "x", "None", "x;", "_ + _2"],
    "rich": [
        "import pandas as pd; df = pd.DataFrame({'a': [1, 2]}); df",
        "from IPython.display import HTML, JSON, Image, Markdown, display\n"
        "display(HTML('<b>b</b>'), Markdown('# t')); display(JSON({'a': 1})); Markdown('x')",
    ],
    "figure": [
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "plt.plot([1, 2])",
        "fig, ax = plt.subplots(); ax.bar([1], [2]); plt.show(); print('after')",
    ],
    "automatic figure": ["import matplotlib.pyplot as plt\nplt.plot([3, 1]);"],
    "updates": [
        "from IPython.display import display, clear_output\nh = display('one', display_id='d')",
        "h.update('two')",
        "print('gone'); clear_output(); print('stays')",
        "print('gone'); clear_output(wait=True); display('last')",
    ],
    "tagged errors": [
        code("1 / 0", "raises-exception"),
        code("skipped = 1", "skip-execution"),
        "'skipped' in globals()",
        code("def f(:", "raises-exception"),
        code("input('?')", "raises-exception"),
        code("import sys; sys.exit(2)", "raises-exception"),
        "print('on')",
    ],
    "broken repr": [
        code("class A:\n    def __repr__(self): raise ValueError('r')\nA()", "raises-exception")
    ],
    "magics": [
        "%%capture got\nprint('hidden')",
        "got.stdout",
        "!echo from the shell",
        "found = !echo listed\nfound",
        "%pwd",
    ],
    "descriptors": [
        "import os, subprocess\nos.write(1, b'raw\\n'); os.write(2, 'é\\n'.encode())\n"
        "subprocess.run(['echo', 'child']);"
    ],
    "warnings": ["import warnings; warnings.warn('careful')"],
    "context": [
        "import os, sys; print(os.getcwd() == os.path.realpath('.'), sys.path[0] == '')",
        "get_ipython().__class__.__name__, __name__, len(sys.argv), In[1], list(Out)",
    ],
    "files": ["%%html\n<i>h</i>", "%%javascript\nalert(1)"],
    "large": ["print('y' * 3_000_000)", "'z' * 10"],
    "processes": [
        "import multiprocessing as m, time\n"
        "p = m.get_context('fork').Process(target=print, args=('from the fork',))\n"
        "print('before', flush=True); p.start(); p.join()\n"
        "time.sleep(1); print(p.exitcode)"  # what a fork prints takes its own time
    ],
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_executed_notebook_is_that_of_a_kernel(tmp_path, name):
    direct, kernel = book(*NOTEBOOKS[name]), book(*NOTEBOOKS[name])
    execute_direct(direct, request(tmp_path))
    with start_kernel(request(tmp_path)) as handle:
        NotebookClient(kernel, km=handle.km, timeout=60).execute()
    nbformat.validate(direct)
    assert comparable(direct) == comparable(kernel)


def test_text_keeps_the_order_in_which_it_was_written(tmp_path):
    notebook = book(
        "import sys\nfrom IPython.display import display\n"
        "print(1); display(2); print(3); print(4, file=sys.stderr); print(5); 6"
    )
    execute_direct(notebook, request(tmp_path))
    kinds = [(o["output_type"], o.get("name"), o.get("text")) for o in notebook.cells[0].outputs]
    assert kinds == [
        ("stream", "stdout", "1\n"),
        ("display_data", None, None),
        ("stream", "stdout", "3\n"),
        ("stream", "stderr", "4\n"),
        ("stream", "stdout", "5\n"),
        ("execute_result", None, None),
    ]


def test_text_arrives_while_the_cell_runs(tmp_path):
    notebook = book("import signal\nprint('now')\nsignal.pause()")
    seen = []

    def watch(shell):
        def end_when_seen():
            try:
                seen.extend(eventually(lambda: list(notebook.cells[0].outputs)))
            finally:
                os.kill(shell.pid, 9)

        threading.Thread(target=end_when_seen).start()

    with pytest.raises(DeadKernelError):
        execute_direct(notebook, request(tmp_path), begun=watch)
    assert seen[0]["text"] == "now\n"


def test_errors_are_nbclients(tmp_path):
    def outcome(run):
        notebook = book("1", nbformat.v4.new_markdown_cell("m"), "boom", "2")
        with pytest.raises(CellExecutionError) as error:
            run(notebook)
        return error.value.ename, comparable(notebook)

    def by_kernel(notebook):
        with start_kernel(request(tmp_path)) as handle:
            NotebookClient(notebook, km=handle.km).execute()

    assert outcome(lambda n: execute_direct(n, request(tmp_path))) == outcome(by_kernel)


@pytest.mark.parametrize(
    "body", ["signal.pause()", "while True: pass", "while True: print('x' * 100)"]
)
def test_a_timeout_ends_the_cell_and_the_process(tmp_path, body):
    notebook = book("import os; print(os.getpid())", f"import signal\n{body}")
    with pytest.raises(CellTimeoutError):
        execute_direct(notebook, request(tmp_path), timeout=2)
    pid = int(notebook.cells[0].outputs[0]["text"])
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), 5)


def test_a_cell_that_refuses_to_be_interrupted_is_killed(tmp_path):
    body = "import signal\nwhile True:\n    try: signal.pause()\n    except BaseException: pass"
    with pytest.raises(CellTimeoutError):
        execute_direct(book(body), request(tmp_path), timeout=0.5)


def test_a_crash_is_a_dead_kernel_with_its_output(tmp_path):
    notebook = book("import os; print('last words', flush=True); os.kill(os.getpid(), 9)")
    with pytest.raises(DeadKernelError):
        execute_direct(notebook, request(tmp_path))
    assert notebook.cells[0].outputs[0]["text"] == "last words\n"


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import ipywidgets as w", "ipywidgets"),
        ("from tqdm.auto import tqdm", "tqdm.auto"),
        ("from tqdm import notebook", "tqdm.notebook"),
        ("import asyncio", "asyncio"),
        ("await f()", "event loop"),
        ("%matplotlib widget", "backend"),
        ("%gui qt", "%gui"),
        ("%%bash\nls", "%bash"),
        ("get_ipython().kernel.shell", "kernel"),
        ("exit()", "exit"),
        ("len?", "help"),
    ],
)
def test_what_needs_a_kernel_is_refused(source, word):
    assert word in why_kernel_needed(["1", source])


@pytest.mark.parametrize(
    "source",
    [
        "x = a %b",
        "x = 5 % 2\ny = x %2",
        "async def f():\n    await g()",
        "%%time\nx = 1",
        "%load_ext autoreload",
        "d = x.kernel",
        "# %gui qt\n'what?'",
        "print('%d' %x)",
    ],
)
def test_what_needs_no_kernel_is_not_refused(source):
    assert why_kernel_needed([source]) == ""


def test_a_hidden_widget_is_noticed_when_it_opens(tmp_path):
    with pytest.raises(NotWarm, match="comm"):
        execute_direct(book("w = __import__('ipywidgets')", "w.IntSlider()"), request(tmp_path))
    with pytest.raises(NotWarm, match="kernel"):
        execute_direct(book("ip = get_ipython()", "k = ip.kernel\nk.session"), request(tmp_path))


def test_a_configured_ipython_needs_a_kernel(tmp_path):
    startup = tmp_path / "ipy" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "x.py").touch()
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")}
    with pytest.raises(NotWarm, match="startup"):
        execute_direct(book("1"), request(tmp_path, env=env))


def test_nothing_stays_behind(tmp_path):
    execute_direct(book("1"), request(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        execute_direct(book("1"), request(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before
    eventually(lambda: not any(s["children"] for s in warm_servers.servers()), 5)
