"""Warm kernels behave like fresh ones, and what can go wrong with their server is survived."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import nbclient
import nbformat
import pytest
from jupyter_core.utils import run_sync

from gristmill.errors import Forbidden, GristmillError
from gristmill.runner import doctor
from gristmill.warm import (
    ForkedShell,
    KernelHandle,
    KernelRequest,
    start_ahead,
    start_kernel,
    stop_servers,
    third_party_imports,
)
from gristmill.warm._client import servers as warm_servers
from gristmill.warm._client.kernels import start_kernel_async
from tests.waiting import alive, ended, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="fork servers need Linux"),
]

PRELOAD = (
    "matplotlib.pyplot",
    "mlflow",
    "pandas",
    "sklearn.ensemble",
    "sklearn.cluster",
    "xgboost",
)


@pytest.fixture(scope="module")
def shared():
    """A runtime folder whose server stays for the module; nothing is left over at the end."""
    folder = tempfile.mkdtemp(prefix="gm-")
    yield folder
    before = os.environ.get("GRISTMILL_RUNTIME_DIR")
    os.environ["GRISTMILL_RUNTIME_DIR"] = folder
    pids = [pid for s in warm_servers.servers() for pid in (s["pid"], *s["children"])]
    stop_servers(kill=True)
    assert [pid for pid in pids if alive(pid)] == []
    if before is None:
        del os.environ["GRISTMILL_RUNTIME_DIR"]
    shutil.rmtree(folder)


@pytest.fixture
def warm(shared, monkeypatch):
    monkeypatch.setenv("GRISTMILL_RUNTIME_DIR", shared)


@pytest.fixture
def alone(monkeypatch):
    """A runtime folder for one test with small servers."""
    folder = tempfile.mkdtemp(prefix="gm-")
    monkeypatch.setenv("GRISTMILL_RUNTIME_DIR", folder)
    yield Path(folder)
    with contextlib.suppress(GristmillError):
        stop_servers(kill=True)
    shutil.rmtree(folder, ignore_errors=True)


def small(cwd, **changes) -> KernelRequest:
    """Without pytest's variable, at whose sight ipykernel does not capture descriptors."""
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    return KernelRequest(**{"cwd": cwd, "preload": (), "environment": "e", "env": env, **changes})


def large(cwd, **changes) -> KernelRequest:
    return small(cwd, **{"preload": PRELOAD, "project": Path("/"), **changes})


def execute(kernel: KernelHandle, *cells: str) -> list:
    """Outputs of the last cell."""
    return run_sync(execute_async)(kernel, *cells)


async def execute_async(kernel: KernelHandle, *cells: str) -> list:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in cells]
    )
    await nbclient.NotebookClient(notebook, km=kernel.km, timeout=200).async_execute()
    return notebook.cells[-1].outputs


def printed(kernel: KernelHandle, *cells: str):
    outputs = execute(kernel, *cells)
    return json.loads("".join(o["text"] for o in outputs if o.get("name") == "stdout"))


def run(request: KernelRequest, *cells: str):
    with start_kernel(request) as kernel:
        assert kernel.warm is not request.fresh, kernel.reason
        return printed(kernel, *cells)


