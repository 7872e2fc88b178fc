"""`gristmill/runs` and `gristmill/steps`: a run begun, cancelled, resumed.

A run is a process of its own, the command line with the arguments that a user would type: this
server may end or be restarted, and the run goes on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gristmill.errors import Conflict, NotFound, StepFailed
from gristmill.events import RunRefused
from gristmill.project import Project
from gristmill.runner import ParkedKernels, RunRequest, check_request, run_name
from gristmill.runs import END_KINDS, journal_path, read_events
from gristmill.server._follow import alive
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import RunAccepted, RunWanted

# A server that a script began in the background hears no Ctrl-C; what it begins must.
COMMAND = (
    sys.executable,
    "-c",
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from gristmill.cli import main; sys.exit(main())",
)
STDERR_LIMIT = 4000  # characters of the standard error of a run that died


def start(request: ApiRequest) -> RunAccepted:
    """Check a run as its verb would, then let a process of its own run it."""
    body, project = request.read(RunWanted), request.project
    options = {**asdict(body), "keep_failed": body.keep_failed and not body.smoke}
    check_request(project, RunRequest(**options))
    arguments = ["run", f"--workers={body.workers}", f"--kernel={body.kernel}"]
    arguments += ["--only"] * body.only + ["--force"] * body.force + ["--smoke"] * body.smoke
    arguments += ["--keep-failed"] * options["keep_failed"]
    arguments += ["--fail-fast"] * (not body.keep_going) + ["--no-wait"] * (not body.wait)
    if body.pull is not None:
        arguments += ["--pull" if body.pull else "--no-pull"]
    arguments += [f"--params={body.params}"] if body.params else []
    arguments += [f"--tag={tag}" for tag in body.tags]
    arguments += [f"--param={key}={_text(value)}" for key, value in body.overrides.items()]
    return launch(project, arguments, body.targets)


def resume(request: ApiRequest) -> RunAccepted:
    """Resume a step in its parked kernel, by a process of its own."""
    project, step = request.project, request.names["step"]
    ParkedKernels(project.state).find(step)
    return launch(project, ["resume"], [step])


def launch(project: Project, arguments: Sequence[str], targets: Sequence[str]) -> RunAccepted:
    """Begin a run in a process that outlives this one; its journal tells the rest."""
    name = run_name(time.time())
    journal = journal_path(project.state, name)
    journal.parent.mkdir(parents=True, exist_ok=True)
    stderr_path = journal.with_suffix(".err")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JPY_")}
    with stderr_path.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, *arguments, f"--name={name}", "--json", "--", *targets],
            cwd=project.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )

    def reap() -> None:
        process.wait()
        records, _ = read_events(journal)
        if not records or records[-1]["kind"] not in END_KINDS:
            text = stderr_path.read_text(encoding="utf-8", errors="replace").strip()[-STDERR_LIMIT:]
            error = StepFailed("run.died", f"run {name} ended with code {process.returncode}.")
            event = RunRefused(time.time(), name, {**error.record(), "hint": text})
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event.record()) + "\n")
        stderr_path.unlink(missing_ok=True)

    threading.Thread(target=reap, name=f"run {name}", daemon=True).start()
    return RunAccepted(name)


def cancel(request: ApiRequest) -> None:
    """As Ctrl-C does: the first ends what runs and records it, a second ends the run at once."""
    name = request.names["run"]
    path = journal_path(request.project.state, name)
    records, _ = read_events(path) if path.parent == request.project.state / "journals" else ([], 0)
    if not records:
        raise NotFound("run.not-found", f"there is no run `{name}`.", hint="It may not have begun.")
    if records[-1]["kind"] in END_KINDS or not alive(records[0]):
        raise Conflict("run.ended", f"run {name} has ended.")
    pid = int(records[0]["pid"])
    os.kill(pid, signal.SIGTERM if _ignores(pid, signal.SIGINT) else signal.SIGINT)


def _ignores(pid: int, number: signal.Signals) -> bool:
    """Whether a process was begun so that it never hears the signal, as a script's `&` does.

    Read from Linux's /proc; elsewhere it is taken to hear it.
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    ignored = re.search(r"^SigIgn:\s*([0-9a-f]+)$", text, re.MULTILINE)
    return ignored is not None and bool(int(ignored[1], 16) >> (number - 1) & 1)


def _text(value: Any) -> str:
    """A parameter's value as one would type it after `-p`."""
    return value if isinstance(value, str) else json.dumps(value)


ROUTES = [
    Route("POST", "runs", start, status=202, body=RunWanted),
    Route("POST", "runs/{run}/cancel", cancel, status=202),
    Route("POST", "steps/{step}/resume", resume, status=202),
]
