"""What a library would work out in every kernel anew, worked out once beside the server.

MLflow lists the modules of every installed distribution when it saves or loads a model: seconds,
in each process. The server may only import, so a child of it makes the list and sends it back;
kernels forked from then on have it, earlier ones make their own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import sys
from collections.abc import Callable

MODULE = "mlflow.utils.requirements_utils"
MAKE = "_init_modules_to_packages_map"
VALUE = "_MODULES_TO_PACKAGES"


def list_backends() -> None:
    """Let matplotlib list its backends, which are entry points of the installed distributions.

    It reads them when the inline backend is chosen: 50 ms in each kernel.
    """
    backends = sys.modules.get("matplotlib.backends")
    registry = getattr(backends, "backend_registry", None)
    if registry is not None:
        registry.list_all()


class Prime:
    """The list on its way; `fd` is readable when there is something to `take`, -1 when not."""

    def __init__(self) -> None:
        self.fd = -1
        self._parts: list[bytes] = []

    def start(self, prepare: Callable[[], object]) -> None:
        """Fork the child that makes the list, if the library is there and still lacks it.

        `prepare` closes in it what is the server's.
        """
        module = sys.modules.get(MODULE)
        if getattr(module, VALUE, True) is not None or not hasattr(module, MAKE):
            return
        read, write = os.pipe()
        if not os.fork():
            os.close(read)
            prepare()
            self._make(write)
        os.close(write)
        self.fd = read

    @staticmethod
    def _make(write: int) -> None:
        try:
            os.nice(10)
            module = importlib.import_module(MODULE)
            getattr(module, MAKE)()
            body = json.dumps(getattr(module, VALUE)).encode()
            while body:
                body = body[os.write(write, body) :]
        finally:
            os._exit(0)

    def take(self, poller: select.poll) -> None:
        """Read what has come; set the list when it is whole. A broken one is dropped."""
        while self.fd >= 0 and select.select([self.fd], [], [], 0)[0]:
            part = os.read(self.fd, 1 << 16)
            if part:
                self._parts.append(part)
                continue
            poller.unregister(self.fd)
            self.close()
            with contextlib.suppress(ValueError):
                setattr(sys.modules[MODULE], VALUE, json.loads(b"".join(self._parts)))

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1
