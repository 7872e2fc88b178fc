"""A comparison as HTML: sections that a page, or a widget, puts together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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
from gristmill.registry._compare.curves import Curves, Point
from gristmill.registry._compare.disagreement import Confusion, Disagreement
from gristmill.registry._gates.statistics import THRESHOLD, Comparison

BOUNDS = "90 % confidence intervals"
SHOWN_CELLS = 40
KINDS = {"+": "plus", "-": "minus", " ": "same", "@": "place"}


def comparison_page(comparison: VersionComparison) -> str:
    """A comparison as one self-contained HTML file.

    Parameters
    ----------
    comparison
        What `compare` returned.
    """
    return document(
        "registry/comparison.html",
        title=f"{comparison.model}: {comparison.names}",
        summary=comparison.summary(),
        sections=list(comparison_sections(comparison).values()),
    )


def comparison_sections(comparison: VersionComparison) -> dict[str, Markup]:
    """The parts of a comparison as HTML, for a page or the tabs of a widget.

    Parameters
    ----------
    comparison
        What `compare` returned.

    Returns
    -------
    dict
        By title, in order: `Metrics`, `Curves`, `Disagreement`, `Made from`, `Notebook cells`; the
        first three only where the versions could be scored.
    """
    sections: dict[str, Markup] = {}
    if comparison.scored:
        sections["Metrics"] = _metrics(comparison)
        if any(s.curves for s in comparison.scored):
            sections["Curves"] = _curves(comparison)
    where = [_where(comparison, pair, pair.where) for pair in comparison.pairs if pair.where]
    if where:
        sections["Disagreement"] = Markup("").join(where)
    sections["Made from"] = _origins(comparison)
    sections["Notebook cells"] = _cells(comparison)
    return sections


def _metrics(comparison: VersionComparison) -> Markup:
    """Every version's metrics, and each against the first version."""
    first = comparison.versions[0].version
    rows = [
        (metric, *(str(s.metrics.get(metric, "–")) for s in comparison.scored))
        for metric in comparison.scored[0].metrics
    ]
    pairs = [
        {
            "title": f"How much better is version {pair.version} than version {first}?",
            "rows": [_comparison(m) for m in pair.metrics],
        }
        for pair in comparison.pairs
    ]
    head = ["metric", *(_named(v.version) for v in comparison.versions)]
    return render(
        "registry/comparison_metrics.html", bounds=BOUNDS, head=head, rows=rows, pairs=pairs
    )


def _comparison(m: Comparison) -> tuple[str | Badge, ...]:
    kind = m.significance
    bar = interval_chart(Bar(m.metric, m.difference, m.lower, m.upper, kind))
    span = f"{format_signed(m.lower)} to {format_signed(m.upper)}"
    text = "no significant difference" if kind == "even" else kind
    return (m.metric, Badge(text, kind), format_signed(m.difference), bar, span, m.method)


def _curves(comparison: VersionComparison) -> Markup:
    """ROC, precision-recall and calibration curves of the versions that have them."""
    drawn = [(i, s, s.curves) for i, s in enumerate(comparison.scored) if s.curves]
    base = comparison.positive or 0.0
    roc = [_roc(i, s, c) for i, s, c in drawn]
    pr = [_pr(i, s, c) for i, s, c in drawn]
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


def _roc(index: int, scored: Scored, own: Curves) -> Series:
    return _series(index, scored, own.roc, own.roc_at(), "false positive rate", "recall")


def _pr(index: int, scored: Scored, own: Curves) -> Series:
    return _series(index, scored, own.pr, own.pr_at(), "recall", "precision")


def _series(
    index: int, scored: Scored, points: Sequence[Point], half: Point, across: str, up: str
) -> Series:
    title = (
        f"version {scored.version} at threshold {THRESHOLD:g}: {across} {format_percent(half.x)}, "
        f"{up} {format_percent(half.y)}"
    )
    line = [(p.x, p.y) for p in points]
    return Series(_named(scored.version), line, [Knot(half.x, half.y, title)], index)


def _calibration(index: int, scored: Scored, own: Curves) -> Series:
    bins = own.calibration
    name = _named(scored.version)
    knots = []
    for b in bins:
        predicted, observed = format_percent(b.predicted), format_percent(b.observed)
        title = f"{name}: {predicted} predicted, {observed} observed in {b.rows:,} rows"
        knots.append(Knot(b.predicted, b.observed, title))
    return Series(name, [(b.predicted, b.observed) for b in bins], knots, index)


def _points(drawn: list[tuple[int, Scored, Curves]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for _, scored, own in drawn:
        for threshold in (0.1, 0.2, 0.3, 0.5, 0.7):
            r, p = own.roc_at(threshold), own.pr_at(threshold)
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


def _where(comparison: VersionComparison, pair: Pair, where: Disagreement) -> Markup:
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


def _origins(comparison: VersionComparison) -> Markup:
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


def _cells(comparison: VersionComparison) -> Markup:
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
