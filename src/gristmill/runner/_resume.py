"""`gristmill resume` and `gristmill open`: kernels of failed steps, and going on in them or with
a run that waited for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gristmill.errors import Unavailable
from gristmill.events import Listener
from gristmill.project import Project, finds_project
from gristmill.runner._kernels.parked import Parked, ParkedKernel
from gristmill.runner._request import RunRequest, RunResult
from gristmill.runner._run import run
from gristmill.runner._steps.approval import waiting_run


@finds_project
def parked(project: Project) -> list[ParkedKernel]:
    """The kernels that wait where their steps failed, the newest first."""
    return Parked(project.state).all()


@finds_project
def resume(
    project: Project,
    step: str | None = None,
    listeners: Iterable[Listener] = (),
    name: str = "",
) -> RunResult:
    """Go on in the parked kernel of `step` (None: the only one) from the cell that failed, then
    with the steps that the failed run was asked for. Where no kernel is parked, go on with the run
    that waits for a decision, as it was asked for.

    The notebook is read again. When a cell above, a parameter, an input or a module changed, the
    step runs from its beginning, and a notice says which. When it fails again its kernel is kept.
    `name` is the new run's. NotFound when no kernel is parked, Conflict when it is not clear which
    is meant.
    """
    there = [k for k in parked(project) if step in (None, k.step)]
    waiting = waiting_run(project)
    if not there and waiting is not None and (step is None or step in waiting.steps):
        asked = RunRequest.of(waiting.request)
        request = replace(asked, trigger=f"resume {waiting.run}", name=name)
        return run(project, request, listeners)
    kernel = Parked(project.state).find(step)
    asked = RunRequest.of(kernel.request)
    request = replace(asked, keep_failed=True, resume=kernel, trigger="resume", name=name)
    return run(project, request, listeners)


@finds_project
def open_kernel(project: Project, step: str | None = None) -> ParkedKernel:
    """The parked kernel of a step, whose lease begins anew because somebody looks into it.

    Parameters
    ----------
    project
        May be left out inside a project.
    step
        None for the only one that waits.

    Returns
    -------
    ParkedKernel
        Its `connection_file` is what a Jupyter client needs.

    Raises
    ------
    NotFound
        No kernel is parked.
    Conflict
        Several are and no step is named.
    """
    kernels = Parked(project.state)
    kernel = kernels.find(step)
    kernels.renew(kernel)
    return kernel


@finds_project
def close_kernel(project: Project, step: str | None = None) -> ParkedKernel:
    """End the parked kernel of a step.

    Parameters
    ----------
    project
        May be left out inside a project.
    step
        None for the only one that waits.

    Returns
    -------
    ParkedKernel
        What was ended.

    Raises
    ------
    NotFound
        No kernel is parked.
    Conflict
        Several are and no step is named.
    """
    kernels = Parked(project.state)
    kernel = kernels.find(step)
    kernels.end(kernel)
    return kernel


def open_console(kernel: ParkedKernel) -> list[str]:
    """The command of an interactive console on a parked kernel. Unavailable when none is
    installed; its hint says how else to get in."""
    import importlib.util
    import sys

    if importlib.util.find_spec("jupyter_console") is None:
        raise Unavailable(
            "console.not-installed",
            "jupyter-console is not installed.",
            hint=connecting(kernel),
        )
    return [sys.executable, "-m", "jupyter_console", "--existing", kernel.connection_file]


def connecting(kernel: ParkedKernel) -> str:
    """How to reach a parked kernel without us."""
    from pathlib import Path

    folder = Path(kernel.connection_file).parent
    return (
        f"`jupyter console --existing {kernel.connection_file}`, or in JupyterLab, started with "
        "`jupyter lab --ServerApp.allow_external_kernels=True "
        f"--ServerApp.external_connection_dir={folder}`, choose the kernel of {kernel.notebook}."
    )
