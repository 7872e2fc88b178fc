"""Versions side by side: on the same rows, with intervals, and what they were made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

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
from gristmill.registry._versions.origins import changed_cells, inputs, origins, parameters
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import HOLDOUT, REFERENCE, Version

if TYPE_CHECKING:
    import pandas as pd

LINEAGE_PARTS = (
    "commit", "dirty", "branch", "step", "source", "environment", "python", "notebook", "author",
)  # fmt: skip
NUMBERS = ("mae", "rmse")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """A version on the shared rows: metrics with 90 % intervals, curves for 0/1 labels."""

    version: int
    metrics: Mapping[str, Interval]
    curves: Curves | None = None


@dataclass(frozen=True)
class Pair:
    """A version against the first: `metrics` are paired, with 90 % intervals, and their
    `difference` says by how much `version` is better; the mappings hold (first, version) where
    they differ. `where` is None when the two could not be scored."""

    version: int
    metrics: tuple[Comparison, ...]
    where: Disagreement | None
    params: Mapping[str, tuple[Any, Any]]
    inputs: Mapping[str, tuple[Any, Any]]
    lineage: Mapping[str, tuple[Any, Any]]
    cells: Mapping[str, tuple[CellChange, ...]]


@dataclass(frozen=True)
class VersionComparison:
    """Two or more versions of `model`; the first is what the others are compared with.

    All are scored on the hold-out of version `holdout`, the newest of them, which has `rows` rows
    and a share `positive` of positives (None unless labels are 0/1). `seen` are the versions whose
    training window meets it in time, so that they may have learned from its rows. `trouble` says
    why there are no scores.
    """

    model: str
    versions: tuple[Version, ...]
    pairs: tuple[Pair, ...]
    scored: tuple[Scored, ...] = ()
    holdout: int | None = None
    rows: int = 0
    positive: float | None = None
    seen: tuple[int, ...] = ()
    trouble: str = ""

    def record(self) -> dict[str, Any]:
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
            return [m for m in METRIC_NAMES if m not in NUMBERS]
        numeric = np.issubdtype(np.asarray(self.truth).dtype, np.floating)
        return (
            list(NUMBERS) if numeric else [m for m in METRIC_NAMES if m not in {*BINARY, *NUMBERS}]
        )


@finds_project
def compare(
    project: Project, model: str, versions: Sequence[int | str], tell: Tell = lambda _: None
) -> VersionComparison:
    """Compare versions of a model with the first of them.

    `versions` are numbers or aliases, two or more different versions. `tell` hears what is being
    done. Raises NotFound, Invalid for fewer than two, Forbidden for altered bytes.
    """
    settings = model_settings(project, model)
    registry = Registry(project)
    targets = (registry.version(model, version) for version in versions)
    compared = tuple({target.version: target for target in targets}.values())
    if len(compared) < 2:
        raise Invalid(
            "compare.versions",
            f"a comparison of {model} needs two different versions.",
            hint=f"`gristmill model list {model}` shows them.",
        )
    newest = max(compared, key=lambda v: v.version)
    try:
        rows = score_rows(registry, settings, newest, compared, tell)
    except Invalid as error:
        return VersionComparison(
            model, compared, _origins(project, compared), trouble=error.message
        )
    tell("Measuring metrics and curves")
    scored = tuple(
        scored_of(v, rows, output) for v, output in zip(compared, rows.outputs, strict=True)
    )
    pairs = []
    for bare, output in zip(_origins(project, compared), rows.outputs[1:], strict=True):
        tell(f"Comparing version {bare.version} with version {compared[0].version}")
        pairs.append(_judged(bare, rows, output))
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
    tell: Tell = lambda _: None,
) -> Rows:
    """Every version's outputs on the newest's hold-out. Raises Invalid when there are none."""
    if HOLDOUT not in newest.evidence or not settings.target:
        raise Invalid(
            "compare.holdout",
            f"version {newest.version} keeps no hold-out, or no target is declared",
        )
    import pandas as pd

    frame = pd.read_parquet(registry.evidence(newest, HOLDOUT))
    if settings.target not in frame:
        raise Invalid("compare.target", f"the hold-out has no column {settings.target!r}")
    truth, binary = truth_labels(frame[settings.target])
    outputs = []
    for version in versions:
        tell(f"Scoring {len(frame):,} rows with version {version.version}")
        try:
            outputs.append(model_outputs(registry, version, frame, settings, binary=binary))
        except Invalid as error:
            raise Invalid(error.code, f"version {version.version}: {error.message}") from error
    return Rows(truth, tuple(outputs), _columns(frame, settings), binary)


def _seen(
    registry: Registry, settings: ModelSettings, newest: Version, versions: Sequence[Version]
) -> tuple[int, ...]:
    """Versions, but for the newest, whose reference meets its hold-out in time."""
    held = _span(registry, settings, newest, HOLDOUT)
    found = []
    for version in versions:
        learned = _span(registry, settings, version, REFERENCE)
        if version == newest or held is None or learned is None:
            continue
        if learned[0] <= held[1] and held[0] <= learned[1]:
            found.append(version.version)
    return tuple(found)


def _span(
    registry: Registry, settings: ModelSettings, version: Version, name: str
) -> tuple[Any, Any] | None:
    """First and last event time of a table kept with the version, None when it says none."""
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


def _judged(bare: Pair, rows: Rows, output: Any) -> Pair:
    found = []
    for metric in rows.metrics:
        try:
            found.append(statistics.paired_difference(metric, rows.truth, output, rows.outputs[0]))
        except GristmillError:
            continue  # as above
    where = disagreement(rows.truth, rows.outputs[0], output, rows.columns)
    return Pair(**{**vars(bare), "metrics": tuple(found), "where": where})


def _origins(project: Project, versions: Sequence[Version]) -> tuple[Pair, ...]:
    """What the versions were made from, each against the first; not yet scored."""
    steps = [origins(project, v.lineage) for v in versions]
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
