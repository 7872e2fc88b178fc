"""Where papermill reads a notebook and writes the executed one when a run executes it.

papermill would read a notebook it is given as an object by writing it out first, and one it shall
not save it writes out as well. It knows other places by the scheme of their addresses.
"""

from __future__ import annotations

from typing import ClassVar

from papermill.iorw import papermill_io

from gristmill.files import write_atomic
from gristmill.runner.hooks import Hooks

SCHEME = "gristmill-run:"


class Desk:
    """In a `with` block, `address` reads as `text` and is written to where `hooks` save.

    A notebook in which a cell failed is not written: the engine has saved it, and without the
    marks at its top that papermill then adds.
    """

    _open: ClassVar[dict[str, Desk]] = {}

    def __init__(self, text: str, hooks: Hooks) -> None:
        self.text = text
        self.hooks = hooks
        self.address = f"{SCHEME}{id(self)}.ipynb"

    def __enter__(self) -> Desk:
        self._open[self.address] = self
        return self

    def __exit__(self, *_: object) -> None:
        del self._open[self.address]

    @classmethod
    def read(cls, address: str) -> str:
        return cls._open[address].text

    @classmethod
    def write(cls, text: str, address: str) -> None:
        hooks = cls._open[address].hooks
        if hooks.succeeded and hooks.save_to is not None:
            write_atomic(hooks.save_to, text + "\n")

    @staticmethod
    def pretty_path(address: str) -> str:
        return address


papermill_io.register(SCHEME, Desk)
