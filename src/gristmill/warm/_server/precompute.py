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

from .forked_task import ForkedTask

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


class ModuleList(ForkedTask):
    """MLflow's list of modules and packages, made in a child."""

    def request(self, prepare: Callable[[], object]) -> None:
        """Have the list made, if MLflow is imported and still lacks it."""
        module = sys.modules.get(MODULE)
        if getattr(module, VALUE, True) is None and hasattr(module, MAKE):
            self.start(_make, prepare)

    def install(self, poller: select.poll) -> None:
        """Give MLflow the list once it has arrived. A broken one is dropped."""
        packages = self.take(poller)
        if packages is not None:
            setattr(sys.modules[MODULE], VALUE, packages)


def _make() -> Any:
    module = sys.modules[MODULE]
    getattr(module, MAKE)()
    return getattr(module, VALUE)
