"""`gristmill resume` and `gristmill open`: kernels of failed steps, and going on in them or with
a run that waited for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gristmill.errors import Unavailable
from gristmill.events import Listener
from gristmill.project import Project, finds_project
from gristmill.runner._kernels.parked import ParkedKernel, ParkedKernels
from gristmill.runner._request import RunRequest, RunResult
from gristmill.runner._run import run
from gristmill.runner._steps.approval import waiting_run
from gristmill.workspace_trust import require_trust


@finds_project
def parked(project: Project) -> list[ParkedKernel]:
    """The kernels that wait where their steps failed, the newest first.

    Parameters
    ----------
    project
        The project whose runs parked them.
    """
    return ParkedKernels(project.state).all()


@finds_project
def resume(
    project: Project,
    step: str | None = None,
    listeners: Iterable[Listener] = (),
    name: str = "",
) -> RunResult:
    """Go on in a parked kernel from the cell that failed, then with the rest of the failed run.

    The notebook is read again. When a cell above, a parameter, an input or a module changed, the
    step runs from its beginning, and a notice says which. When it fails again its kernel is kept.
    Where no kernel is parked, this goes on with the run that waits for a decision.

    Parameters
    ----------
    project
        The project.
    step
        The step whose kernel is parked; None takes the only one.
    listeners
        Called with each event of the run.
    name
        The new run's name; empty makes one.

    Raises
    ------
    NotFound
        No kernel is parked, and no run waits.
    Conflict
        Several kernels are parked and `step` names none.
    """
    require_trust(project.root)
    kernels = [kernel for kernel in parked(project) if step in (None, kernel.step)]
    waiting = waiting_run(project)
    if not kernels and waiting is not None and (step is None or step in waiting.steps):
        request = RunRequest.from_selection(waiting.request)
        return run(project, replace(request, trigger=f"resume {waiting.run}", name=name), listeners)
    kernel = ParkedKernels(project.state).find(step)
    request = RunRequest.from_selection(kernel.request)
    request = replace(request, keep_failed=True, resume=kernel, trigger="resume", name=name)
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
    require_trust(project.root)
    kernels = ParkedKernels(project.state)
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
    require_trust(project.root)
    kernels = ParkedKernels(project.state)
    kernel = kernels.find(step)
    kernels.end(kernel)
    return kernel


def open_console(kernel: ParkedKernel) -> list[str]:
    """The command of an interactive console on a parked kernel.

    Parameters
    ----------
    kernel
        The kernel.

    Raises
    ------
    Unavailable
        `console.not-installed`; its hint says how else to reach the kernel.
    """
    import importlib.util
    import sys

    if importlib.util.find_spec("jupyter_console") is None:
        raise Unavailable(
            "console.not-installed",
            "jupyter-console is not installed.",
            hint=_other_ways(kernel),
        )
    return [sys.executable, "-m", "jupyter_console", "--existing", kernel.connection_file]


def _other_ways(kernel: ParkedKernel) -> str:
    """How to reach a parked kernel without `gristmill open`."""
    from pathlib import Path

    folder = Path(kernel.connection_file).parent
    return (
        f"Use `jupyter console --existing {kernel.connection_file}`. Or start JupyterLab with "
        "`jupyter lab --ServerApp.allow_external_kernels=True "
        f"--ServerApp.external_connection_dir={folder}` and choose the kernel of "
        f"{kernel.notebook}."
    )
