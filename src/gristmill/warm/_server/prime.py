"""What a library would work out in every kernel anew, worked out once beside the server.

MLflow lists the modules of every installed distribution when it saves or loads a model: seconds,
in each process. The server may only import, so a child of it makes the list and sends it back;
kernels forked from then on have it, earlier ones make their own.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from typing import Any

from .errand import Errand

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


class Prime(Errand):
    """The list on its way."""

    def start(self, prepare: Callable[[], object]) -> None:
        """Have the list made, if the library is there and still lacks it."""
        module = sys.modules.get(MODULE)
        if getattr(module, VALUE, True) is None and hasattr(module, MAKE):
            self.send(_make, prepare)

    def set(self, poller: select.poll) -> None:
        """Set the list when it has come. A broken one is dropped."""
        found = self.take(poller)
        if found is not None:
            setattr(sys.modules[MODULE], VALUE, found)


def _make() -> Any:
    module = sys.modules[MODULE]
    getattr(module, MAKE)()
    return getattr(module, VALUE)
