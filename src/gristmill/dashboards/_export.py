"""A model's page as one HTML file, as PDF, and by e-mail."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gristmill.dashboards._page import model_page
from gristmill.dashboards._state import read_state
from gristmill.errors import NotFound, Unavailable
from gristmill.files import replacing
from gristmill.project import Project, finds_project

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROME = "GRISTMILL_CHROME"
SECONDS = 60


@finds_project
def export_dashboard(project: Project, model: str, target: Path) -> Path:
    """Write the page of the model to `target`, .html or .pdf.

    The HTML stands alone. Raises NotFound for an undeclared model, Unavailable when no browser
    prints the PDF.
    """
    if model not in project.models:
        known = ", ".join(project.models) or "none"
        raise NotFound("dashboard.model", f"no model {model!r} is declared.", hint=known)
    html = model_page(project.name, read_state(project, model))
    data = html.encode()
    if target.suffix == ".pdf":
        data = printed(data)
    with replacing(target) as aside:
        aside.write_bytes(data)
    return target


def printed(html: bytes) -> bytes:
    """A page as PDF, by a Chromium without a window. Raises Unavailable."""
    browser = os.environ.get(CHROME) or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise Unavailable(
            "export.browser",
            "no Chromium or Chrome is on the path to print the PDF.",
            hint=f"Install one, name it in {CHROME}, or export .html and print that.",
        )
    with tempfile.TemporaryDirectory(prefix="gristmill-") as name:
        folder = Path(name)
        page, result = folder / "page.html", folder / "page.pdf"
        page.write_bytes(html)
        words = [browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-sync",
                 "--disable-background-networking", "--no-pdf-header-footer",
                 f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={result}"]  # fmt: skip
        if os.name == "posix" and os.geteuid() == 0:
            words.append("--no-sandbox")  # Chromium refuses to run as root with it
        try:
            done = subprocess.run(
                [*words, page.as_uri()], capture_output=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable("export.print", f"{browser} did not print: {error}") from error
        if not result.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            text = said[-1] if said else f"it ended with {done.returncode}"
            raise Unavailable("export.print", f"{browser} did not print: {text}")
        return result.read_bytes()


@finds_project
def mail_dashboard(project: Project, model: str, route: str) -> None:
    """Send the page, and where a browser is found its PDF, by an e-mail route of the settings.

    Raises NotFound for an unknown route, Unavailable when the mail server does not take it.
    """
    from gristmill.notify import read_routes, send_report
    from gristmill.registry import model_settings

    routes = [r for r in read_routes(project) if r.name == route and r.kind == "email"]
    if not routes:
        raise NotFound(
            "export.route",
            f"no e-mail route {route!r} is declared.",
            hint='[[alerts.routes]] name = "...", kind = "email", url = "SMTP_URL".',
        )
    state = read_state(project, model)
    html = model_page(project.name, state).encode()
    attached = [(f"{model}.html", "text/html", html)]
    try:
        attached.append((f"{model}.pdf", "application/pdf", printed(html)))
    except Unavailable as error:
        if error.code != "export.browser":
            raise
    lines = [f"{a.rule} since {a.first:%Y-%m-%d}: {a.reason}" for a in state.open_alerts]
    text = "\n".join(lines) or "No open alerts."
    subject = f"{model}: {len(lines)} open alert{'' if len(lines) == 1 else 's'}"
    owner = model_settings(project, model).owner
    made = state.report.made.isoformat() if state.report else ""
    problem = send_report(
        routes[0], subject, text, owners=[owner], key=f"page {model} {made}", attachments=attached
    )
    if problem:
        raise Unavailable("export.mail", f"route {route}: {problem}.")
