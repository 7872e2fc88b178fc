"""A double of the project, in which nothing of the project can be harmed."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.sandbox._double import clear_double, git_state_of_double, make_double, pin_commit
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "clear_double",
    "git_state_of_double",
    "make_double",
    "pin_commit",
]
