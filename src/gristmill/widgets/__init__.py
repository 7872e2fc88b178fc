"""Widgets of the registry, for JupyterLab, Notebook and Voila.

What they do is done by the registry's verbs, in a thread; what comes back is shown from the
kernel's loop, so that the kernel answers other cells meanwhile.
"""

from gristmill.widgets.compare import CompareModels
from gristmill.widgets.promotion import Promotion
from gristmill.widgets.registry import ModelRegistry

__all__ = ["CompareModels", "ModelRegistry", "Promotion"]
