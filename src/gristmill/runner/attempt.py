"""One attempt at a step: a notebook on a kernel, or in a shell where that is enough."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.errors import Unavailable
from gristmill.pipeline.notebook import parse_notebook
from gristmill.pipeline.plan import StepState
from gristmill.pipeline.step import StepSpec
from gristmill.runner.direct import NotDirect, Shell
from gristmill.runner.execute import Failure, execute
from gristmill.runner.hooks import Hooks
from gristmill.runner.kernels import KernelHandle, KernelRequest, acquire
from gristmill.runner.lock import end_family, forget_kernel, note_kernel
from gristmill.runner.outputs import clear_outputs
from gristmill.runner.warm.suitable import refusal
from gristmill.runner.workspace import Workspace

Tell = Callable[[tuple[int, float | None]], None]


@dataclass
class Attempt:
    """What is known of a step while it runs.

    `number` counts attempts from 1, `started` is seconds since the epoch, `before` the step's state
    when it began, `environment` what its kernel's environment says beyond ours, `directory` the
    run's.
    """

    step: StepSpec
    number: int
    started: float
    before: StepState
    environment: Mapping[str, str]
    directory: Path
    cells_begun: int = 0
    _pid: int | None = None
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return self.step.name if self.number == 1 else f"{self.step.name}.attempt-{self.number}"

    @property
    def executed(self) -> Path:
        return self.directory / f"{self.name}.ipynb"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    def end(self) -> None:
        """Kill the kernel and all it started, now or as soon as it is there."""
        self._end.set()
        if self._pid is not None:
            end_family(self._pid)

    def run(
        self, workspace: Workspace, environment_hash: str | None, kernel: str, tell: Tell
    ) -> Failure | None:
        """The notebook through papermill; `tell` hears (cell, None) at the start of a cell and
        (cell, seconds) at its end. `kernel` is as in RunRequest."""
        hooks = Hooks(
            source=self.step.notebook,
            save_to=self.executed,
            log=self.log,
            on_cell_start=lambda index: tell((index, None)),
            on_cell_end=lambda index, seconds: tell((index, seconds)),
        )
        request = KernelRequest(
            cwd=workspace.project.root,
            kernel_name=self.step.kernel,
            preload=workspace.preload,
            environment=environment_hash,
            project=workspace.project.root,
            env={**os.environ, **self.environment},
            fresh=kernel == "fresh",
            log=self.log,
        )
        if kernel == "auto" and not needs_kernel(workspace.texts[self.step.name]):
            try:
                with Shell(request) as shell:
                    return self._execute(workspace, shell, hooks)
            except NotDirect as why:
                self.log.write_text(f"started again on a kernel: {why}\n", encoding="utf-8")
                clear_outputs(workspace.project.root, self.step)
        with self._kernel(request) as handle:
            return self._execute(workspace, handle, hooks)

    def _execute(
        self, workspace: Workspace, kernel: KernelHandle | Shell, hooks: Hooks
    ) -> Failure | None:
        name = self.step.name
        self._pid = kernel.pid
        note_kernel(self.directory, name, kernel.pid)
        if self._end.is_set():
            end_family(kernel.pid)
        try:
            text, params = workspace.texts[name], workspace.params[name]
            return execute(self.step, text, params, kernel, hooks)
        finally:
            self._pid = None
            forget_kernel(self.directory, name)

    def _kernel(self, request: KernelRequest) -> KernelHandle:
        from jupyter_client.kernelspec import NoSuchKernel

        try:
            return acquire(request)
        except NoSuchKernel as error:
            raise Unavailable(
                "kernel.not-found",
                f"{self.step.notebook} asks for the kernel `{self.step.kernel}`, which is "
                "not installed.",
                hint="`jupyter kernelspec list` shows which are.",
            ) from error


def needs_kernel(text: str) -> str:
    """Why the cells of a notebook need a kernel, empty when they do not."""
    return refusal(cell.source for cell in parse_notebook(text, "").cells)
