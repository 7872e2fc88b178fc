"""The prediction log: one line a prediction, written before the reply; one rule to read it."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.predictions._log import LineLog, timestamp
    from gristmill.predictions._paths import feedback_directory, predictions_directory
    from gristmill.predictions._reader import (
        RECEIVED,
        RECEIVED_LABEL,
        attach_log,
        first_answers,
        last_labels,
        log_files,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "RECEIVED",
    "RECEIVED_LABEL",
    "LineLog",
    "attach_log",
    "feedback_directory",
    "first_answers",
    "last_labels",
    "log_files",
    "predictions_directory",
    "timestamp",
]
