"""Versions side by side: on the same rows, with intervals, and what they were made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from gristmill.drawing import format_percent
from gristmill.errors import GristmillError, Invalid
from gristmill.lineage import Lineage
from gristmill.pipeline import CellChange
from gristmill.project import Project, finds_project
from gristmill.registry._compare.curves import Curves, curves_of
from gristmill.registry._compare.disagreement import Disagreement, disagreement
from gristmill.registry._gates import statistics
from gristmill.registry._gates.scoring import model_outputs, truth_labels
from gristmill.registry._gates.statistics import BINARY, METRIC_NAMES, Comparison, Interval
from gristmill.registry._settings import ModelSettings, model_settings
from gristmill.registry._versions.origins import changed_cells, inputs, parameters
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version

if TYPE_CHECKING:
    import pandas as pd

LINEAGE_PARTS = (
    "commit", "dirty", "branch", "step", "source", "environment", "python", "notebook", "author",
)  # fmt: skip
REGRESSION = ("mae", "rmse")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """A version on the shared rows.

    Attributes
    ----------
    version
        Its number.
    metrics
        With 90 % intervals, by name.
    curves
        For 0/1 labels of both classes, else None.
    """

    version: int
    metrics: Mapping[str, Interval]
    curves: Curves | None = None


@dataclass(frozen=True)
class Pair:
    """A version against the first one.

    Attributes
    ----------
    version
        Its number.
    metrics
        Paired, with 90 % intervals; a `difference` says by how much `version` is better.
    where
        Where the two models disagree; None when they could not be scored.
    params, inputs, lineage
        What differs, as (of the first, of `version`).
    cells
        Notebook cells that differ, by notebook.
    """

    version: int
    metrics: tuple[Comparison, ...]
    where: Disagreement | None
    params: Mapping[str, tuple[Any, Any]]
    inputs: Mapping[str, tuple[Any, Any]]
    lineage: Mapping[str, tuple[Any, Any]]
    cells: Mapping[str, tuple[CellChange, ...]]

    def significance(self) -> str:
        """By which metrics `version` is significantly better and worse, in words."""
        metrics: dict[str, list[str]] = {}
        for comparison in self.metrics:
            metrics.setdefault(comparison.significance, []).append(comparison.metric)
        parts = [
            f"significantly {kind} by {', '.join(metrics[kind])}"
            for kind in ("better", "worse")
            if kind in metrics
        ]
        return "; ".join(parts) or "not significantly different by any metric"


@dataclass(frozen=True)
class VersionComparison:
    """Two or more versions of a model; the others are compared with the first.

    Attributes
    ----------
    model
        The model.
    versions
        The versions, the first one first.
    pairs
        Each of the others against the first.
    scored
        Each version on the shared rows; empty when they could not be scored.
    holdout
        The version whose hold-out the rows are: the newest.
    rows
        How many there are.
    positive
        The share of positives; None unless labels are 0/1.
    seen
        Versions whose training window overlaps the hold-out in time: they may have been trained on
        its rows.
    problem
        Why there are no scores, "" when there are.
    """

    model: str
    versions: tuple[Version, ...]
    pairs: tuple[Pair, ...]
    scored: tuple[Scored, ...] = ()
    holdout: int | None = None
    rows: int = 0
    positive: float | None = None
    seen: tuple[int, ...] = ()
    problem: str = ""

    @property
    def names(self) -> str:
        """Which versions are compared with which."""
        first, *others = (f"version {v.version}" for v in self.versions)
        return f"{', '.join(others)} against {first}"

    def summary(self) -> list[str]:
        """What was compared, and the metrics that differ significantly, in sentences."""
        if self.problem:
            return [f"The versions could not be scored: {self.problem}."]
        share = "" if self.positive is None else f", {format_percent(self.positive)} positive"
        lines = [
            f"{self.rows:,} hold-out rows of version {self.holdout}{share}; 90 % confidence "
            "intervals."
        ]
        if self.seen:
            names = ", ".join(f"version {v}" for v in self.seen)
            lines.append(f"Caution: by their dates, {names} may have been trained on these rows.")
        return lines + [f"Version {p.version} is {p.significance()}." for p in self.pairs]

    def record(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {**asdict(self), "versions": [v.record() for v in self.versions]}


@dataclass(frozen=True)
class Rows:
    """The shared rows: labels and each version's outputs, of shape (n,), and other columns."""

    truth: Any
    outputs: tuple[Any, ...]
    columns: Mapping[str, Any] = field(default_factory=dict)
    binary: bool = True

    @property
    def metrics(self) -> list[str]:
        """Those that the labels allow."""
        import numpy as np

        if self.binary:
            return [m for m in METRIC_NAMES if m not in REGRESSION]
        numeric = np.issubdtype(np.asarray(self.truth).dtype, np.floating)
        return (
            list(REGRESSION)
            if numeric
            else [m for m in METRIC_NAMES if m not in {*BINARY, *REGRESSION}]
        )


