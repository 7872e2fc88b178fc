"""The papermill engine: events from hooks, saves on a timer and atomically.

`papermill --engine gristmill` keeps papermill's contract; `gristmill run` adds `hooks`. papermill
loads this module while it is imported itself: import papermill and let it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.iorw import write_ipynb
from papermill.utils import merge_kwargs, remove_args

from gristmill.runner.direct import Shell, raise_error
from gristmill.runner.hooks import Hooks

SAVE_EVERY_S = 2.0
SAVE_SHARE = 20  # between saves, at least this many times as long as a save takes


class LazyNotebookManager(NotebookExecutionManager):  # type: ignore[misc]
    """Saves rarely while cells succeed, at once on failure and at the end."""

    def __init__(self, nb: Any, hooks: Hooks, **options: Any) -> None:
        super().__init__(nb, **options)
        self._hooks = hooks
        self._saved = 0.0
        self._cost = 0.0
        self._cell_started = 0.0
        if hooks.save_to is not None:
            nb.metadata.papermill |= {
                "input_path": hooks.source,
                "output_path": str(hooks.save_to),
            }

    def save(self, *, force: bool = False, **_: Any) -> None:
        begin = time.monotonic()
        if not force and begin - self._saved < max(SAVE_EVERY_S, SAVE_SHARE * self._cost):
            return
        if self._hooks.save_to is not None:
            write_notebook(self.nb, self._hooks.save_to)
        elif self.output_path:
            write_ipynb(self.nb, self.output_path)
        self._saved = time.monotonic()
        self._cost = self._saved - begin

    def autosave_cell(self) -> None:
        self.save()

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        self._cell_started = time.monotonic()
        super().cell_start(cell, cell_index=cell_index, **kwargs)
        if cell_index is not None and cell.cell_type == "code":
            self._hooks.on_cell_start(cell_index)

    def cell_exception(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_exception(cell, cell_index=cell_index, **kwargs)
        self.save(force=True)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_complete(cell, cell_index=cell_index, **kwargs)
        if cell_index is not None and cell.cell_type == "code":
            self._hooks.on_cell_end(cell_index, time.monotonic() - self._cell_started)

    def notebook_complete(self, **kwargs: Any) -> None:
        super().notebook_complete(**kwargs)
        self.save(force=True)


class GristmillEngine(NBClientEngine):  # type: ignore[misc]
    """Entry point `gristmill` of the group `papermill.engine`."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        hooks: Hooks | None = None,
        **kwargs: Any,
    ) -> Any:
        hooks = hooks or Hooks()
        manager = LazyNotebookManager(
            nb,
            hooks,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **kwargs)
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        shell: Shell | None = None,
        **kwargs: Any,
    ) -> Any:
        if shell is not None:
            return execute_cells(nb_man, shell, execution_timeout)
        options = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        options = merge_kwargs(
            options,
            timeout=execution_timeout or kwargs.get("timeout"),
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        return PapermillNotebookClient(nb_man, **options).execute()


def execute_cells(manager: NotebookExecutionManager, shell: Shell, timeout: float | None) -> Any:
    """What papermill's client does with a kernel, in a shell without its protocol."""
    client = NotebookClient(manager.nb)
    client.reset_execution_trackers()
    for index, cell in enumerate(manager.nb.cells):
        try:
            manager.cell_start(cell, index)
            reply = shell.execute_cell(client, cell, index, timeout)
            if reply is not None:
                raise_error(client, cell, reply)
        except CellExecutionError as error:
            manager.cell_exception(cell, cell_index=index, exception=error)
            break
        finally:
            manager.cell_complete(cell, cell_index=index)
    manager.nb.metadata["language_info"] = shell.language_info
    return manager.nb


def write_notebook(notebook: Any, path: Path) -> None:
    """Write a notebook aside, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        nbformat.write(notebook, str(aside))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
