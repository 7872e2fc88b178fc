"""The pages that need no kernel: all models, and one model. Pure: state in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import shorten

from gristmill.dashboards.drill_page import drill_section
from gristmill.dashboards.figures import charts_section, delivery_section
from gristmill.dashboards.state import ModelState
from gristmill.dashboards.tables import (
    alerts_section,
    contract_section,
    open_alerts_section,
    repairs_section,
    versions_section,
)
from gristmill.drawing.charts import (
    LEVELS,
    Cell,
    Mark,
    Point,
    heat_map,
    level,
    over_time,
    spark,
    then_and_now,
)
from gristmill.drawing.document import document, empty
from gristmill.drawing.words import percent
from gristmill.monitoring.drift import ColumnDrift
from gristmill.monitoring.report import MonitorReport, WindowReport, estimates

SHOWN_FEATURES = 24
SHOWN_WINDOWS = 60
DETAILS = 3
CARD = 130  # letters of a reason
LIGHTS = {
    "alert": "Alert open",
    "watch": "Some features drifted",
    "steady": "Steady",
    "unknown": "Not judged yet",
}


def overview(project: str, states: Sequence[ModelState], base: str = "/") -> str:
    """All models of a project, those with open alerts first."""
    order = {"alert": 0, "watch": 1, "unknown": 2, "steady": 3}
    ranked = sorted(states, key=lambda s: (order[s.status], s.name))
    cards = "".join(_card(s, base) for s in ranked)
    if not cards:
        cards = empty(
            "No model is declared.", "Add a <code>[models.NAME]</code> table to gristmill.toml."
        )
    return _page(project, f"<h1>{escape(project)}</h1><div class='cards'>{cards}</div>", base)


def model_page(
    project: str, state: ModelState, base: str = "/", explore: str = "", form: str = ""
) -> str:
    """One model. `explore` is the address of the notebook that joins when asked for, `form` the
    hidden field that a form must send; without it nothing can be done on the page."""
    parts = [_header(state)]
    if state.problem:
        parts.append(
            "<section class='problem'><h2>Cannot be read</h2>"
            f"<p>{escape(state.problem)}</p></section>"
        )
    report = state.report
    if report is None or not report.windows:
        if not state.problem:
            parts.append(
                empty(
                    "No window has been judged.",
                    "Serve the model, then run "
                    f"<code>gristmill monitor {escape(state.name)}</code>.",
                )
            )
    else:
        parts += [open_alerts_section(state, base, form), _heat(report), _performance(report)]
        parts += [contract_section(state), charts_section(report), _details(state)]
        if explore:
            parts.append(drill_section(report, base))
    parts += [delivery_section(state), repairs_section(state), versions_section(state)]
    parts.append(alerts_section(state))
    if explore:
        parts.append(
            f"<section><h2>Explore</h2><details id='explore' data-src='{escape(explore)}'><summary>"
            "Open the notebook: any feature, any window</summary></details></section>"
        )
    return _page(f"{state.name} · {project}", "".join(p for p in parts if p), base, back=True)


def _card(state: ModelState, base: str) -> str:
    last, report = state.last, state.report
    lines = []
    if last and report:
        metric = last.performance.get(report.metric)
        figure = f"{report.metric} {metric.value:.3f}" if metric else "no labels yet"
        lines.append(f"{percent(last.drift.share)} of features drifted · {figure}")
        lines.append(f"{last.rows:,} predictions in the window from {last.start:%-d %b %Y}")
    lines += [
        shorten(f"{a.rule}: {a.reason}", CARD, placeholder=" …") for a in state.open_alerts[:2]
    ]
    if state.problem:
        lines.append(state.problem)
    bars = ""
    if report:
        values = [
            None if w.drift.verdict == "cannot-judge" else w.drift.share
            for w in report.windows[-36:]
        ]
        bars = spark(values)
    held = f"v{state.champion}" if state.champion else "no champion"
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return (
        f"<a class='card {state.status}' href='{escape(base)}model/{escape(state.name)}'>"
        f"<h2>{escape(state.name)} <small>{held}</small></h2>"
        f"<p class='light'>{LIGHTS[state.status]}</p>{bars}{text}</a>"
    )


def _header(state: ModelState) -> str:
    held = f"version {state.champion} serves" if state.champion else "no version serves"
    facts = [held]
    if state.owner:
        facts.append(f"owner {state.owner}")
    if state.report:
        facts.append(f"judged {state.report.made:%-d %b %Y %H:%M} UTC")
        facts.append(f"windows of {state.report.window}")
        if state.report.damaged:
            facts.append(f"{state.report.damaged:,} unreadable log lines")
    tiles = ""
    last, report = state.last, state.report
    if last and report:
        metric = last.performance.get(report.metric)
        promised = {v.version: v.promised for v in report.versions}[last.version].get(report.metric)
        shown = [
            ("features drifted", percent(last.drift.share), f"window from {last.start:%-d %b %Y}"),
            (
                report.metric.replace("_", " "),
                f"{metric.value:.3f}" if metric else "–",
                f"promised {promised.value:.3f}" if promised else "no promise kept",
            ),
            ("predictions", f"{last.rows:,}", f"{percent(last.coverage)} have labels"),
            ("open alerts", str(len(state.open_alerts)), f"repairs so far: {len(state.repairs)}"),
        ]
        tiles = "".join(
            f"<div><b>{escape(big)}</b><span>{escape(name)}</span><small>{escape(note)}</small></div>"
            for name, big, note in shown
        )
    return (
        f"<h1>{escape(state.name)} <span class='pill {state.status}'>{LIGHTS[state.status]}</span>"
        f"</h1><p class='facts'>{escape(' · '.join(facts))}</p><div class='tiles'>{tiles}</div>"
    )


def _columns(report: MonitorReport) -> tuple[list[WindowReport], list[str], list[Mark]]:
    """The windows on the axis, their labels, and where another version took over."""
    windows = list(report.windows[-SHOWN_WINDOWS:])
    months = report.window == "month"
    labels = [f"{w.start:%b %Y}" if months else f"{w.start:%-d %b %y}" for w in windows]
    marks = [
        Mark(i, f"v{w.version}")
        for i, w in enumerate(windows)
        if i == 0 or windows[i - 1].version != w.version
    ]
    return windows, labels, marks


def _heat(report: MonitorReport) -> str:
    windows, labels, marks = _columns(report)
    weight: dict[str, float] = {}
    for window in windows:
        for f in window.drift.features:
            weight[f.name] = weight.get(f.name, 0.0) + f.impact + (0.001 if f.drifted else 0.0)
    names = sorted(weight, key=lambda n: (-weight[n], n))[:SHOWN_FEATURES]
    cells = [[_cell(name, w) for w in windows] for name in names]
    if any(w.drift.prediction for w in windows):
        names.append("prediction")
        cells.append([_cell("prediction", w) for w in windows])
    if not names:
        return empty("The version kept no reference.", "Name one in its settings and register.")
    edges = [0.0, *LEVELS]
    legend = "".join(
        f"<i class='h{level(e)}'></i>{percent(e)}{'+' if e == edges[-1] else ''}" for e in edges
    )
    return (
        "<section><h2>Drift</h2><p>Share of rows that lie elsewhere than in "
        f"{escape(windows[-1].against)}; a dot where chance does not explain it. Features that "
        f"matter most to the model come first. {escape(report.budget)}</p>"
        f"<div class='scroll'>{heat_map(names, labels, cells, marks)}</div>"
        f"<p class='legend'>{legend}<i class='none'></i>cannot judge</p></section>"
    )


def _cell(name: str, window: WindowReport) -> Cell:
    found = _of(name, window)
    when = f"{name}, from {window.start:%-d %b %Y}"
    if found is None or window.drift.verdict == "cannot-judge":
        return Cell(None, False, f"{when}: cannot judge, {window.rows} rows")
    share = max(found.distances.moved, abs(found.distances.missing))
    return Cell(share, found.drifted, f"{when}: {percent(share)} moved. {found.words}")


def _of(name: str, window: WindowReport) -> ColumnDrift | None:
    if name == "prediction":
        return window.drift.prediction
    return next((f for f in window.drift.features if f.name == name), None)


def _performance(report: MonitorReport) -> str:
    windows, labels, marks = _columns(report)
    points, guesses = [], []
    for i, window in enumerate(windows):
        guess = window.estimated.get(report.metric)
        if guess:
            title = f"{labels[i]}: {guess.value:.3f} expected before labels "
            title += f"({guess.low:.3f} to {guess.high:.3f})"
            guesses.append(Point(i, guess.value, guess.low, guess.high, title))
        metric = window.performance.get(report.metric)
        if metric:
            title = f"{labels[i]}: {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f}), "
            title += f"{window.labelled:,} labels ({percent(window.coverage)})"
            points.append(Point(i, metric.value, metric.low, metric.high, title))
    if not points and not guesses:
        return empty(
            "No performance yet.", "It shows once enough labels came to <code>/feedback</code>."
        )
    promises = {v.version: v.promised.get(report.metric) for v in report.versions}
    spans: list[tuple[int, int, float]] = []
    for i, window in enumerate(windows):
        promise = promises[window.version]
        if promise is None:
            continue
        if spans and spans[-1][1] == i - 1 and spans[-1][2] == promise.value:
            spans[-1] = (spans[-1][0], i, promise.value)
        else:
            spans.append((i, i, promise.value))
    chart = over_time(labels, points, spans, marks, report.metric, guesses)
    return (
        f"<section><h2>Performance</h2><p>{escape(report.metric)} on rows whose label came, with "
        "its interval; open circles are what the predictions alone let expect. The dashed line was "
        f"measured before registration. {escape(estimates(report))}</p>"
        f"<div class='scroll'>{chart}</div></section>"
    )


def _details(state: ModelState) -> str:
    last, report = state.last, state.report
    if last is None or report is None:
        return ""
    version = next(v for v in report.versions if v.version == last.version)
    chosen = [f for f in last.drift.features if f.drifted][:DETAILS] or list(
        last.drift.features[:DETAILS]
    )
    if last.drift.prediction:
        chosen.append(last.drift.prediction)
    blocks = "".join(
        f"<figure><figcaption><b>{escape(f.name)}</b> {escape(f.words)}</figcaption>"
        f"{then_and_now(version.bins[f.name], version.reference[f.name], last.shares[f.name])}"
        f"<small>{percent(f.distances.moved)} moved · PSI {f.distances.psi:.2g} "
        f"(chance {f.distances.psi_noise:.1g}) · KL {f.distances.kl:.2g} · JS {f.distances.js:.2g}"
        f" · {chance(f.p)}</small></figure>"
        for f in chosen
    )
    return (
        f"<section><h2>Then and now</h2><p>The window from {last.start:%-d %b %Y} (<i class='now'>"
        f"</i>now) beside what version {last.version} was trained on (<i class='then'></i>then)."
        f"</p><div class='figures'>{blocks}</div></section>"
    )


def chance(p: float) -> str:
    return "p &lt; 0.001" if p < 0.001 else f"p {p:.2g}"


SCRIPT = """
const box = document.getElementById('explore');
if (box) box.addEventListener('toggle', () => {
  if (!box.open || box.querySelector('iframe')) return;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const frame = document.createElement('iframe');
  frame.title = 'Notebook';
  frame.src = box.dataset.src + '&theme=' + (dark ? 'dark' : 'light');
  box.append(frame);
});
"""


def _page(title: str, body: str, base: str, *, back: bool = False) -> str:
    link = f"<a href='{escape(base)}'>All models</a>" if back else ""
    return document(title, body, nav=link, script=SCRIPT)
