"""Runs that were: searched in MLflow, read in full from their record, compared with each other.

for row in runs.search(project, "metrics.roc_auc > 0.7 and params.train.trees = 80"):
    print(row.run, row.metrics["roc_auc"])
print(runs.diff(project, "last~1", "last").params)
"""

from gristmill.runs.compare import RunDiff
from gristmill.runs.find import diff, files, find
from gristmill.runs.plots import Figure, FigurePair, plot_pairs, plots
from gristmill.runs.record import RunRecord, StepRecord
from gristmill.runs.rows import RunRow, search

__all__ = [
    "Figure",
    "FigurePair",
    "RunDiff",
    "RunRecord",
    "RunRow",
    "StepRecord",
    "diff",
    "files",
    "find",
    "plot_pairs",
    "plots",
    "search",
]
