"""Past runs: searched in MLflow, read in full from their record, compared with each other.

for row in runs.search(project, "metrics.roc_auc > 0.7 and params.train.trees = 80"):
    print(row.run, row.metrics["roc_auc"])
print(runs.diff(project, "last~1", "last").params)
"""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.runs._compare import Change, RunDiff
    from gristmill.runs._find import diff, find, run_files
    from gristmill.runs._journal import (
        END_KINDS,
        JOURNAL_FOLDER,
        JOURNAL_SUFFIX,
        Journal,
        journal_path,
        read_events,
    )
    from gristmill.runs._plots import FigurePair, plot_pairs, plots
    from gristmill.runs._query import parse_where, split_key
    from gristmill.runs._record import RunRecord, StepRecord
    from gristmill.runs._rows import RunRow, search
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "END_KINDS",
    "JOURNAL_FOLDER",
    "JOURNAL_SUFFIX",
    "Change",
    "FigurePair",
    "Journal",
    "RunDiff",
    "RunRecord",
    "RunRow",
    "StepRecord",
    "diff",
    "find",
    "journal_path",
    "parse_where",
    "plot_pairs",
    "plots",
    "read_events",
    "run_files",
    "search",
    "split_key",
]
