"""A comparison as HTML: sections that a page, or a widget, puts together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from gristmill.drawing.curves import COLOURS, Bar, Knot, Series, curves, interval
from gristmill.drawing.document import Markup, document, section, table
from gristmill.drawing.words import percent, signed
from gristmill.registry.comparison import Pair, Scored, SideBySide
from gristmill.registry.curves import Curves, at
from gristmill.registry.disagreement import Disagreement
from gristmill.registry.statistics import THRESHOLD, Comparison, Interval

BOUNDS = "90 % intervals"
SHOWN_CELLS = 40


def page(found: SideBySide) -> str:
    """One self-contained file."""
    title = f"{found.model}: {names(found)}"
    facts = "".join(f"<p class='facts'>{escape(line)}</p>" for line in summary(found))
    return document(title, f"<h1>{escape(title)}</h1>{facts}{''.join(sections(found))}")


def names(found: SideBySide) -> str:
    first, *others = [f"version {v.version}" for v in found.versions]
    return f"{', '.join(others)} against {first}"


def summary(found: SideBySide) -> list[str]:
    """What was compared, and the metrics that surely differ, in sentences."""
    if found.trouble:
        return [f"The versions could not be scored: {found.trouble}."]
    share = f", {percent(found.positive)} of them positive" if found.positive is not None else ""
    lines = [f"{found.rows:,} hold-out rows of version {found.holdout}{share}; {BOUNDS}."]
    if found.seen:
        who = ", ".join(_named(v) for v in found.seen)
        lines.append(f"Careful: {who} may have learned from these rows, by the time they are of.")
    for pair in found.pairs:
        kinds = {m.metric: verdict(m) for m in pair.metrics}
        parts = [
            f"surely {kind} by {', '.join(k for k, v in kinds.items() if v == kind)}"
            for kind in ("better", "worse")
            if kind in kinds.values()
        ]
        words = "; ".join(parts) or "not surely different by any metric"
        lines.append(f"Version {pair.version} is {words}.")
    return lines


def sections(found: SideBySide) -> Iterator[str]:
    if found.scored:
        yield metrics_section(found)
        yield curves_section(found)
    for pair in found.pairs:
        if pair.where:
            yield where_section(found, pair, pair.where)
    yield made_section(found)
    yield cells_section(found)


def verdict(m: Comparison) -> str:
    """Whether the paired interval says better, worse or neither (even)."""
    return "better" if m.lower > 0 else "worse" if m.upper < 0 else "even"


def metrics_section(found: SideBySide) -> str:
    head = ["metric", *(_named(v.version) for v in found.versions)]
    rows = [
        [metric, *(interval_words(s.metrics.get(metric)) for s in found.scored)]
        for metric in found.scored[0].metrics
    ]
    parts = [table(head, rows, label="Metrics of each version", compact=True)]
    first = found.versions[0].version
    for pair in found.pairs:
        title = f"How much better is version {pair.version} than version {first}?"
        judged = []
        for m in pair.metrics:
            kind = verdict(m)
            bar = Bar(m.metric, m.difference, m.lower, m.upper, kind)
            span = f"{signed(m.lower)} to {signed(m.upper)}"
            drawn = Markup(interval(bar))
            judged.append((m.metric, _word(kind), signed(m.difference), drawn, span, m.method))
        words = ("metric", "verdict", "better by", "worse | better", "interval", "how")
        parts.append(f"<h3>{title}</h3>{table(words, judged, label=title)}")
    text = f"On the same rows, with {BOUNDS}."
    return section("Metrics", "".join(parts), text)


def curves_section(found: SideBySide) -> str:
    drawn = [(i, s, s.curves) for i, s in enumerate(found.scored) if s.curves]
    if not drawn:
        return ""
    base = found.positive or 0.0
    roc = [_series(i, s, c.roc, "false alarms", "found") for i, s, c in drawn]
    pr = [_series(i, s, c.pr, "found", "right") for i, s, c in drawn]
    most = max(max(b.predicted, b.upper) for _, _, c in drawn for b in c.calibration)
    most = min(1.0, round(most * 10 + 0.5) / 10)
    figures = (
        ("ROC", "Dots: threshold one half.",
         curves(roc, "ROC curves", "false positive rate", "true positive rate",
                chance=((0, 0), (1, 1)))),
        ("Precision and recall", "Dashed: calling every row positive.",
         curves(pr, "Precision-recall curves", "recall", "precision",
                chance=((0, base), (1, base)))),
        ("Calibration", "Dashed: the model means what it says.",
         curves([_calibration(i, s, c) for i, s, c in drawn], "Calibration curves",
                "predicted share", "observed share", chance=((0, 0), (most, most)), top=most)),
    )  # fmt: skip
    legend = "".join(
        f"<span><i class='s{i % COLOURS}'></i>{_named(s.version)}</span>" for i, s, _ in drawn
    )
    body = "".join(
        f"<figure><figcaption><b>{a}</b> {b}</figcaption>{c}</figure>" for a, b, c in figures
    )
    return section(
        "Curves",
        f"<p class='legend'>{legend}</p><div class='figures'>{body}</div>"
        f"<details><summary>The same as numbers</summary>{_points(drawn)}</details>",
    )


def _series(index: int, scored: Scored, points: Any, across: str, up: str) -> Series:
    half = at(points)
    title = (
        f"version {scored.version} at threshold {THRESHOLD:g}: {percent(half.x)} {across}, "
        f"{percent(half.y)} {up}"
    )
    line = [(p.x, p.y) for p in points]
    return Series(_named(scored.version), line, [Knot(half.x, half.y, title)], index)


def _calibration(index: int, scored: Scored, found: Curves) -> Series:
    bins = found.calibration
    name = _named(scored.version)
    knots = []
    for b in bins:
        said, seen = percent(b.predicted), percent(b.observed)
        title = f"{name}: {said} predicted, {seen} observed of {b.rows:,} rows"
        knots.append(Knot(b.predicted, b.observed, title))
    return Series(name, [(b.predicted, b.observed) for b in bins], knots, index)


def _points(drawn: list[tuple[int, Scored, Curves]]) -> str:
    rows = []
    for _, scored, found in drawn:
        for threshold in (0.1, 0.2, 0.3, 0.5, 0.7):
            r, p = at(found.roc, threshold), at(found.pr, threshold)
            rows.append(
                (_named(scored.version), f"{threshold:g}", percent(r.x), percent(r.y), percent(p.y))
            )
    head = ("version", "threshold", "false alarms", "found", "precision")
    return table(head, rows, label="Points of the curves", compact=True)


def where_section(found: SideBySide, pair: Pair, where: Disagreement) -> str:
    a, b = f"version {found.versions[0].version}", f"version {pair.version}"
    parts = []
    if where.confusion:
        cells = {(c.first, c.second): c for c in where.confusion}
        rows = [
            [f"{a} says {_say(one)}", *(_cell(cells[one, two]) for two in (True, False))]
            for one in (True, False)
        ]
        parts.append(
            table(
                ("", f"{b} says yes", f"{b} says no"), rows, label="What the two say", compact=True
            )
        )
    if where.agreement:
        right = [
            (k.replace("the first", a).replace("the second", b), f"{n:,}", percent(n / found.rows))
            for k, n in where.agreement.items()
        ]
        parts.append(
            table(("who is right", "rows", "share"), right, label="Who is right", compact=True)
        )
    if where.slices:
        shares = bool(where.agreement)
        figure = percent if shares else "{:.4g}".format
        head = (
            ("column", "value", "rows", "differ", f"{a} right", f"{b} right")
            if shares
            else ("column", "value", "rows", "differ by", f"error of {a}", f"error of {b}")
        )
        slices = [
            (s.column, s.value, f"{s.rows:,}", figure(s.differ), figure(s.first), figure(s.second))
            for s in where.slices
        ]
        parts.append(
            "<h3>Slices where they differ most</h3>"
            + table(head, slices, label="Slices", compact=True)
        )
    return section(f"Where {b} and {a} disagree", "".join(parts), f"Cut at {THRESHOLD:g}.")


def made_section(found: SideBySide) -> str:
    parts = []
    for pair in found.pairs:
        head = ("what", _named(found.versions[0].version), _named(pair.version))
        for title, values in (
            ("Parameters", pair.params), ("Inputs", pair.inputs), ("Lineage", pair.lineage),
        ):  # fmt: skip
            if values:
                rows = [(k, _short(x), _short(y)) for k, (x, y) in values.items()]
                name = f"{title} of version {pair.version}"
                parts.append(f"<h3>{name}</h3>{table(head, rows, label=name, compact=True)}")
    return section("What they were made from", "".join(parts) or "<p>The same.</p>")


def cells_section(found: SideBySide) -> str:
    parts = []
    for pair in found.pairs:
        changes = [(path, change) for path, cells in pair.cells.items() for change in cells]
        for path, change in changes[:SHOWN_CELLS]:
            parts.append(
                f"<h3>Version {pair.version}: {escape(path)}, {change.title}</h3>"
                f"{diff(change.lines)}"
            )
        if len(changes) > SHOWN_CELLS:
            parts.append(f"<p>and {len(changes) - SHOWN_CELLS} more places</p>")
    return section("Notebook cells that differ", "".join(parts) or "<p>None.</p>")


def diff(lines: tuple[str, ...]) -> str:
    """Lines of a diff; the sign tells what the colour tells."""
    kinds = {"+": "plus", "-": "minus", " ": "same", "@": "same"}
    body = "".join(f"<span class='{kinds[x[0]]}'>{escape(x)}</span>" for x in lines)
    return f"<pre class='diff' tabindex='0'>{body}</pre>"


def interval_words(found: Interval | None) -> str:
    return f"{found.value:.4f} ({found.lower:.4f} to {found.upper:.4f})" if found else "–"


def _word(kind: str) -> Markup:
    return Markup(
        f"<span class='word {kind}'>{'no sure difference' if kind == 'even' else kind}</span>"
    )


def _cell(found: Any) -> str:
    share = f", {percent(found.positive / found.rows)} positive" if found.rows else ""
    return f"{found.rows:,} rows{share}"


def _say(positive: bool) -> str:
    return "yes" if positive else "no"


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text[:12] if len(text) >= 32 and text.replace(".dir", "").isalnum() else text


def _named(version: int) -> str:
    return f"version {version}"
