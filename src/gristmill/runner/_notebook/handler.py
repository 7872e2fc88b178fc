"""A notebook that papermill reads from memory, and writes to where a run saves it.

papermill would read a notebook it is given as an object by writing it out first, and one it shall
not save it writes out as well. It knows other places by the scheme of their addresses, so one
handler serves a scheme, for the notebook that the calling thread executes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from papermill.iorw import papermill_io

from gristmill.files import write_atomic
from gristmill.runner._notebook.hooks import Hooks

SCHEME = "gristmill-run:"
ADDRESS = f"{SCHEME}notebook.ipynb"


@dataclass(frozen=True)
class InMemoryNotebook:
    """The text to read, and the hooks that know where the executed notebook is saved."""

    text: str
    hooks: Hooks


_executing: ContextVar[InMemoryNotebook] = ContextVar("gristmill_executing_notebook")


@contextmanager
def in_memory(text: str, hooks: Hooks) -> Iterator[str]:
    """Give papermill a notebook for one execution in this thread.

    Parameters
    ----------
    text
        The notebook's JSON.
    hooks
        Their `save_to` is where the executed notebook is written.

    Yields
    ------
    str
        The address to read from and to write to.
    """
    token = _executing.set(InMemoryNotebook(text, hooks))
    try:
        yield ADDRESS
    finally:
        _executing.reset(token)


class InMemoryNotebookHandler:
    """What papermill asks about addresses of our scheme."""

    @staticmethod
    def read(address: str) -> str:
        return _executing.get().text

    @staticmethod
    def write(text: str, address: str) -> None:
        """Write a notebook that succeeded. The engine has saved one in which a cell failed, and
        without the marks at its top that papermill then adds."""
        hooks = _executing.get().hooks
        if hooks.succeeded and hooks.save_to is not None:
            write_atomic(hooks.save_to, text + "\n")

    @staticmethod
    def pretty_path(address: str) -> str:
        return address


papermill_io.register(SCHEME, InMemoryNotebookHandler)
