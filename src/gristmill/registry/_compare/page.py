"""A comparison as HTML: sections that a page, or a widget, puts together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from gristmill.drawing import (
    SERIES_COLOURS,
    Badge,
    Bar,
    Knot,
    Series,
    curve_chart,
    document,
    format_percent,
    format_signed,
    interval_chart,
    render,
)
from gristmill.registry._compare.comparison import Pair, Scored, VersionComparison
from gristmill.registry._compare.curves import Curves, point_at
from gristmill.registry._compare.disagreement import Confusion, Disagreement
from gristmill.registry._gates.statistics import THRESHOLD, Comparison, Interval

BOUNDS = "90 % confidence intervals"
SHOWN_CELLS = 40
KINDS = {"+": "plus", "-": "minus", " ": "same", "@": "place"}


def comparison_page(comparison: VersionComparison) -> str:
    """One self-contained file."""
    return document(
        "registry/comparison.html",
        title=f"{comparison.model}: {version_names(comparison)}",
        summary=comparison_summary(comparison),
        sections=list(sections(comparison)),
    )


def version_names(comparison: VersionComparison) -> str:
    first, *others = [_named(v.version) for v in comparison.versions]
    return f"{', '.join(others)} against {first}"


def comparison_summary(comparison: VersionComparison) -> list[str]:
    """What was compared, and the metrics that differ significantly, in sentences."""
    if comparison.trouble:
        return [f"The versions could not be scored: {comparison.trouble}."]
    share = ""
    if comparison.positive is not None:
        share = f", {format_percent(comparison.positive)} of them positive"
    lines = [f"{comparison.rows:,} hold-out rows of version {comparison.holdout}{share}; {BOUNDS}."]
    if comparison.seen:
        who = ", ".join(_named(v) for v in comparison.seen)
        lines.append(f"Caution: going by their dates, {who} may have been trained on these rows.")
    for pair in comparison.pairs:
        verdicts = {m.metric: metric_verdict(m) for m in pair.metrics}
        parts = [
            f"significantly {kind} by {', '.join(k for k, v in verdicts.items() if v == kind)}"
            for kind in ("better", "worse")
            if kind in verdicts.values()
        ]
        text = "; ".join(parts) or "not significantly different by any metric"
        lines.append(f"Version {pair.version} is {text}.")
    return lines


def sections(comparison: VersionComparison) -> Iterator[Markup]:
    if comparison.scored:
        yield metrics_section(comparison)
        if any(s.curves for s in comparison.scored):
            yield curves_section(comparison)
    for pair in comparison.pairs:
        if pair.where:
            yield where_section(comparison, pair, pair.where)
    yield made_section(comparison)
    yield cells_section(comparison)


def metric_verdict(m: Comparison) -> str:
    """Whether the paired interval says better, worse or neither (even)."""
    return "better" if m.lower > 0 else "worse" if m.upper < 0 else "even"


def metrics_section(comparison: VersionComparison) -> Markup:
    """Every version's metrics, and each against the first version."""
    first = comparison.versions[0].version
    rows = [
        (metric, *(interval_text(s.metrics.get(metric)) for s in comparison.scored))
        for metric in comparison.scored[0].metrics
    ]
    pairs = [
        {
            "title": f"How much better is version {pair.version} than version {first}?",
            "rows": [_judged(m) for m in pair.metrics],
        }
        for pair in comparison.pairs
    ]
    head = ["metric", *(_named(v.version) for v in comparison.versions)]
    return render(
        "registry/comparison_metrics.html", bounds=BOUNDS, head=head, rows=rows, pairs=pairs
    )


def _judged(m: Comparison) -> tuple[str | Badge, ...]:
    kind = metric_verdict(m)
    bar = interval_chart(Bar(m.metric, m.difference, m.lower, m.upper, kind))
    span = f"{format_signed(m.lower)} to {format_signed(m.upper)}"
    text = "no significant difference" if kind == "even" else kind
    return (m.metric, Badge(text, kind), format_signed(m.difference), bar, span, m.method)


def curves_section(comparison: VersionComparison) -> Markup:
    """ROC, precision-recall and calibration curves of the versions that have them."""
    drawn = [(i, s, s.curves) for i, s in enumerate(comparison.scored) if s.curves]
    base = comparison.positive or 0.0
    roc = [_series(i, s, c.roc, "false positive rate", "recall") for i, s, c in drawn]
    pr = [_series(i, s, c.pr, "recall", "precision") for i, s, c in drawn]
    most = max(max(b.predicted, b.upper) for _, _, c in drawn for b in c.calibration)
    most = min(1.0, round(most * 10 + 0.5) / 10)
    return render(
        "registry/comparison_curves.html",
        legend=[(i % SERIES_COLOURS, _named(s.version)) for i, s, _ in drawn],
        threshold=f"{THRESHOLD:g}",
        roc=curve_chart(
            roc, "ROC curves", "false positive rate", "true positive rate",
            chance=((0, 0), (1, 1)),
        ),
        pr=curve_chart(
            pr, "Precision-recall curves", "recall", "precision", chance=((0, base), (1, base))
        ),
        calibration=curve_chart(
            [_calibration(i, s, c) for i, s, c in drawn], "Calibration curves",
            "predicted share", "observed share", chance=((0, 0), (most, most)), top=most,
        ),
        points=_points(drawn),
    )  # fmt: skip