FACTS = """
import matplotlib.pyplot as plt, mlflow, pandas, sklearn.ensemble, xgboost
import gc, json, logging, os, resource, signal, socket, sys, threading, time, warnings
import multiprocessing.process
def handlers(name):
    return sorted(type(h).__name__ for h in logging.getLogger(name).handlers)
def stream(handler):
    return "notebook" if getattr(handler, "stream", None) in (sys.stderr, sys.stdout) else "other"
mask = os.umask(0); os.umask(mask)
def kind(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").partition(":")[0]
    except FileNotFoundError:
        return "gone"
kinds = [kind(fd) for fd in os.listdir("/proc/self/fd")]
status = dict(l.split(":\\t") for l in open("/proc/self/status").read().splitlines())
json.dump({
    "environ": dict(os.environ), "cwd": os.getcwd(), "argv0": sys.argv[0], "argc": len(sys.argv),
    "path": sys.path, "flags": str(sys.flags), "umask": mask, "name": __name__,
    "warnings": [str(f[:3]) + str(f[3]) for f in warnings.filters],
    "root": handlers(None), "mlflow": handlers("mlflow"), "tornado": handlers("tornado"),
    "streams": [stream(h) for h in logging.getLogger("mlflow").handlers],
    "levels": [logging.getLogger(n).getEffectiveLevel() for n in ("", "mlflow", "matplotlib")],
    "signals": {s: str(status[s]) for s in ("SigBlk", "SigIgn", "SigCgt")},
    "limits": [resource.getrlimit(n) for n in range(16)], "nice": os.nice(0),
    "affinity": sorted(os.sched_getaffinity(0)), "zone": time.tzname,
    "backend": plt.get_backend(), "figsize": list(plt.rcParams["figure.figsize"]),
    "sockets": kinds.count("socket"), "dir": multiprocessing.process.ORIGINAL_DIR,
    "session": os.getsid(0) == os.getpid() == os.getpgrp(),
    "daemons": sorted(t.daemon for t in threading.enumerate()),
    "main": sys.modules["__main__"].__dict__ is globals(),
    "uri": mlflow.get_tracking_uri(), "gc": gc.isenabled(),
}, sys.stdout)
"""


def test_a_forked_kernel_looks_like_a_fresh_one(warm, tmp_path):
    request = {"env": {**os.environ, "STEP": "a", "TZ": "Asia/Tokyo", "MLFLOW_TRACKING_URI": "x:y"}}
    fresh = run(large(tmp_path, fresh=True, **request), FACTS)
    forked = run(large(tmp_path, **request), FACTS)
    differing = {k: (fresh[k], forked[k]) for k in fresh if fresh[k] != forked[k]}
    assert abs(differing.pop("sockets", (0, 0))[1] - fresh["sockets"]) <= 1
    fresh["environ"].pop("_MLFLOW_TELEMETRY_SESSION_ID", None)
    forked["environ"].pop("_MLFLOW_TELEMETRY_SESSION_ID", None)
    if fresh["environ"] == forked["environ"]:
        differing.pop("environ", None)
    assert differing == {}
    assert forked["zone"][0] == "JST" and forked["dir"] == str(tmp_path)


def test_two_children_draw_different_random_numbers(warm, tmp_path):
    code = """
        import json, random, secrets, tempfile, uuid, numpy as np, sys
        json.dump([random.random(), np.random.rand(), np.random.default_rng().random(),
                   secrets.token_hex(), str(uuid.uuid4()), tempfile.mktemp()], sys.stdout)
    """
    first, second = (run(large(tmp_path), code) for _ in range(2))
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_outputs_are_those_of_a_fresh_kernel(warm, tmp_path):
    cells = (
        "import matplotlib.pyplot as plt, pandas as pd\nplt.plot([1, 2]);",
        """
        import os, subprocess, sys, logging, warnings
        print("out"); sys.stdout.flush(); os.write(1, b"descriptor\\n")
        subprocess.run(["echo", "sub"])
        warnings.warn("careful")
        display(pd.DataFrame({"a": [1]}))
        pd.Series([1])
        """,
    )

    def outputs(fresh):
        with start_kernel(large(tmp_path, fresh=fresh)) as kernel:
            figure, rest = execute(kernel, cells[0]), execute(kernel, cells[1])
        assert [sorted(o["data"]) for o in figure] == [["image/png", "text/plain"]]
        texts = {"stdout": "", "stderr": ""}
        for output in rest:
            if output["output_type"] == "stream":
                texts[output["name"]] += output["text"]
        data = [o["data"] for o in rest if o["output_type"] != "stream"]
        assert set(texts["stdout"].split()) == {"out", "descriptor", "sub"}
        return data, texts["stderr"].partition(":")[2]

    assert outputs(fresh=False) == outputs(fresh=True)


