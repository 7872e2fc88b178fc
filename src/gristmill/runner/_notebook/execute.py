"""One notebook through papermill: what a worker thread does for one step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from gristmill.errors import GristmillError, StepFailed
from gristmill.pipeline import INJECTED, Notebook, StepSpec, parse_notebook
from gristmill.runner._notebook.hooks import Hooks
from gristmill.runner._notebook.kernel_executor import KernelExecutor
from gristmill.runner._notebook.shell_executor import ShellExecutor
from gristmill.warm import KernelHandle

_ANSI_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def strip_ansi(text: str) -> str:
    """A traceback without its colours.

    Parameters
    ----------
    text
        Text with ANSI escape sequences for colours.
    """
    return _ANSI_ESCAPES.sub("", text)


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not finish; `cell` is its index in the notebook, -1 when none raised."""

    error: GristmillError
    cell: int = -1


def execute(
    step: StepSpec,
    text: str,
    params: Mapping[str, Any],
    kernel: KernelHandle | ShellExecutor,
    hooks: Hooks,
    timeout: float | None = None,
) -> Failure | None:
    """Run the notebook `text` with `params` on a kernel or shell; `timeout` is seconds per cell.

    The executed notebook is saved by the hooks whatever happens. Returns None on success. NotWarm
    when a shell met what only a kernel has.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    from gristmill.runner._notebook.handler import in_memory

    where = str(hooks.save_to)
    executor = (
        nullcontext(kernel) if isinstance(kernel, ShellExecutor) else KernelExecutor(kernel.km)
    )
    try:
        with executor as started, in_memory(text, hooks) as address:
            execute_notebook(
                address,
                address,
                parameters=dict(params) or None,
                engine_name="gristmill",
                progress_bar=False,
                executor=started,
                hooks=hooks,
                execution_timeout=timeout,
            )
    except PapermillExecutionError as error:
        injected = _injected_at(parse_notebook(text, ""), bool(params))
        cell = _source_cell(error.cell_index, injected)
        tail = strip_ansi("\n".join(error.traceback[-1:]))
        return Failure(
            StepFailed(
                "step.cell-failed",
                f"{step.notebook}, cell {cell + 1}: {error.ename}: {error.evalue or tail}",
                hint=f"The executed notebook with the traceback: {where}",
            ),
            cell,
        )
    except DeadKernelError:
        return Failure(
            StepFailed(
                "step.kernel-died",
                f"{step.notebook}: the kernel died.",
                hint="Often the machine ran out of memory. "
                f"What the kernel printed: {hooks.log}. The notebook so far: {where}",
            )
        )
    except CellTimeoutError:
        return Failure(
            StepFailed(
                "step.timeout",
                f"{step.notebook}: a cell took longer than {timeout:g} s.",
                hint=f"Raise the step's timeout. The notebook so far: {where}",
            )
        )
    return None


@dataclass(frozen=True)
class CellPosition:
    """Which code cell of the source notebook it is, from 1, and its index there, from 0."""

    number: int
    index: int


def cell_positions(text: str, parameters: bool) -> dict[int, CellPosition]:
    """The cells that count as progress, by their index in the executed notebook.

    Parameters
    ----------
    text
        The source notebook's JSON.
    parameters
        Whether it is executed with values, for which papermill may insert a cell.

    Returns
    -------
    dict
        Code cells with code; not the inserted one.
    """
    notebook = parse_notebook(text, "")
    injected = _injected_at(notebook, parameters)
    counted = [cell.index for cell in notebook.cells if cell.source.strip()]
    return {
        index + (injected is not None and index >= injected): CellPosition(number, index)
        for number, index in enumerate(counted, 1)
    }


def _injected_at(notebook: Notebook, parameters: bool) -> int | None:
    """Where papermill will insert the cell with the values, None when it inserts none."""
    if not parameters or any(INJECTED in cell.tags for cell in notebook.cells):
        return None
    own = notebook.parameters_cell
    return None if own is None else own.index + 1


def _source_cell(executed: int, injected: int | None) -> int:
    """The cell's index in the source notebook for its index in the executed one."""
    return executed if injected is None or executed < injected else max(executed - 1, 0)
