"""Gates on groups of the hold-out: slices, fairness; and on calibration. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from gristmill.errors import GristmillError, Invalid
from gristmill.registry._gates.base import Evidence, GateResult, Verdict
from gristmill.registry._gates.statistics import METRIC_NAMES, THRESHOLD, paired_difference

BINS = 10
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


def groups(column: Any) -> Iterator[tuple[str, Any]]:
    """Each value of a column of shape (n,) and the mask of its rows; gaps are a group too."""
    text = np.array(["(none)" if v is None or v != v else str(v) for v in column])  # noqa: PLR0124
    for value in np.unique(text):
        yield str(value), text == value


@dataclass(frozen=True)
class Slices:
    """Gate `slices`: in no group of rows is the challenger significantly worse than the champion.

    A group fails when the upper bound of the paired difference is below -`tolerance`, at a
    confidence that Bonferroni's correction divides among the groups. Groups with too few rows or
    one class only are named and not judged. Without a champion it passes.

    Attributes
    ----------
    column
        The hold-out's column whose values make the groups.
    metric
        One of METRIC_NAMES.
    tolerance
        How much worse is tolerated, in units of the metric.
    confidence
        Of all groups together.
    rows
        Groups with fewer rows are not judged.
    """

    kind: ClassVar[str] = "slices"
    column: str
    metric: str
    tolerance: float = 0.0
    confidence: float = 0.95
    rows: int = 50

    def __post_init__(self) -> None:
        if self.metric not in METRIC_NAMES:
            raise Invalid(
                "gate.metric",
                f"{self.metric!r} is not a metric that slices can be compared by.",
                hint=f"Known: {', '.join(METRIC_NAMES)}.",
            )

    def evaluate(self, evidence: Evidence) -> GateResult:
        """INCONCLUSIVE when no group can be judged."""
        name = f"{self.metric} by {self.column}"
        if evidence.champion_version is None:
            return GateResult(self.kind, name, Verdict.PASS, "there is no champion yet")
        problem = _problem(evidence, self.column)
        if problem or evidence.champion is None:
            return GateResult(
                self.kind, name, Verdict.INCONCLUSIVE, problem or "the champion has no outputs"
            )
        judged, skipped = {}, {}
        parts = list(groups(evidence.columns[self.column]))
        share = 1 - (1 - self.confidence) / len(parts)
        for value, mask in parts:
            size = int(mask.sum())
            if size < self.rows:
                skipped[value] = f"{size} rows"
                continue
            try:
                judged[value] = paired_difference(
                    self.metric,
                    evidence.truth[mask],
                    evidence.challenger[mask],
                    evidence.champion[mask],
                    confidence=share,
                )
            except GristmillError as error:
                skipped[value] = error.message
        numbers = {
            "groups": {
                v: {"difference": c.difference, "lower": c.lower, "upper": c.upper, "rows": c.rows}
                for v, c in judged.items()
            },
            "not judged": skipped,
        }
        if not judged:
            return GateResult(
                self.kind, name, Verdict.INCONCLUSIVE, "no group has enough rows", numbers
            )
        worse = sorted(v for v, c in judged.items() if c.upper < -self.tolerance)
        message = (
            f"{name}: significantly worse than the champion for {', '.join(worse)}"
            if worse
            else f"{name}: significantly worse in none of {len(judged)} groups"
        )
        return GateResult(
            self.kind, name, Verdict.FAIL if worse else Verdict.PASS, message, numbers
        )


@dataclass(frozen=True)
class Fairness:
    """Gate `fairness`: a rate does not differ too much between groups of rows.

    Rates are point estimates (fairlearn's `MetricFrame`) of predictions cut at one half; the
    largest difference between two groups is judged.

    Attributes
    ----------
    column
        The hold-out's column whose values make the groups.
    measure
        `selection_rate` (demographic parity), `true_positive_rate` (equal opportunity) or
        `false_positive_rate`.
    limit
        The largest difference that passes.
    rows
        Groups in which the rate counts fewer rows are left out.
    """

    kind: ClassVar[str] = "fairness"
    column: str
    measure: str = "selection_rate"
    limit: float = 0.1
    rows: int = 50

    def __post_init__(self) -> None:
        if self.measure not in RATES:
            raise Invalid(
                "gate.measure",
                f"{self.measure!r} is not a measure of fairness.",
                hint=f"Known: {', '.join(RATES)}.",
            )

    def evaluate(self, evidence: Evidence) -> GateResult:
        """INCONCLUSIVE when fewer than two groups have enough rows."""
        name = f"{self.measure} by {self.column}"
        problem = _problem(evidence, self.column)
        if problem:
            return GateResult(self.kind, name, Verdict.INCONCLUSIVE, problem)
        if find_spec("fairlearn") is None:
            message = 'fairlearn is not installed: pip install "gristmill[govern]"'
            return GateResult(self.kind, name, Verdict.INCONCLUSIVE, message)
        positive, truth = evidence.challenger >= THRESHOLD, evidence.truth
        counted = {
            "selection_rate": np.ones(len(truth), bool),
            "true_positive_rate": truth == 1,
            "false_positive_rate": truth == 0,
        }[self.measure]
        enough = np.zeros(len(truth), bool)
        text = np.full(len(truth), "", dtype=object)
        for value, mask in groups(evidence.columns[self.column]):
            text[mask] = value
            enough |= mask & bool((mask & counted).sum() >= self.rows)
        rates = _rates(self.measure, truth[enough], positive[enough], text[enough])
        if len(rates) < 2:
            return GateResult(
                self.kind, name, Verdict.INCONCLUSIVE, "fewer than two groups have enough rows"
            )
        low, high = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
        gap = rates[high] - rates[low]
        message = (
            f"{name}: {rates[low]:.3f} ({low}) to {rates[high]:.3f} ({high}), a difference of "
            f"{gap:.3f}, {'more' if gap > self.limit else 'not more'} than {self.limit:g}"
        )
        return GateResult(
            self.kind,
            name,
            Verdict.FAIL if gap > self.limit else Verdict.PASS,
            message,
            {"rates": rates},
        )


@dataclass(frozen=True)
class Calibration:
    """Gate `calibration`: predicted probabilities agree with observed shares.

    The expected calibration error is the mean over ten bins of equally many rows of
    |mean probability - share of positives| (Naeini, Cooper & Hauskrecht, AAAI 2015, with
    equal-frequency bins).

    Attributes
    ----------
    limit
        The largest error that passes.
    rows
        Fewer rows than this are not judged.
    """

    kind: ClassVar[str] = "calibration"
    limit: float = 0.05
    rows: int = 200

    def evaluate(self, evidence: Evidence) -> GateResult:
        """INCONCLUSIVE with too few rows, or labels other than 0 and 1."""
        name = "expected calibration error"
        problem = _problem(evidence)
        if problem:
            return GateResult(self.kind, name, Verdict.INCONCLUSIVE, problem)
        if len(evidence.truth) < self.rows:
            return GateResult(
                self.kind,
                name,
                Verdict.INCONCLUSIVE,
                f"{len(evidence.truth)} rows are too few; {self.rows} are needed",
            )
        if not np.isin(evidence.truth, [0, 1]).all():
            return GateResult(self.kind, name, Verdict.INCONCLUSIVE, "the target is not 0 and 1")
        bins = reliability(evidence.truth, evidence.challenger)
        error = sum(n * abs(mean - share) for mean, share, n in bins) / len(evidence.truth)
        verdict = Verdict.PASS if error <= self.limit else Verdict.FAIL
        message = f"{name} {error:.4f} {'<=' if verdict == Verdict.PASS else '>'} {self.limit:g}"
        return GateResult(self.kind, name, verdict, message, {"error": error, "bins": bins})


def _rates(measure: str, truth: Any, positive: Any, text: Any) -> dict[str, float]:
    """fairlearn's rate of each group, by the group's name; empty without rows."""
    if not len(truth):
        return {}
    from fairlearn import metrics

    frame = metrics.MetricFrame(
        metrics=getattr(metrics, measure),
        y_true=truth.astype(int),
        y_pred=positive.astype(int),
        sensitive_features=text,
    )
    return {str(k): float(v) for k, v in frame.by_group.items()}


def reliability(truth: Any, score: Any, bins: int = BINS) -> list[tuple[float, float, int]]:
    """(mean probability, share of positives, rows) of `bins` bins of equally many rows."""
    order = np.array_split(np.argsort(score, kind="stable"), bins)
    return [(float(score[i].mean()), float(truth[i].mean()), len(i)) for i in order if len(i)]


def _problem(evidence: Evidence, column: str | None = None) -> str:
    if evidence.truth is None or evidence.challenger is None:
        return evidence.problem or "there is no hold-out"
    if column is not None and column not in evidence.columns:
        return f"the hold-out has no column {column!r}"
    return ""