SAMPLE = """
import json, sys, warnings, numpy as np
warnings.simplefilter("ignore")
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from xgboost import XGBClassifier
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 4)); y = (x[:, 0] + rng.normal(size=200) > 0).astype(int)
def score(model):
    return float(model.fit(x, y).predict_proba(x)[:, 1].sum())
"""
# Each library has threads of its own, which a fork may leave stuck.
COMPUTATIONS = {
    "blas": "float(np.linalg.svd(rng.normal(size=(120, 120)))[1].sum().round(6))",
    "forest": "score(RandomForestClassifier(4, n_jobs=2, random_state=0))",
    "boosting": "score(HistGradientBoostingClassifier(max_iter=2, random_state=0))",
    "kmeans": "float(KMeans(3, n_init=1, random_state=0).fit(x).inertia_)",
    "xgboost": "score(XGBClassifier(n_estimators=2, n_jobs=2, random_state=0))",
}


def computing(names) -> str:
    pairs = ", ".join(f"{name!r}: {COMPUTATIONS[name]}" for name in names)
    return f"{SAMPLE}\njson.dump({{{pairs}}}, sys.stdout)"


def test_sixteen_children_at_once_compute_what_a_fresh_kernel_does(warm, tmp_path):
    """Each child uses two of the libraries, so that six or seven use one at the same time."""
    names = [*COMPUTATIONS]
    expected = run(large(tmp_path, fresh=True), computing(names))
    pairs = [(names[n % len(names)], names[(n + 1) % len(names)]) for n in range(16)]

    async def one(pair):
        async with await start_kernel_async(large(tmp_path)) as kernel:
            assert kernel.warm, kernel.reason
            outputs = await execute_async(kernel, computing(pair))
            return json.loads("".join(o["text"] for o in outputs if o.get("name") == "stdout"))

    async def all_of_them():
        return await asyncio.gather(*(one(pair) for pair in pairs))

    computed = asyncio.run(all_of_them())
    assert computed == [{name: expected[name] for name in pair} for pair in pairs]


def test_mlflow_and_processes_inside(warm, tmp_path):
    (tmp_path / "work.py").write_text("def double(x):\n    return 2 * x\n")
    code = """
        import json, multiprocessing, sys, mlflow, work
        mlflow.set_tracking_uri("sqlite:///m.db")
        with mlflow.start_run() as run:
            mlflow.log_metric("m", 1.0)
        results = []
        for method in ("fork", "spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                results.append(pool.map(work.double, [1, 2]))
        metrics = mlflow.get_run(run.info.run_id).data.metrics
        import numpy as np
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.model_selection import cross_val_score
        x = np.random.default_rng(0).normal(size=(200, 3))
        model = HistGradientBoostingClassifier(max_iter=5)
        one, two = (cross_val_score(model, x, x[:, 0] > 0, cv=2, n_jobs=n).tolist() for n in (1, 2))
        json.dump([metrics, results, one == two], sys.stdout)
    """
    assert run(large(tmp_path), code) == [{"m": 1.0}, [[2, 4]] * 3, True]


def test_later_children_need_not_list_the_installed_modules(alone, tmp_path):
    there = "import json, mlflow.utils.requirements_utils as r\nprint(json.dumps(bool(r.{})))"
    make = "r._init_modules_to_packages_map(); print(json.dumps(r.{}, sort_keys=True))"
    ask, module_names = (code.format("_MODULES_TO_PACKAGES") for code in (there, make))
    request = small(tmp_path, preload=("mlflow.sklearn",))

    def listed():
        with start_kernel(request) as kernel:
            return printed(kernel, ask)

    eventually(listed)
    with start_kernel(request) as kernel, start_kernel(small(tmp_path, fresh=True)) as other:
        assert printed(kernel, ask, module_names) == printed(other, ask, module_names)


