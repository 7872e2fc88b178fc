"""A process that runs trials one after another: JSON lines in, JSON lines out.

`python -m gristmill.sweeps._worker`. SIGINT stops the trial it is in and leaves the process; it
dies with the process that started it, and its kernels with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from gristmill.errors import Cancelled, GristmillError
from gristmill.project import Project
from gristmill.runner import RunRequest, skip_grammar_import
from gristmill.sweeps._reports import VARIABLE

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until standard input ends."""
    skip_grammar_import()
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return 1
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        _write(results, run_trial(json.loads(line)))
    return 0


def _write(results: TextIO, value: dict[str, Any]) -> None:
    results.write(json.dumps(value, default=str) + "\n")
    results.flush()


def run_trial(task: dict[str, Any]) -> dict[str, Any]:
    """Run the project at `root`; `status` is done, failed or cancelled."""
    begin = time.monotonic()
    result: dict[str, Any] = {"status": "failed", "run": None, "value": None, "error": ""}
    os.environ[VARIABLE] = task["reports"]
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        result |= _run(task)
    except (KeyboardInterrupt, Cancelled):
        result["status"] = "cancelled"
    except GristmillError as error:
        result["error"] = str(error)
    except Exception as error:  # noqa: BLE001  # a trial's failure must not stop the others
        result["error"] = f"{type(error).__name__}: {error}"
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return result | {"seconds": time.monotonic() - begin}


def _run(task: dict[str, Any]) -> dict[str, Any]:
    from gristmill.runner import run
    from gristmill.tracking import flat_metrics

    project = Project.load(Path(task["root"]))
    os.chdir(project.root)
    request = RunRequest(
        targets=tuple(task["targets"]),
        params=task["params"],
        overrides=task["overrides"],
        workers=1,
        keep_going=False,
        trigger=f"sweep {task['sweep']}",
        labels=task["tags"],
    )
    result = run(project, request)
    if result.status == "cancelled":
        return {"status": "cancelled", "run": result.run}
    errors = [str(s.error) for s in result.steps.values() if s.error]
    if not result.ok:
        return {"status": "failed", "run": result.run, "error": errors[0] if errors else ""}
    file, _, key = task["metric"].rpartition(":")
    value = None
    with contextlib.suppress(ValueError):
        value = flat_metrics(json.loads((project.root / file).read_text("utf-8"))).get(key)
    if value is None or not math.isfinite(value):
        return {"status": "failed", "run": result.run, "error": f"{file} has no number {key}"}
    return {"status": "done", "run": result.run, "value": value}


if __name__ == "__main__":
    sys.exit(main())
