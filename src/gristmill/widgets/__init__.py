"""Widgets of the registry, for JupyterLab, Notebook and Voila.

What they do is done by the registry's verbs, in a thread; what comes back is shown from the
kernel's loop, so that the kernel answers other cells meanwhile.
"""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.widgets._compare import CompareModels
    from gristmill.widgets._promotion import Promotion
    from gristmill.widgets._registry import ModelRegistry
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "CompareModels",
    "ModelRegistry",
    "Promotion",
]
