"""The page around Evidently's report on a window. Pure: values in, HTML out."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from gristmill.drawing.document import document, section
from gristmill.drawing.words import percent
from gristmill.monitoring.drilldown import DrillDown, name
from gristmill.monitoring.report import MonitorReport, WindowReport

SHOWN = 12
SCRIPT = """
const bar = document.querySelector('progress');
const words = document.getElementById('words');
const ask = async () => {
  const reply = await fetch(location.pathname + '/state');
  const state = reply.ok ? await reply.json() : { problem: 'the server says ' + reply.status };
  if (state.ready) return location.reload();
  if (state.problem) {
    bar.remove();
    words.textContent = state.problem;
    return;
  }
  bar.value = state.share;
  words.textContent = state.words;
  setTimeout(ask, 500);
};
if (bar) ask();
"""


def drill_page(
    project: str, model: str, window: WindowReport, drawn: DrillDown | None, base: str = "/"
) -> str:
    """`drawn` is None while it is being drawn: the page asks how far it is."""
    title = f"{model}, {window.start:%-d %b %Y} to {window.end:%-d %b %Y}"
    moved = [f.name for f in window.drift.features if f.drifted]
    facts = [f"version {window.version}", f"compared with {window.against}"]
    facts.append(f"{percent(window.drift.share)} of features drifted")
    if drawn is None:
        body = section(
            "Evidently draws this window",
            "<progress max='1' value='0' aria-label='drawn'></progress><p id='words'>asked for</p>",
        )
    else:
        facts.append(
            f"{drawn.shown:,} of {drawn.rows:,} rows drawn beside {drawn.reference:,} of the "
            "reference"
        )
        note = "Verdicts and scores are those of Gristmill, on all rows: what share of them moved. "
        if moved:
            note += f"Drifted: {', '.join(moved)}. "
        if drawn.left_out:
            note += f"Without a value on one side, so not drawn: {', '.join(drawn.left_out)}."
        source = escape(f"{_address(base, model, window)}/report.html")
        frame = (
            f"<div class='scroll'><iframe class='report' sandbox='allow-scripts' title='Evidently' "
            f"src='{source}'></iframe></div>"
        )
        body = section("Evidently", frame, note)
    head = f"<h1>{escape(title)}</h1><p class='facts'>{escape(' · '.join(facts))}</p>"
    link = f"<a href='{escape(base)}model/{quote(model)}'>{escape(model)}</a>"
    return document(f"{title} · {project}", head + body, nav=link, script=SCRIPT)


def drill_section(report: MonitorReport, base: str) -> str:
    """Links to the last windows' reports."""
    rows = report.windows[-SHOWN:][::-1]
    links = " · ".join(
        f"<a href='{escape(_address(base, report.model, w))}'>{w.start:%-d %b %Y}, v{w.version}</a>"
        for w in rows
        if w.shares
    )
    text = "Evidently draws every column of a window beside its reference, with our verdicts."
    return section("Drill down", f"<p class='links'>{links}</p>", text) if links else ""


def _address(base: str, model: str, window: WindowReport) -> str:
    return f"{base}drill/{quote(model)}/{name(window)}"
