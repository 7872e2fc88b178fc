"""The dashboard in a real browser: what is drawn, what is asked of the network, who may look."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from gristmill.files import append_journal, write_json
from gristmill.monitoring import MonitorReport, VersionReport, WindowReport, read_alerts
from gristmill.monitoring._alerts.alerts import update_alerts
from gristmill.monitoring._settings import MonitoringSettings, directory
from gristmill.monitoring._statistics.performance import Metric
from gristmill.monitoring._windows.findings import findings
from gristmill.monitoring._windows.reference import columns_of
from gristmill.monitoring._windows.report import FORMAT, coarse_labels, coarse_shares
from gristmill.project import Project
from gristmill.records import to_record
from tests.waiting import eventually

from .lab import PATIENCE, answers, free_port

SETTINGS = """
[project]
name = "airport"
[models.delay]
owner = "ops@example.org"
path = "models/best"
[models.quiet]
path = "models/quiet"
"""


@contextmanager
def serving(root: Path, *words: str) -> Iterator[str]:
    """The real command, until the block ends."""
    address = f"http://127.0.0.1:{free_port()}"
    code = "import sys; from gristmill.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "-C", str(root), "dashboard"]
    command += ["--port", address.rsplit(":", 1)[1], *(words or ("--token", ""))]
    with open(root / "dashboard.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually(lambda: answers(address) or process.poll() is not None, every=0.1)
            assert process.poll() is None, (root / "dashboard.log").read_text()
            yield address
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE / 1000)


def judged_project(root: Path) -> Path:
    """Stored reports of six months made by the room's own functions from simulated rows."""
    from datetime import UTC, datetime

    from gristmill.monitoring._statistics.drift import detect_drift

    root.mkdir()
    (root / "gristmill.toml").write_text(SETTINGS)
    project = Project.load(root)
    rng = np.random.default_rng(0)
    rows = 3000
    prediction = rng.beta(2, 6, rows)
    carriers = rng.choice(["UA", "AA", "B6"], rows).astype(object)
    features = columns_of(
        {
            "temp": ("number", rng.normal(40, 15, rows) + 30 * prediction),
            "<b>odd</b>": ("number", rng.normal(size=rows)),
            "carrier": ("category", carriers),
        },
        prediction,
    )
    (output,) = columns_of({"prediction": ("number", prediction)}, None)
    columns = (*features, output)
    settings = MonitoringSettings(window="month")
    windows = []
    for i in range(6):
        values: dict[str, Any] = {
            "temp": rng.normal(40 + 6 * i, 15, rows),
            "<b>odd</b>": rng.normal(size=rows),
            "carrier": rng.choice(["UA", "AA", "B6"], rows, p=[0.3, 0.3, 0.4]),
            "prediction": rng.beta(2 + i / 4, 6, rows),
        }
        sketches = {c.name: c.binning.sketch(values[c.name]) for c in columns}
        drift = detect_drift(features, sketches, settings.thresholds(0.05), output)
        area = 0.72 - 0.02 * i
        performance = {"roc_auc": Metric(area, area - 0.02, area + 0.02)}
        baseline = {"roc_auc": Metric(0.73, 0.72, 0.74)}
        windows.append(
            WindowReport(
                datetime(2013, 4 + i, 1, tzinfo=UTC),
                datetime(2013, 5 + i, 1, tzinfo=UTC),
                1,
                rows,
                2500,
                True,
                str(i),
                drift,
                performance,
                findings(drift, performance, baseline, 2500, "roc_auc", settings),
                {c.name: coarse_shares(c, sketches[c.name]) for c in columns},
            )
        )
    labels = {c.name: coarse_labels(c) for c in columns}
    version = VersionReport(
        1,
        "binary",
        rows,
        {"roc_auc": Metric(0.73, 0.72, 0.74)},
        {c.name: c.importance for c in features},
        {k: n for k, (n, _) in labels.items()},
        {k: s for k, (_, s) in labels.items()},
    )
    now = datetime(2013, 10, 1, tzinfo=UTC)
    report = MonitorReport("delay", "month", "roc_auc", now, (version,), tuple(windows))
    folder = directory(project, "delay")
    write_json(folder / "report.json", {"format": FORMAT, **to_record(report)})
    update_alerts(project, "delay", windows, 1, now)
    append_journal(
        folder / "repairs.jsonl",
        [
            {
                "repair": "v1-1", "step": "began", "at": now.isoformat(), "champion": 1,
                "alerts": ["x"], "trigger": "drift", "start": "2013-07-03", "end": "2013-10-01",
            },
            {"repair": "v1-1", "step": "kept", "at": now.isoformat(), "summary": "no better"},
        ],
    )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(judged_project(tmp_path_factory.mktemp("dashboard") / "project")) as found:
        yield found


