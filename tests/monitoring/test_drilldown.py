"""Evidently's report on a window: it says what we say, and is drawn once."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from gristmill.cli import main
from gristmill.errors import NotFound
from gristmill.monitoring import drill_down, drill_down_path, monitor, read_report
from gristmill.monitoring._drilldown.drilldown import chosen

from ..browser.conftest import browser
from ..browser.test_dashboard import serving
from .conftest import World
from .world import MODEL

__all__ = ["browser"]

JULY = datetime(2013, 7, 1, tzinfo=UTC)


@pytest.mark.timeout(600)
def test_it_says_what_the_monitor_says_and_is_drawn_once(
    world: World,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two who ask at once wait for one drawing. It is shown in a sandbox, to whom may see the
    model: a carrier that a caller made up runs nowhere, and asks nobody."""
    monkeypatch.setenv("BOARD", "plain")
    world.settings('[dashboard.viewers.board]\ntoken = "BOARD"\nmodels = ["quiet"]\n')
    with pytest.raises(NotFound) as caught:
        drill_down(world.project, MODEL)
    assert caught.value.code == "monitoring.report"
    rows = world.month(6).head(100).copy()
    rows["carrier"] = "</script><script>parent.document.title = 'taken'</script>"
    world.traffic.send(rows, version=1, prediction=np.full(100, 0.5), tag="odd")
    report = monitor(world.project, MODEL, now=JULY).report
    judged = {f.name: f for f in report.windows[-1].drift.features}
    progress: list[tuple[float, str]] = []
    with ThreadPoolExecutor(2) as people:
        futures = [
            people.submit(drill_down, world.project, MODEL, progress=lambda *t: progress.append(t))
            for _ in range(2)
        ]
        first, second = (a.result() for a in futures)
    assert first == second and first.rows == report.windows[-1].rows
    assert [w for s, w in progress if s == 1.0] == ["drawn"]  # by one of the two
    html = first.path.read_text()
    for drift in judged.values():
        row = re.search(
            rf'"column_name": "{drift.name}", "column_type".*?"data_drift": "([^"]+)"'
            r'.*?"drift_score": ([^,}]+)', html, re.DOTALL)  # fmt: skip
        assert row is not None, drift.name
        assert row[1] == ("Detected" if drift.drifted else "Not Detected"), drift
        assert float(row[2]) == pytest.approx(drift.distances.moved, abs=1e-4)
    assert {f.drifted for f in judged.values()} == {True, False}

    with serving(world.root, "--token", "sesame") as address:
        page = browser.new_page()
        page.goto(f"{address}/model/{MODEL}?token=sesame")
        page.get_by_role("link", name="1 Jun 2013, v1").click()
        frame = page.frame_locator("iframe.report")
        expect(frame.get_by_text("Dataset Drift").first).to_be_visible(timeout=180_000)
        assert "taken" not in page.title()
        inside = next(f for f in page.frames if f.url.endswith("/report.html"))
        assert inside.evaluate("self.origin") == "null"
        asked_for = inside.evaluate("fetch('/metrics').then(() => 'told', () => 'refused')")
        assert asked_for == "refused"
        reply = page.request.get(inside.url)
        assert reply.headers["content-security-policy"].startswith("sandbox allow-scripts;")
        state = page.request.get(f"{page.url}/state").json()
        assert state["ready"] and not state["problem"]
        for path in ("drill/delay/v1-20130601T00", "drill/delay/v1-20130601T00/report.html"):
            board = browser.new_context().request.get(f"{address}/{path}?token=plain")
            assert board.status == 404, path
        page.close()

    inode = first.path.stat().st_ino
    assert main(["monitor", MODEL, "--drill-down", "2013-06-10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(first.path)
    assert first.path.stat().st_ino == inode
    world.month(6, tag="more")
    monitor(world.project, MODEL, now=JULY)
    last = chosen(read_report(world.project, MODEL), None, None)
    assert drill_down_path(world.project, MODEL, last) != first.path
    with pytest.raises(NotFound, match="2019"):
        drill_down(world.project, MODEL, "2019-01-01")