def test_interrupt_exit_and_crash(alone, tmp_path):
    with start_kernel(small(tmp_path)) as kernel:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell("import signal\nsignal.pause()")]
        )
        with pytest.raises(nbclient.exceptions.CellExecutionError, match="KeyboardInterrupt"):
            nbclient.NotebookClient(
                notebook, km=kernel.km, timeout=1, interrupt_on_timeout=True
            ).execute()
        assert printed(kernel, "print(1)") == 1
        process = kernel.km.provisioner.process
        with pytest.raises(nbclient.exceptions.DeadKernelError):
            execute(kernel, "import os; os._exit(7)")
        assert process.poll() == 7
    with start_kernel(small(tmp_path)) as kernel:
        process = kernel.km.provisioner.process
        kernel.close()
        assert process.poll() == 0
        kernel.close()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_restarted_kernel_answers_every_client(alone, tmp_path, fresh):
    with start_kernel(small(tmp_path, fresh=fresh)) as kernel:
        first = printed(kernel, "import os; print(os.getpid())")
        for _ in range(3):
            before = kernel.km.client()
            before.start_channels()
            run_sync(kernel.km.restart_kernel)()
            assert kernel.km.provisioner.warm is not fresh
            run_sync(before.wait_for_ready)(timeout=20)
            assert printed(kernel, "import os; print(os.getpid())") != first


def test_a_killed_server_leaves_its_kernels_and_is_replaced(alone, tmp_path):
    with start_kernel(small(tmp_path)) as old:
        (server,) = warm_servers.servers()
        os.kill(server["pid"], signal.SIGKILL)
        assert printed(old, "print(1)") == 1
        with start_kernel(small(tmp_path)) as new:
            assert new.warm, new.reason
            assert printed(new, "print(2)") == 2
        pid = old.km.provisioner.pid
    assert ended(pid)
    assert [s["pid"] for s in warm_servers.servers()] != [server["pid"]]