def _series(index: int, scored: Scored, points: Any, across: str, up: str) -> Series:
    half = point_at(points)
    title = (
        f"version {scored.version} at threshold {THRESHOLD:g}: {across} {format_percent(half.x)}, "
        f"{up} {format_percent(half.y)}"
    )
    line = [(p.x, p.y) for p in points]
    return Series(_named(scored.version), line, [Knot(half.x, half.y, title)], index)


def _calibration(index: int, scored: Scored, found: Curves) -> Series:
    bins = found.calibration
    name = _named(scored.version)
    knots = []
    for b in bins:
        predicted, observed = format_percent(b.predicted), format_percent(b.observed)
        title = f"{name}: {predicted} predicted, {observed} observed in {b.rows:,} rows"
        knots.append(Knot(b.predicted, b.observed, title))
    return Series(name, [(b.predicted, b.observed) for b in bins], knots, index)


def _points(drawn: list[tuple[int, Scored, Curves]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for _, scored, found in drawn:
        for threshold in (0.1, 0.2, 0.3, 0.5, 0.7):
            r, p = point_at(found.roc, threshold), point_at(found.pr, threshold)
            rows.append(
                (
                    _named(scored.version),
                    f"{threshold:g}",
                    format_percent(r.x),
                    format_percent(r.y),
                    format_percent(p.y),
                )
            )
    return rows


def where_section(comparison: VersionComparison, pair: Pair, where: Disagreement) -> Markup:
    """The rows on which a version and the first one differ."""
    first, second = _named(comparison.versions[0].version), _named(pair.version)
    cells = {(c.first, c.second): c for c in where.confusion}
    confusion = [
        (f"{first}: {_sign(one)}", *(_cell(cells[one, two]) for two in (True, False)))
        for one in (True, False)
        if cells
    ]
    agreement = [
        (
            who.replace("the first", first).replace("the second", second),
            f"{n:,}",
            format_percent(n / comparison.rows),
        )
        for who, n in where.agreement.items()
    ]
    figure = format_percent if agreement else "{:.4g}".format
    columns = (
        ("differ", f"{first} right", f"{second} right")
        if agreement
        else ("differ by", f"error of {first}", f"error of {second}")
    )
    slices = [
        (s.column, s.value, f"{s.rows:,}", figure(s.differ), figure(s.first), figure(s.second))
        for s in where.slices
    ]
    return render(
        "registry/comparison_disagreement.html",
        first=first,
        second=second,
        threshold=f"{THRESHOLD:g}",
        confusion=confusion,
        agreement=agreement,
        slices=slices,
        slice_head=("column", "value", "rows", *columns),
    )


def made_section(comparison: VersionComparison) -> Markup:
    """Parameters, inputs and lineage that differ."""
    tables = []
    for pair in comparison.pairs:
        head = ("name", _named(comparison.versions[0].version), _named(pair.version))
        for title, values in (
            ("Parameters", pair.params), ("Inputs", pair.inputs), ("Lineage", pair.lineage),
        ):  # fmt: skip
            if values:
                rows = [(k, _short(x), _short(y)) for k, (x, y) in values.items()]
                whose = f"{title} of version {pair.version}"
                tables.append({"title": whose, "head": head, "rows": rows})
    return render("registry/comparison_origins.html", tables=tables)


def cells_section(comparison: VersionComparison) -> Markup:
    """Notebook cells that do different things."""
    pairs = []
    for pair in comparison.pairs:
        changes = [
            {"notebook": path, "title": change.title, "lines": _lines(change.lines)}
            for path, cells in pair.cells.items()
            for change in cells
        ]
        if changes:
            pairs.append(
                {
                    "version": pair.version,
                    "changes": changes[:SHOWN_CELLS],
                    "more": max(0, len(changes) - SHOWN_CELLS),
                }
            )
    return render("registry/comparison_cells.html", pairs=pairs)


def _lines(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """The kind of each line of a diff, and the line; its sign says what the colour says."""
    return [(KINDS[line[0]], line) for line in lines]


def interval_text(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:.4f} ({interval.lower:.4f} to {interval.upper:.4f})"


def _cell(confusion: Confusion) -> str:
    if not confusion.rows:
        return "0 rows"
    return (
        f"{confusion.rows:,} rows, {format_percent(confusion.positive / confusion.rows)} positive"
    )


def _sign(positive: bool) -> str:
    return "positive" if positive else "negative"


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text[:12] if len(text) >= 32 and text.replace(".dir", "").isalnum() else text


def _named(version: int) -> str:
    return f"version {version}"
