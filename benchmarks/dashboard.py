"""How soon the dashboard shows its first picture, with few and with very many predictions.

    python benchmarks/dashboard.py PROJECT [--pictures FOLDER]

PROJECT is what `make demo` left behind; it is copied. Its log is cut to 1,000 predictions, and then
its counts by hour are multiplied to 100 million; each time `gristmill monitor` judges every week,
and a real browser opens the pages of a warm server.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gristmill import Project

NOW = datetime(2014, 1, 1, tzinfo=UTC)
VISITS = 7
CHROME = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
          "--disable-background-networking", "--disable-component-update"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    print(
        f"{'predictions':>12}{'hours':>8}{'windows':>9}{'monitor':>10}{'overview':>11}{'model':>9}"
    )
    with tempfile.TemporaryDirectory(prefix="gristmill-dashboard-") as folder:
        os.environ["GRISTMILL_TRUST"] = folder
        for rows in (1_000, 100_000_000):
            project = copied(args.project, Path(folder) / str(rows))
            measure(project, rows, args.pictures if rows > 1_000 else None)
    print("Seconds from asking until the picture is drawn, median of "
          f"{VISITS} visits; `monitor`: all windows anew.")  # fmt: skip


def copied(source: Path, target: Path) -> Project:
    from gristmill import Project

    shutil.copytree(source, target, symlinks=True)
    path = target / "gristmill.toml"
    path.write_text(path.read_text().replace('window = "month"', 'window = "7d"'))
    shutil.rmtree(target / ".gristmill/monitoring", ignore_errors=True)
    return Project.load(target)


def measure(project: Project, rows: int, pictures: Path | None) -> None:
    from gristmill.monitoring import monitor
    from gristmill.monitoring._settings import directory

    (model,) = project.models
    if rows <= 10_000:
        cut(project, model, rows)
    monitor(project, model, now=NOW, notify=False)
    path = directory(project, model) / "sketches.db"
    hours, there = multiplied(path, rows)
    (path.parent / "report.json").unlink()
    begin = time.perf_counter()
    report = monitor(project, model, now=NOW, notify=False).report
    took = time.perf_counter() - begin
    assert sum(w.rows for w in report.windows) == there
    with serving(project) as address:
        shown = [visits(address, page, pictures) for page in ("/", f"/model/{model}")]
    print(f"{there:>12,}{hours:>8,}{len(report.windows):>9}{took:>10.2f}"
          f"{shown[0]:>11.2f}{shown[1]:>9.2f}", flush=True)  # fmt: skip


def cut(project: Project, model: str, rows: int) -> None:
    """Keep every so manieth line of the log."""
    for kind in ("predictions", "feedback"):
        for file in (project.state / kind / model).glob("*.jsonl"):
            lines = file.read_text().splitlines(keepends=True)
            kept = lines[:: max(1, len(lines) // rows)][:rows]
            file.write_text("".join(kept))


def multiplied(path: Path, rows: int) -> tuple[int, int]:
    """Make the hours hold about as many predictions as asked; returns hours and predictions."""
    import duckdb

    with duckdb.connect(str(path)) as db:
        there = db.execute("select sum(arrived) from hours where part = ''").fetchall()[0][0]
        times = max(1, round(rows / int(there)))
        db.execute(
            """update hours set arrived = arrived * $1, n = list_transform(n, lambda x: x * $1),
            moments = list_transform(moments, lambda x, i:
            case when i % 4 in (1, 2) then x * $1 else x end)""",
            [times],
        )
        query = "select count(*), sum(arrived) from hours where part = ''"
        hours, arrived = db.execute(query).fetchall()[0]
    return int(hours), int(arrived)


@contextlib.contextmanager
def serving(project: Project) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from gristmill.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [
        sys.executable,
        "-c",
        code,
        "-C",
        str(project.root),
        "dashboard",
        "--port",
        str(port),
        "--token",
        "",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
                break
            if process.poll() is not None:
                raise SystemExit("the dashboard did not start")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def visits(address: str, page: str, pictures: Path | None) -> float:
    """Seconds until the first drawing is on the screen, each visit in a new context."""
    from playwright.sync_api import sync_playwright

    browser_path = os.environ.get("GRISTMILL_CHROME") or shutil.which("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=CHROME)
        took = []
        for _ in range(VISITS):
            context = browser.new_context()
            tab = context.new_page()
            begin = time.perf_counter()
            tab.goto(address + page, wait_until="commit")
            tab.locator("svg rect").first.wait_for(state="visible")
            tab.evaluate("() => new Promise(r => requestAnimationFrame(() => setTimeout(r)))")
            took.append(time.perf_counter() - begin)
            context.close()
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            name = "overview" if page == "/" else "model"
            sizes = {"desktop": (1280, 900), "phone": (390, 844)}
            for scheme in ("light", "dark"):
                for size, (wide, high) in sizes.items():
                    tab = browser.new_page(
                        color_scheme=scheme,
                        viewport={"width": wide, "height": high},
                    )
                    tab.goto(address + page)
                    tab.screenshot(path=pictures / f"{name}-{size}-{scheme}.png", full_page=True)
                    tab.close()
        browser.close()
    return statistics.median(took)


if __name__ == "__main__":
    main()