def test_a_stale_socket_is_replaced(alone, tmp_path):
    with start_kernel(small(tmp_path)):
        (path,) = warm_servers.sockets()
    stop_servers(kill=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    old, new = path.with_name("a-b.log"), path.with_name("a-c.lock")
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    with start_kernel(small(tmp_path)) as kernel:
        assert kernel.warm, kernel.reason
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.skipif(os.getuid() != 0, reason="needs to act as another user")
def test_another_users_socket_and_folder_are_refused(alone, tmp_path):
    with start_kernel(small(tmp_path)):
        (path,) = warm_servers.sockets()
    stop_servers(kill=True)
    alone.chmod(0o777)
    impostor = subprocess.Popen(
        [sys.executable, "-c", "import os,signal,socket;s=socket.socket(1);os.setuid(65534);"
         f"s.bind({str(path)!r});s.listen();print(flush=True);signal.pause()"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        impostor.stdout.readline()
        alone.chmod(0o700)
        with pytest.raises(Forbidden, match="65534"):
            warm_servers.connect(path)
        with start_kernel(small(tmp_path)) as kernel:
            assert not kernel.warm and "65534" in kernel.reason
            assert printed(kernel, "print(1)") == 1
    finally:
        impostor.kill()
        impostor.wait()
    os.chown(alone, 65534, 65534)
    with start_kernel(small(tmp_path)) as kernel:
        assert not kernel.warm and "only user 0" in kernel.reason
    assert not doctor(tmp_path)[0].ok
    os.chown(alone, 0, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="needs to act as another user")
def test_a_server_answers_nobody_else(alone, tmp_path):
    with start_kernel(small(tmp_path)):
        (path,) = warm_servers.sockets()
        alone.chmod(0o755)
        path.chmod(0o777)
        ask = (
            "import os,socket;s=socket.socket(1);os.setuid(65534);"
            f"s.connect({str(path)!r});print(s.recv(9999)[4:].decode())"
        )
        answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False)
    assert b"PermissionError" in answer.stdout


def test_an_idle_server_leaves(alone, tmp_path, monkeypatch):
    monkeypatch.setenv("GRISTMILL_WARM_IDLE", "2")
    with start_kernel(small(tmp_path)):
        (server,) = eventually(lambda: [s for s in warm_servers.servers() if s["idle"] > 2])
        assert alive(server["pid"])
    assert ended(server["pid"])
    assert warm_servers.sockets() == []


def test_a_new_lock_file_replaces_the_server(alone, tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1")
    request = small(tmp_path, environment=None, project=tmp_path)
    with start_kernel(request) as old:
        (before,) = warm_servers.servers()
        lock.write_text("a==2")
        with start_kernel(request) as new:
            assert old.warm and new.warm
            (after,) = warm_servers.servers()
            assert after["pid"] != before["pid"]
        assert alive(before["pid"])
    assert ended(before["pid"])


def test_start_variables_choose_the_server(alone, tmp_path):
    def threads(number):
        env = {**os.environ, "OMP_NUM_THREADS": number}
        code = """
            import json, os, sys, threadpoolctl, sklearn.cluster
            json.dump([p["num_threads"] for p in threadpoolctl.threadpool_info()
                       if p["user_api"] == "openmp"], sys.stdout)
        """
        return run(small(tmp_path, env=env, preload=("sklearn.cluster",)), code)

    assert set(threads("1")) == {1} and set(threads("2")) == {2}
    assert len(warm_servers.servers()) == 2


def test_one_server_whatever_else_the_environment_says(alone, tmp_path):
    """Variables that nothing reads at its start, and those that libraries set when imported."""
    code = "import json, os, sys; json.dump(dict(os.environ), sys.stdout)"
    forms = (
        {},
        {"MINE": "1", "MLFLOW_RUN_ID": "x", "XDG_SESSION_ID": "7", "TFX": "1", "LDFLAGS": "-g"},
        {"KMP_DUPLICATE_LIB_OK": "True", "KMP_INIT_AT_FORK": "FALSE"},
    )
    for changes in forms:
        env = {**os.environ, **changes}
        assert changes.items() <= run(small(tmp_path, env=env), code).items()
        assert len(warm_servers.servers()) == 1
    run(small(tmp_path, env={**os.environ, "KMP_BLOCKTIME": "1"}), code)
    assert len(warm_servers.servers()) == 2


def test_no_secret_of_the_first_caller_stays_in_the_server_or_reaches_a_later_kernel(
    alone, tmp_path
):
    secret = {"AWS_SECRET_ACCESS_KEY": "of-the-first", "MLFLOW_TRACKING_TOKEN": "of-the-first"}
    code = """
        import json, os, pathlib, sys
        started = pathlib.Path("/proc/self/environ").read_bytes().decode().split("\\0")
        json.dump({**dict(v.split("=", 1) for v in started if v), **os.environ}, sys.stdout)
    """
    first = run(small(tmp_path, env={**os.environ, **secret}), code)
    assert secret.items() <= first.items()
    (server,) = warm_servers.servers()
    started = Path(f"/proc/{server['pid']}/environ").read_bytes()
    assert b"of-the-first" not in started
    second = run(small(tmp_path, env=dict(os.environ)), code)
    assert not secret.keys() & second.keys()
    assert [s["pid"] for s in warm_servers.servers()] == [server["pid"]]


def test_a_server_started_ahead_is_the_one_that_is_used(alone, tmp_path):
    request = small(tmp_path)
    start_ahead(request)
    eventually(lambda: len(warm_servers.servers()) == 1)
    assert run(request, "print(1)") == 1
    with ForkedShell(request):
        pass
    (server,) = warm_servers.servers()
    assert server["forks"] == 2


def test_a_kernel_dies_with_its_owner_unless_parked(alone, tmp_path):
    script = textwrap.dedent(
        f"""
        import os, sys, time
        from pathlib import Path
        from gristmill.warm import KernelRequest, start_kernel
        kernel = start_kernel(KernelRequest(Path({str(tmp_path)!r}), preload=(), environment="e"))
        assert kernel.warm, kernel.reason
        if sys.argv[1] == "park":
            kernel.park()
        print(kernel.km.provisioner.pid, kernel.connection_file, flush=True)
        os.kill(os.getpid(), 9)
        """
    )

    def left_by(word):
        done = subprocess.run(
            [sys.executable, "-c", script, word], stdout=subprocess.PIPE, timeout=60, check=False
        )
        pid, file = done.stdout.decode().split()
        return int(pid), file

    pid, _ = left_by("crash")
    assert ended(pid)
    pid, file = left_by("park")
    assert not ended(pid, 0.3) and Path(file).exists()
    stop_servers(kill=True)
    assert ended(pid)
    Path(file).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,), name='spin',"
         " daemon=True).start()", "spin"),
        ("import subprocess\nchild = subprocess.Popen(['sleep', '5'])", "processes"),
        ("print('hello')", "prints"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)  # fmt: skip
def test_a_module_that_is_unsafe_to_fork_is_left_to_the_kernel(alone, tmp_path, body, reason):
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "unsafe_one.py").write_text(body)
    (packages / "harmless.py").write_text("")
    env = {**os.environ, "PYTHONPATH": f"{packages}:{os.environ.get('PYTHONPATH', '')}"}
    loaded = run(
        small(tmp_path, env=env, preload=("harmless", "unsafe_one")),
        "import json, sys; json.dump([m in sys.modules for m in ('harmless', 'unsafe_one')],"
        " sys.stdout)",
    )
    assert loaded == [True, False]
    (server,) = warm_servers.servers()
    assert reason in server["excluded"]["unsafe_one"]
    assert any("unsafe_one" in finding.detail for finding in doctor(tmp_path))


