"""The papermill engine: events from hooks, saves on a timer and atomically.

`papermill --engine gristmill` keeps papermill's contract; `gristmill run` adds `hooks`. papermill
loads this module while it is imported itself: import papermill and let it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io, write_ipynb
from papermill.log import logger
from papermill.utils import chdir, merge_kwargs, remove_args

from gristmill.files import replacing
from gristmill.runner._notebook.hooks import Hooks, ResumePoint
from gristmill.runner._notebook.kernel_executor import KernelExecutor
from gristmill.runner._notebook.shell_executor import ShellExecutor, raise_error

SAVE_EVERY_S = 2.0
WIDGETS = "application/vnd.jupyter.widget-state+json"
SAVE_SHARE = 20  # between saves, at least this many times as long as a save takes


class LazyNotebookManager(NotebookExecutionManager):  # type: ignore[misc]
    """Saves on a timer while cells run, at once on failure and at the end."""

    def __init__(self, nb: Any, hooks: Hooks, **options: Any) -> None:
        super().__init__(nb, **options)
        self.hooks = hooks
        self._saved = 0.0
        self._cost = 0.0
        self._changed = True
        self._cell_started = 0.0
        self.first = 0
        if hooks.save_to is not None:
            nb.metadata.papermill |= {
                "input_path": hooks.source,
                "output_path": str(hooks.save_to),
            }

    def notebook_start(self, **kwargs: Any) -> None:
        super().notebook_start(**kwargs)
        if (point := self.hooks.resume_point) is not None:
            self._take_over(point)

    def _take_over(self, point: ResumePoint) -> None:
        """Take over what cells did before; `first` becomes the cell to begin with."""
        code = [i for i, cell in enumerate(self.nb.cells) if cell.cell_type == "code"]
        self.first = code[len(point.cells)]
        for index, old in zip(code, point.cells, strict=False):
            cell = self.nb.cells[index]
            cell.outputs, cell.execution_count = old.outputs, old.execution_count
            for name in ("papermill", "execution"):
                if name in old.metadata:
                    cell.metadata[name] = old.metadata[name]
        if point.widgets:
            self.nb.metadata["widgets"] = point.widgets
        self.nb.metadata["gristmill"] = {
            "resumed": {"run": point.run, "cell": self.first, "at": self.now().isoformat()}
        }

    def save(self, *, force: bool = False, **_: Any) -> None:
        """Save when the last time was long enough ago, or by `force`."""
        begin = time.monotonic()
        self._changed = True
        if not force and begin - self._saved < max(SAVE_EVERY_S, SAVE_SHARE * self._cost):
            return
        if self.hooks.save_to is not None:
            write_notebook(self.nb, self.hooks.save_to)
        elif self.output_path:
            write_anywhere(self.nb, self.output_path)
        self._changed = False
        self._saved = time.monotonic()
        self._cost = self._saved - begin

    def autosave_cell(self) -> None:
        if self.autosave_cell_every:
            self.save()

    async def save_on_timer(self) -> None:
        """What a cell wrote before it went silent is saved too."""
        while self.autosave_cell_every:
            await asyncio.sleep(SAVE_EVERY_S)
            if self._changed:
                self.save()

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        self._cell_started = time.monotonic()
        super().cell_start(cell, cell_index=cell_index, **kwargs)
        if cell_index is not None and cell.cell_type == "code":
            self.hooks.on_cell_start(cell_index)

    def cell_exception(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_exception(cell, cell_index=cell_index, **kwargs)
        self.save(force=True)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_complete(cell, cell_index=cell_index, **kwargs)
        if cell_index is not None and cell.cell_type == "code":
            self.hooks.on_cell_end(cell_index, time.monotonic() - self._cell_started)

    def notebook_complete(self, **kwargs: Any) -> None:
        """With hooks, papermill itself writes a notebook that succeeded."""
        super().notebook_complete(**kwargs)
        if self.hooks.save_to is None or not self.hooks.succeeded:
            self.save(force=True)


class SavingClient(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, whose notebook is saved while a cell runs."""

    async def _execute_cell_saving(self, *arguments: Any, **options: Any) -> Any:
        timer = asyncio.ensure_future(self.nb_man.save_on_timer())
        try:
            return await self.async_execute_cell(*arguments, **options)
        finally:
            timer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await timer

    execute_cell = run_sync(_execute_cell_saving)


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
        manager = LazyNotebookManager(
            nb,
            hooks or Hooks(),
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
        executor: ShellExecutor | KernelExecutor | None = None,
        **kwargs: Any,
    ) -> Any:
        if executor is not None:
            return execute_cells(nb_man, executor, execution_timeout)
        options = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        options = merge_kwargs(
            options,
            timeout=execution_timeout or kwargs.get("timeout"),
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        return SavingClient(nb_man, **options).execute()


def write_anywhere(notebook: Any, path: str) -> None:
    """Write where papermill writes; into a folder of this machine aside, then rename.

    FileNotFoundError, as papermill has it, when the folder does not exist.
    """
    handler = papermill_io.get_handler(path)
    if not isinstance(handler, LocalHandler):
        write_ipynb(notebook, path)
        return
    with chdir(handler._cwd):
        target = Path(os.path.realpath(path))
    if target.parent.is_dir() and (target.is_file() or not target.exists()):
        write_notebook(notebook, target)
    else:
        write_ipynb(notebook, path)


def execute_cells(
    manager: LazyNotebookManager, executor: ShellExecutor | KernelExecutor, timeout: float | None
) -> Any:
    """What papermill's client does, from the manager's `first` cell on."""
    client = NotebookClient(manager.nb)
    client.reset_execution_trackers()
    if manager.first:
        restore_widgets(client)
    executor.on_output = manager.save
    failed = False
    for index, cell in enumerate(manager.nb.cells):
        if index < manager.first:
            continue
        try:
            manager.cell_start(cell, index)
            reply = executor.execute_cell(client, cell, index, timeout)
            if reply is not None:
                raise_error(client, cell, reply)
        except CellExecutionError as error:
            manager.cell_exception(cell, cell_index=index, exception=error)
            failed = True
            break
        finally:
            manager.cell_complete(cell, cell_index=index)
    manager.nb.metadata["language_info"] = executor.language_info
    client.set_widgets_metadata()
    manager.hooks.succeeded = not failed
    return manager.nb


def restore_widgets(client: NotebookClient) -> None:
    """Take over the widgets of the cells that are not executed again."""
    widgets = client.nb.metadata.get("widgets", {})
    for name, model in widgets.get(WIDGETS, {}).get("state", {}).items():
        client.widget_state[name] = model["state"]
        client.widget_buffers[name] = {tuple(b["path"]): b for b in model.get("buffers", ())}


def write_notebook(notebook: Any, path: Path) -> None:
    """Write a notebook aside, then rename; a file that was there keeps its permissions."""
    with replacing(path) as aside:
        nbformat.write(notebook, str(aside))
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(path, aside)