@finds_project
def compare(
    project: Project, model: str, versions: Sequence[int | str], progress: Progress = lambda _: None
) -> VersionComparison:
    """Compare versions of a model with the first of them.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    versions
        Numbers or aliases of two or more different versions.
    progress
        Told what is being done.

    Returns
    -------
    VersionComparison
        Without scores, and with a `problem`, when the versions cannot be scored.

    Raises
    ------
    NotFound
        There is no such model or version.
    Invalid
        `compare.versions`: there are fewer than two versions.
    Forbidden
        Bytes or entries were altered.
    """
    settings = model_settings(project, model)
    registry = Registry(project)
    targets = (registry.version(model, version) for version in versions)
    compared = tuple({target.version: target for target in targets}.values())
    if len(compared) < 2:
        raise Invalid(
            "compare.versions",
            f"comparing versions of {model} needs two different ones.",
            hint=f"`gristmill model list {model}` shows the versions.",
        )
    newest = max(compared, key=lambda v: v.version)
    try:
        rows = score_rows(registry, settings, newest, compared, progress)
    except Invalid as error:
        return VersionComparison(
            model, compared, _origins(project, compared), problem=error.message
        )
    progress("Measuring metrics and curves")
    scored = tuple(
        scored_of(v, rows, output) for v, output in zip(compared, rows.outputs, strict=True)
    )
    pairs = []
    for unscored, output in zip(_origins(project, compared), rows.outputs[1:], strict=True):
        progress(f"Comparing version {unscored.version} with version {compared[0].version}")
        pairs.append(_scored_pair(unscored, rows, output))
    return VersionComparison(
        model,
        compared,
        tuple(pairs),
        scored,
        newest.version,
        len(rows.truth),
        float(rows.truth.mean()) if rows.binary else None,
        _seen(registry, settings, newest, compared),
    )


def score_rows(
    registry: Registry,
    settings: ModelSettings,
    newest: Version,
    versions: Sequence[Version],
    progress: Progress = lambda _: None,
) -> Rows:
    """Every version's outputs on the newest's hold-out. Raises Invalid when there are none."""
    if Version.HOLDOUT not in newest.evidence or not settings.target:
        raise Invalid(
            "compare.holdout",
            f"no hold-out is stored with version {newest.version}, or no `target` is declared",
        )
    import pandas as pd

    frame = pd.read_parquet(registry.evidence(newest, Version.HOLDOUT))
    if settings.target not in frame:
        raise Invalid("compare.target", f"the hold-out has no column {settings.target!r}")
    truth, binary = truth_labels(frame[settings.target])
    outputs = []
    for version in versions:
        progress(f"Scoring {len(frame):,} rows with version {version.version}")
        try:
            outputs.append(model_outputs(registry, version, frame, settings, binary=binary))
        except Invalid as error:
            raise Invalid(error.code, f"version {version.version}: {error.message}") from error
    return Rows(truth, tuple(outputs), _columns(frame, settings), binary)


def _seen(
    registry: Registry, settings: ModelSettings, newest: Version, versions: Sequence[Version]
) -> tuple[int, ...]:
    """Versions, except the newest, whose reference overlaps its hold-out in time."""
    holdout = _span(registry, settings, newest, Version.HOLDOUT)
    seen = []
    for version in versions:
        trained = _span(registry, settings, version, Version.REFERENCE)
        if version == newest or holdout is None or trained is None:
            continue
        if trained[0] <= holdout[1] and holdout[0] <= trained[1]:
            seen.append(version.version)
    return tuple(seen)


def _span(
    registry: Registry, settings: ModelSettings, version: Version, name: str
) -> tuple[Any, Any] | None:
    """First and last event time of a table kept with the version; None when it has no times."""
    import pandas as pd
    import pyarrow.parquet as pq

    if name not in version.evidence or not settings.time:
        return None
    path = registry.evidence(version, name)
    if settings.time not in pq.read_schema(path).names:
        return None
    moments = pd.to_datetime(
        pd.read_parquet(path, columns=[settings.time])[settings.time], utc=True
    )
    return (moments.min(), moments.max()) if len(moments) else None


def _columns(frame: pd.DataFrame, settings: ModelSettings) -> dict[str, Any]:
    return {str(c): frame[c] for c in frame if c not in {settings.target, settings.time}}


def scored_of(version: Version, rows: Rows, output: Any) -> Scored:
    """Metrics with intervals and curves of a version's `output` on the shared rows."""
    metrics = {}
    for metric in rows.metrics:
        try:
            metrics[metric] = statistics.metric_interval(metric, rows.truth, output)
        except GristmillError:
            continue  # one class only: this metric says nothing of these rows
    both = rows.binary and 0 < rows.truth.mean() < 1
    return Scored(version.version, metrics, curves_of(rows.truth, output) if both else None)


def _scored_pair(unscored: Pair, rows: Rows, output: Any) -> Pair:
    comparisons = []
    for metric in rows.metrics:
        try:
            comparisons.append(
                statistics.paired_difference(metric, rows.truth, output, rows.outputs[0])
            )
        except GristmillError:
            continue  # as above
    where = disagreement(rows.truth, rows.outputs[0], output, rows.columns)
    return Pair(**{**vars(unscored), "metrics": tuple(comparisons), "where": where})


def _origins(project: Project, versions: Sequence[Version]) -> tuple[Pair, ...]:
    """What the versions were made from, each against the first; not yet scored."""
    steps = [v.origins for v in versions]
    first = versions[0].lineage
    return tuple(
        Pair(
            version.version,
            (),
            None,
            differences(parameters(steps[0]), parameters(mine)),
            differences(inputs(steps[0]), inputs(mine)),
            differences(_parts(first), _parts(version.lineage)),
            changed_cells(project, steps[0], mine),
        )
        for version, mine in zip(versions[1:], steps[1:], strict=True)
    )


def _parts(lineage: Lineage) -> dict[str, Any]:
    return {part: getattr(lineage, part) for part in LINEAGE_PARTS}


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is not the same in both, as (of a, of b), None where it is absent."""
    return {k: (a.get(k), b.get(k)) for k in sorted({*a, *b}) if a.get(k) != b.get(k)}
