"""The page around Evidently's report on a window. Pure: values in, HTML out."""

from __future__ import annotations

from urllib.parse import quote

from gristmill.drawing import document, format_percent
from gristmill.monitoring import DrillDown, MonitorReport, WindowReport, window_name

SHOWN = 12


def drill_page(
    project: str, model: str, window: WindowReport, drill_down: DrillDown | None, base: str = "/"
) -> str:
    """The page of one window.

    Parameters
    ----------
    project, model
        Their names.
    window
        The window that the report is about.
    drawn
        Evidently's report, or None while it is being drawn: the page then asks how far it is.
    base
        The path that the dashboard's addresses begin with.

    Returns
    -------
    str
        HTML.
    """
    facts = [f"version {window.version}", f"compared with {window.against}"]
    facts.append(f"{format_percent(window.drift.share)} of features drifted")
    if drill_down is not None:
        facts.append(
            f"{drill_down.shown:,} of {drill_down.rows:,} rows drawn beside "
            f"{drill_down.reference:,} reference rows"
        )
    return document(
        "dashboards/drill.html",
        title=f"{model}, {window.start:%-d %b %Y} to {window.end:%-d %b %Y}",
        project=project,
        model=model,
        base=base,
        facts=facts,
        source="" if drill_down is None else f"{_address(base, model, window)}/report.html",
        drifted=[f.name for f in window.drift.features if f.drifted],
        left_out=drill_down.left_out if drill_down else (),
    )


def drill_downs(report: MonitorReport, base: str) -> list[tuple[str, str]]:
    """Addresses and texts of the links to the reports on the last windows, newest first."""
    return [
        (_address(base, report.model, w), f"{w.start:%-d %b %Y}, v{w.version}")
        for w in report.windows[-SHOWN:][::-1]
        if w.shares
    ]


def _address(base: str, model: str, window: WindowReport) -> str:
    return f"{base}drill/{quote(model)}/{window_name(window)}"
