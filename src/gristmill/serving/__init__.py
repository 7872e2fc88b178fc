"""BentoML: the alias followed without downtime, every prediction logged; files scored."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.serving._score import score
    from gristmill.serving._serve import serve
    from gristmill.serving._served_model import load_served_model
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "load_served_model",
    "score",
    "serve",
]
