"""The model card of a version: what it is for, made from and worth, and where it does worst."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gristmill.drawing import Knot, Series, curve_chart, format_percent, format_signed, status_text
from gristmill.errors import GristmillError, Invalid
from gristmill.project import Project, finds_project
from gristmill.registry._approvals.review import status_of
from gristmill.registry._card.text import Card, Section
from gristmill.registry._compare.comparison import Scored, score_rows, scored_of
from gristmill.registry._compare.curves import Bin
from gristmill.registry._compare.disagreement import Weakness, weakest
from gristmill.registry._gates.base import GateReport, Verdict
from gristmill.registry._gates.reports import report_of
from gristmill.registry._loading.formats import declared
from gristmill.registry._settings import ModelSettings, model_settings
from gristmill.registry._versions.origins import inputs, parameters
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version

if TYPE_CHECKING:
    import pandas as pd

DECISIONS = ("request", "approve", "reject")
SLICE_HEAD = ("group", "rows", "better by", "at least", "at most")


@finds_project
def card(project: Project, model: str, version: int | str, *, as_html: bool = False) -> str:
    """The model card of a version as text: Markdown, or one self-contained HTML file.

    Parameters
    ----------
    project
        The project.
    model, version
        The version: its number or an alias.
    as_html
        HTML instead of Markdown.

    Raises
    ------
    NotFound
        There is no such model or version.
    Forbidden
        Bytes or entries were altered.
    """
    read = read_card(project, model, version)
    return read.page() if as_html else read.markdown()


def read_card(project: Project, model: str, ref: int | str) -> Card:
    """The model card of a version, from the ledger, its verified files, and its scores.

    Parameters
    ----------
    project
        The project.
    model, ref
        The version: its number or an alias.

    Raises
    ------
    NotFound
        There is no such model or version.
    Forbidden
        Bytes or entries were altered.
    """
    registry = Registry(project)
    version = registry.version(model, ref)
    settings = model_settings(project, model)
    report = report_of(registry, version)
    scores = score_alone(registry, version, settings)
    steps = version.origins
    sections = [
        _about(version, settings),
        _data(registry, version, settings),
        _features(registry, version),
        *score_sections(version, scores),
        *_gates(report.digest if report else "", report),
        *_approvals(registry, version),
        _limits(version, settings, report, scores),
        Section("Parameters", "", ("name", "value"), _row_pairs(parameters(steps))),
        _lineage(version, inputs(steps)),
        _history(registry, version),
    ]
    return Card(version.label, tuple(sections))


def _about(version: Version, settings: ModelSettings) -> Section:
    aliases = f"Alias: {', '.join(version.aliases)}." if version.aliases else "It has no alias."
    rows = (
        ("purpose", settings.purpose or "not declared"),
        ("owner", settings.owner or version.author),
        ("author", version.author),
        ("created", f"{version.created:%Y-%m-%d %H:%M} UTC"),
        ("target", settings.target or "–"),
        ("digest (sha256)", version.digest),
        ("MLflow run", version.run_id),
    )
    return Section("About", aliases, ("", ""), rows)


def _data(registry: Registry, version: Version, settings: ModelSettings) -> Section:
    """The tables kept with the version: how many rows, from when to when."""
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for name, what in (("reference", "training, for monitoring"), ("holdout", "hold-out")):
        file = f"{name}.parquet"
        if file not in version.evidence:
            continue
        try:
            frame = pd.read_parquet(registry.evidence(version, file))
        except GristmillError as error:
            rows.append((what, None, error.message, "", "", version.evidence[file][:12]))
            continue
        first, last = _window(frame, settings.time)
        share = _positive(frame, settings.target)
        rows.append((what, f"{len(frame):,}", first, last, share, version.evidence[file][:12]))
    text = "" if rows else "No table of the data it was made from is stored with it."
    head = ("data", "rows", "from", "to", "positive", "sha256") if rows else ()
    return Section("Data", text, head, tuple(rows))


def _window(frame: pd.DataFrame, time: str) -> tuple[str, str]:
    import pandas as pd

    if not time or time not in frame or frame.empty:
        return "unknown", "unknown"
    moments = pd.to_datetime(frame[time])
    return f"{moments.min():%Y-%m-%d %H:%M}", f"{moments.max():%Y-%m-%d %H:%M}"


def _positive(frame: pd.DataFrame, target: str) -> str:
    if target not in frame or not frame[target].dropna().isin([0, 1]).all():
        return "–"
    return format_percent(float(frame[target].mean()))


def _features(registry: Registry, version: Version) -> Section:
    mlmodel = declared(registry.fetch(version))
    columns = json.loads((mlmodel.get("signature") or {}).get("inputs") or "[]")
    rows = tuple(
        (i.get("name", n), i.get("type", "tensor"), "yes" if i.get("required", True) else "no")
        for n, i in enumerate(columns)
    )
    flavors = ", ".join(sorted(mlmodel.get("flavors") or {}))
    text = f"Saved as {flavors}." if rows else f"Saved as {flavors}; no inputs are declared."
    return Section("Features", text, ("name", "type", "required") if rows else (), rows)


def _gates(digest: str, report: GateReport | None) -> list[Section]:
    if report is None:
        return [
            Section("Gates", "No gate has judged this version."),
            Section("Fairness", "Not scores."),
        ]
    compared = report.about.get("champion")
    against = f"against version {compared}" if compared else "without a champion"
    rows = tuple((status_text(r.verdict), r.kind, r.message) for r in report.results)
    text = f"Judged {against}: {status_text(report.verdict)}. Report {digest[:12]}."
    sections = [Section("Gates", text, ("verdict", "gate", "finding"), rows)]
    for result in report.results:
        if result.kind == "slices" and result.numbers.get("groups"):
            groups = tuple(
                (name, g["rows"], *(format_signed(g[k]) for k in ("difference", "lower", "upper")))
                for name, g in result.numbers["groups"].items()
            )
            title = f"Against the champion: {result.name}"
            sections.append(Section(title, result.message, SLICE_HEAD, groups))
    fair = [r for r in report.results if r.kind == "fairness"]
    for result in fair:
        rates = tuple((k, f"{v:.3f}") for k, v in result.numbers.get("rates", {}).items())
        head = ("group", "rate") if rates else ()
        sections.append(Section(f"Fairness: {result.name}", result.message, head, rates))
    if not fair:
        sections.append(Section("Fairness", "Not judged: no fairness gate is declared."))
    return sections


def _approvals(registry: Registry, version: Version) -> list[Section]:
    status = status_of(registry, version)
    entries = registry.ledger.entries(version.model, version=version.version)
    rows = tuple(
        (f"{e.at:%Y-%m-%d %H:%M} UTC", e.actor, e.action, e.reason)
        for e in entries
        if e.action in DECISIONS
    )
    if not rows and not status.required:
        return [Section("Approvals", "No approvals are required.")]
    head = ("when", "who", "decision", "why") if rows else ()
    return [Section("Approvals", f"{status.sentence()}.", head, rows)]


def _limits(
    version: Version, settings: ModelSettings, report: GateReport | None, scores: Scores
) -> Section:
    """What the owner says, and what the evidence shows."""
    points = [*settings.limits, *scores.limits()]
    missing = version.missing()
    if missing:
        points.append(f"It cannot be reproduced: {', '.join(missing)} unknown.")
    elif version.lineage.dirty is not False:
        points.append(
            "It may not be reproducible: the git tree had uncommitted changes."
            if version.lineage.dirty
            else "It may not be reproducible: the state of the git tree is unknown."
        )
    if report is None:
        points.append("No gate has judged it.")
    else:
        points += [
            f"The {r.kind} gate was inconclusive: {r.message}."
            for r in report.results
            if r.verdict == Verdict.INCONCLUSIVE
        ]
    text = "" if points else "None are declared, and the evidence shows none."
    return Section("Limits", text, points=tuple(points))


def _lineage(version: Version, inputs_read: dict[str, str]) -> Section:
    line = version.lineage
    dirty = {True: " with uncommitted changes", False: "", None: " (tree unknown)"}[line.dirty]
    rows: tuple[tuple[Any, ...], ...] = (
        ("commit", f"{line.commit or 'unknown'}{dirty}"),
        ("notebook", line.notebook or "unknown"),
        ("step", line.step),
        ("code and modules", line.source or "unknown"),
        ("environment", line.environment or "unknown"),
        ("python", line.python or "unknown"),
        *((f"input {k}", v) for k, v in sorted(inputs_read.items())),
        *((f"evidence {k}", v) for k, v in sorted(version.evidence.items())),
    )
    missing = version.missing()
    text = f"Unknown: {', '.join(missing)}." if missing else "Complete."
    return Section("Lineage", text, ("part", "value"), rows)


def _history(registry: Registry, version: Version) -> Section:
    rows = tuple(
        (f"{e.at:%Y-%m-%d %H:%M:%S} UTC", e.actor, e.action, e.alias or "", e.reason)
        for e in registry.ledger.entries(version.model, version=version.version)
    )
    return Section("History", "", ("when", "who", "what", "alias", "why"), rows)


def _row_pairs(values: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((k, f"{v:.6g}" if isinstance(v, float) else v) for k, v in sorted(values.items()))


ENOUGH_ROWS = 1000
SHOWN_SLICES = 3


@dataclass(frozen=True)
class Scores:
    """A version on its own hold-out; `problem` says why it could not be scored."""

    scored: Scored | None = None
    rows: int = 0
    weak: tuple[Weakness, ...] = ()
    problem: str = ""

    @property
    def bins(self) -> tuple[Bin, ...]:
        curves = self.scored.curves if self.scored else None
        return curves.calibration if curves else ()

    def limits(self) -> list[str]:
        """What the scores show that it is not good for, in sentences."""
        if self.scored is None:
            return [f"It could not be scored: {self.problem}."]
        points = []
        if self.rows < ENOUGH_ROWS:
            points.append(f"Its hold-out has only {self.rows} rows, so all figures are uncertain.")
        off = [b for b in self.bins if not b.lower <= b.predicted <= b.upper]
        if off:
            worst = max(off, key=lambda b: abs(b.predicted - b.observed))
            points.append(
                "Its probabilities are off where it predicts about "
                f"{format_percent(worst.predicted)}: "
                f"{format_percent(worst.observed)} were observed."
            )
        points += [w.sentence() for w in self.weak if w.significant][:SHOWN_SLICES]
        return points


def score_alone(registry: Registry, version: Version, settings: ModelSettings) -> Scores:
    """Score the version on its own hold-out. Raises Forbidden for altered bytes."""
    try:
        rows = score_rows(registry, settings, version, [version])
    except Invalid as error:
        return Scores(problem=error.message)
    (output,) = rows.outputs
    weak = weakest(rows.truth, output, rows.columns)
    return Scores(scored_of(version, rows, output), len(rows.truth), weak)


def score_sections(version: Version, scores: Scores) -> list[Section]:
    recorded = dict(version.metrics)
    if scores.scored is None:
        text = f"As recorded by the run. No intervals: {scores.problem}."
        return [Section("Metrics", text, ("metric", "value"), _pairs(recorded))]
    rows: list[tuple[Any, ...]] = []
    for name, interval in scores.scored.metrics.items():
        value = f"{recorded.pop(name):.4f}" if name in recorded else "–"
        bounds = (f"{x:.4f}" for x in (interval.value, interval.lower, interval.upper))
        rows.append((name, *bounds, value))
    rows += [(k, "–", "–", "–", v) for k, v in _pairs(recorded)]
    text = (
        f"On the {scores.rows:,} rows of its own hold-out, with 90 % intervals, beside what the "
        "run recorded."
    )
    head = ("metric", "value", "from", "to", "recorded")
    return [Section("Metrics", text, head, tuple(rows)), *_calibration(scores), *_slices(scores)]


def _calibration(scores: Scores) -> list[Section]:
    bins = scores.bins
    if not bins:
        return []
    most = min(1.0, round(max(max(b.predicted, b.upper) for b in bins) * 10 + 0.5) / 10)
    knots = [
        Knot(
            b.predicted,
            b.observed,
            f"{format_percent(b.predicted)} predicted, {format_percent(b.observed)} observed",
        )
        for b in bins
    ]
    line = Series("calibration", [(b.predicted, b.observed) for b in bins], knots)
    figure = curve_chart(
        [line], "Calibration: observed by predicted share", "predicted share", "observed share",
        chance=((0, 0), (most, most)), top=most,
    )  # fmt: skip
    rows = tuple(
        (f"{b.predicted:.3f}", f"{b.observed:.3f}", f"{b.lower:.3f}", f"{b.upper:.3f}", b.rows)
        for b in bins
    )
    head = ("predicted", "observed", "from", "to", "rows")
    text = "Of rows with similar predictions, the share that is positive."
    return [Section("Calibration", text, head, rows, figure=figure)]


def _slices(scores: Scores) -> list[Section]:
    if not scores.weak:
        return []
    rows = tuple((w.column, w.value, f"{w.rows:,}", *w.figures()) for w in scores.weak)
    share = scores.weak[0].share
    head = ("column", "value", "rows", *(("right", "all rows") if share else ("error", "all rows")))
    return [Section("Slices", "Where it does worst on its hold-out.", head, rows)]


def _pairs(values: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    return tuple((k, f"{v:.6g}") for k, v in sorted(values.items()))