@contextmanager
def visit(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """A page that may ask nobody but the server, and whose console holds no error."""
    page = browser.new_page(**context)
    page.set_default_timeout(PATIENCE)
    foreign: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on(
        "request",
        lambda r: (
            foreign.append(r.url)
            if not r.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
            else None
        ),
    )
    yield page
    page.close()
    assert not foreign
    assert not errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_is_there_without_a_kernel(browser: Browser, address: str, scheme: Any) -> None:
    with visit(browser, address, color_scheme=scheme) as page:
        page.goto(address)
        page.get_by_role("heading", name="delay").click()
        expect(page).to_have_url(f"{address}/model/delay")
        charts = page.locator("section svg")
        expect(charts.first).to_be_visible()
        assert page.locator("svg rect.h4, svg rect.h5, svg rect.h3").count() > 0
        assert page.locator("svg circle.dot").count() > 0
        assert page.locator("svg circle.point").count() == 6
        expect(page.locator(".pill")).to_have_text("Alert open")
        expect(page.get_by_text("mean up").first).to_be_visible()
        assert "no better" in page.locator("main").inner_text()
        expect(page.get_by_text("<b>odd</b>").first).to_be_visible()
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(v) for v in background[4:-1].split(",")) > 380
        assert light == (scheme == "light")


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, address: str) -> None:
    with visit(browser, address, viewport={"width": 390, "height": 844}) as page:
        for path in ("/", "/model/delay"):
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_where_there_is_nothing_it_says_what_to_do(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        page.goto(f"{address}/model/quiet")
        expect(page.get_by_text("gristmill monitor quiet")).to_be_visible()
    page = browser.new_page()
    page.goto(f"{address}/drill/delay/v9-20130101T00")
    expect(page.get_by_text("delay has no window v9-20130101T00")).to_be_visible()
    page.goto(f"{address}/nowhere")
    expect(page.get_by_text("There is no page /nowhere")).to_be_visible()
    page.get_by_role("link", name="All models", exact=True).click()
    expect(page.get_by_role("heading", name="delay")).to_be_visible()
    page.close()


def test_the_notebook_joins_when_it_is_opened(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        page.goto(f"{address}/model/delay")
        page.locator("#explore summary").click()
        frame = page.frame_locator("iframe")
        bars = frame.locator(".js-plotly-plot .bars path")
        expect(bars.first).to_be_visible()
        box = bars.first.bounding_box()
        assert box is not None and box["height"] > 3
        frame.locator("select").first.select_option("carrier")
        expect(frame.get_by_text("UA").first).to_be_visible()


def test_an_unreadable_report_is_shown_as_such(browser: Browser, tmp_path: Path) -> None:
    root = judged_project(tmp_path / "project")
    (directory(Project.load(root), "delay") / "alerts.jsonl").write_text("scribble\n")
    with serving(root) as address, visit(browser, address) as page:
        page.goto(f"{address}/model/delay")
        expect(page.get_by_text("alerts.jsonl line 1 is not JSON")).to_be_visible()


def test_with_a_token_nobody_looks_without_it(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gristmill.dashboards import copy_notebook
    from gristmill.dashboards._server import FOLDER

    root = judged_project(tmp_path / "project")
    with (root / "gristmill.toml").open("a") as file:
        file.write('[dashboard.viewers.board]\ntoken = "BOARD"\nmodels = ["qui*"]\n')
    monkeypatch.setenv("BOARD", "plain")
    book = copy_notebook(Project.load(root))
    assert book.parent == root / FOLDER
    book.write_text(book.read_text().replace("Any feature", "Our own words: any feature"))
    with serving(root, "--token", "sesame") as address:
        page = browser.new_page()
        page.goto(f"{address}/model/delay")
        assert "/login" in page.url and page.locator("svg rect.h1").count() == 0
        page.goto(f"{address}/voila/render/explore.ipynb?model=delay")
        assert "/login" in page.url
        page.goto(f"{address}/model/delay?token=sesame")
        assert page.locator("svg rect").count() > 0
        expect(page.get_by_role("button", name="Acknowledge").first).to_be_visible()
        explore = f"{address}/voila/render/explore.ipynb?model=delay"
        page.goto(explore, timeout=120_000, wait_until="commit")
        expect(page.get_by_text("Our own words")).to_be_visible()
        page.close()
        board = browser.new_context().new_page()
        board.goto(f"{address}/")
        board.locator("input[type=password]").fill("plain")
        board.keyboard.press("Enter")
        expect(board.get_by_role("heading", name="quiet")).to_be_visible()
        assert board.get_by_role("heading", name="delay").count() == 0
        for path in ("model/delay", "export/delay.html", "voila/render/explore.ipynb?model=delay",
                     "voila/render/explore.ipynb"):  # fmt: skip
            reply = board.request.get(f"{address}/{path}")
            assert reply.status == 404 and "There is no model" in reply.text(), path
        assert "delay" not in board.request.get(f"{address}/metrics").text()
        board.context.close()


def test_an_open_address_needs_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gristmill.cli import main
    from gristmill.errors import Forbidden, Invalid

    root = judged_project(tmp_path / "project")
    open_to_all = ["dashboard", "--host", "0.0.0.0", "--token", ""]
    assert main(["-C", str(root), *open_to_all]) == Forbidden.exit_code
    assert "--token" in capsys.readouterr().err
    for port in ("99999999", "-1", "0"):
        assert main(["-C", str(root), "dashboard", "--port", port]) == Invalid.exit_code
        assert "dashboard.port" in capsys.readouterr().err
    for target in ("page.txt", "."):
        words = ["dashboard", "--model", "delay", "--export", str(tmp_path / target)]
        assert main(["-C", str(root), *words]) == Invalid.exit_code
        assert "dashboard.format" in capsys.readouterr().err


def test_nobody_else_on_the_machine_is_let_in_by_default(tmp_path: Path) -> None:
    root = judged_project(tmp_path / "project")
    with serving(root, "--host", "127.0.0.1") as address:
        link = re.search(r"Dashboard: (\S+)", (root / "dashboard.log").read_text())
        assert link and link[1].startswith(f"{address}/?token=") and len(link[1]) > 60
        for path in ("", "model/delay", "metrics", "voila/render/explore.ipynb"):
            reply = requests.get(f"{address}/{path}", timeout=30)
            assert "/login" in reply.url and "airport" not in reply.text, path
        (alert, *_) = read_alerts(Project.load(root), "delay")
        order = {"verb": "acknowledge"}
        assert requests.post(f"{address}/alert/{alert.id}", order, timeout=30).status_code == 403
        visitor = requests.Session()
        assert "delay" in visitor.get(link[1], timeout=30).text
        assert "delay" in visitor.get(f"{address}/model/delay", timeout=30).text


def test_pages_and_figures_leave_the_house(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that stands alone, the same as PDF, and panels that ask for figures there are."""
    import json

    from gristmill.cli import main
    from gristmill.monitoring._gauges import HELP

    root = judged_project(tmp_path / "project")
    words = ["-C", str(root), "dashboard", "--model", "delay", "--export"]
    assert main([*words, str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page and "<form" not in page and not re.search(r"(src|href)=.https?:", page)
    assert main([*words, str(tmp_path / "page.pdf")]) == 0
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []

    capsys.readouterr()
    assert main(["dashboard", "--grafana"]) == 0
    panels = json.loads(capsys.readouterr().out)["panels"]
    asked = set(re.findall(r"gristmill_\w+", json.dumps(panels)))
    assert asked and asked <= set(HELP)