LATE = {
    "late_one": "",
    "late_two": "import threading, time\nthreading.Thread(target=time.sleep, args=(99,),"
    " daemon=True).start()",
    "late_three": "",
}


def test_what_a_notebook_imports_late_is_there_for_the_next(alone, tmp_path):
    packages = tmp_path / "site-packages"
    (packages / "__pycache__").mkdir(parents=True)
    for name, body in LATE.items():
        (packages / f"{name}.py").write_text(body)
    (tmp_path / "mine.py").touch()
    env = {**os.environ, "PYTHONPATH": f"{packages}:{tmp_path}"}
    request = small(tmp_path, env=env)
    look = f"import json, sys; json.dump([m in sys.modules for m in {[*LATE, 'mine']}], sys.stdout)"
    assert run(request, "import late_one, mine", look) == [True, False, False, True]
    eventually(lambda: "late_one" in warm_servers.servers()[0]["imported"])
    assert run(request, look) == [True, False, False, False]
    assert run(request, "import late_two, late_three; import json; print(json.dumps(1))") == 1
    # a module that makes the server unsafe ends what it learns at once; the server stays
    assert run(request, look) == [True, False, False, False]
    (server,) = warm_servers.servers()
    assert "late_two" not in server["imported"] and not server["excluded"]


def test_source_that_is_being_edited_is_not_preloaded(alone, tmp_path):
    (tmp_path / "mine.py").write_text("VALUE = 1")
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    request = small(tmp_path, env=env, preload=("mine",))
    code = "import mine; print(mine.VALUE)"
    assert run(request, code) == 1
    (tmp_path / "mine.py").write_text("VALUE = 22")
    assert run(request, code) == 22


def test_too_large_a_server_means_a_fresh_kernel(alone, tmp_path, monkeypatch):
    monkeypatch.setenv("GRISTMILL_WARM_MEMORY", "1000000")
    with start_kernel(small(tmp_path)) as kernel:
        assert not kernel.warm and "more than 0 MB" in kernel.reason
        assert printed(kernel, "print(1)") == 1
    assert warm_servers.servers() == []


def test_imports_are_found_in_code_and_not_in_the_project(tmp_path):
    (tmp_path / "helpers.py").touch()
    (tmp_path / "src" / "pack").mkdir(parents=True)
    modules = third_party_imports(
        [
            "%matplotlib inline\nimport os, numpy as np\n!ls",
            "from sklearn import metrics\nimport mlflow\nmlflow.sklearn.log_model",
            "import helpers, pack",
            "%%bash\nimport nothing",
            "this is not python",
            "def f():\n    import xgboost.callback\n    from . import x",
        ],
        tmp_path,
    )
    assert set(modules) == {
        "numpy", "sklearn", "sklearn.metrics", "mlflow", "mlflow.sklearn",
        "xgboost.callback",
    }  # fmt: skip
