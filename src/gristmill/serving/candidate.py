"""One version served on loopback for as long as it is measured, beside whatever serves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from gristmill.errors import Conflict, Unavailable
from gristmill.files import held
from gristmill.project import Project
from gristmill.serving.process import Progress, Served, process

HOST = "127.0.0.1"
WAIT_SECONDS = 300.0


@contextmanager
def candidate(
    project: Project, model: str, version: int, progress: Progress = lambda _: None
) -> Iterator[Served]:
    """Serve exactly this version in a BentoML process with one worker while the block runs.

    What it answers is logged as in serving, in a directory that goes with it. One candidate of a
    project at a time: two would slow each other, so the second waits. Raises Unavailable without
    BentoML or when it does not come up (the version does not load, say), Conflict when another
    candidate is not done in WAIT_SECONDS.
    """
    if find_spec("bentoml") is None:
        raise Unavailable(
            "serving.missing",
            "BentoML is not installed.",
            hint="pip install 'gristmill[serve]'",
        )
    directory = project.state / "candidates" / model
    with held(project.state / "candidate.lock", _busy, wait=WAIT_SECONDS) as lock:
        shutil.rmtree(directory, ignore_errors=True)  # of one that was killed
        directory.mkdir(parents=True)
        arguments = f"{model!r}, workers=1, version={version}, directory=here.parent"
        try:
            with process(
                directory,
                arguments,
                (HOST, 0),
                log=directory / "output.log",
                lock=lock,
                what=f"{model} version {version}",
                progress=progress,
            ) as served:
                yield served
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _busy(holder: str) -> Conflict:
    return Conflict(
        "serving.candidate",
        f"another version is being measured for over {WAIT_SECONDS:.0f} s: {holder}.",
        hint="Try again when it is done.",
    )
