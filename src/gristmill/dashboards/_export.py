"""A model's page as one HTML file, as PDF, and by e-mail."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gristmill.dashboards._page import model_page
from gristmill.dashboards._state import read_state
from gristmill.errors import Invalid, NotFound, Unavailable
from gristmill.files import replacing
from gristmill.project import Project, finds_project

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROME = "GRISTMILL_CHROME"
FORMATS = (".html", ".pdf")
SECONDS = 60


@finds_project
def export_dashboard(project: Project, model: str, target: Path) -> Path:
    """Write the page of a model to a file that stands alone.

    Parameters
    ----------
    project
        The project.
    model
        The model's name.
    target
        The file; its name ends in `.html` or `.pdf`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    Invalid
        `dashboard.format`, for another ending, or a directory.
    NotFound
        `dashboard.model`, for a model that is not declared.
    Unavailable
        When no browser prints the PDF.
    """
    if model not in project.models:
        known = ", ".join(project.models) or "none"
        raise NotFound(
            "dashboard.model",
            f"gristmill.toml declares no model {model!r}.",
            hint=f"Models: {known}.",
        )
    if target.suffix not in FORMATS or target.is_dir():
        raise Invalid(
            "dashboard.format",
            f"{target} is not a file of HTML or PDF.",
            hint="Name a file that ends in .html or .pdf.",
        )
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
            "printing the PDF needs Chromium or Chrome, and neither is on the path.",
            hint=f"Install one, set {CHROME} to its path, or export .html and print that.",
        )
    with tempfile.TemporaryDirectory(prefix="gristmill-") as name:
        folder = Path(name)
        page, result = folder / "page.html", folder / "page.pdf"
        page.write_bytes(html)
        command = [browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-sync",
                 "--disable-background-networking", "--no-pdf-header-footer",
                 f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={result}"]  # fmt: skip
        if os.name == "posix" and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses to run as root with it
        try:
            process = subprocess.run(
                [*command, page.as_uri()], capture_output=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(
                "export.print", f"{browser} did not print the page: {error}."
            ) from error
        if not result.is_file():
            stderr_lines = process.stderr.decode(errors="replace").strip().splitlines()
            text = stderr_lines[-1] if stderr_lines else f"it ended with {process.returncode}"
            raise Unavailable("export.print", f"{browser} did not print the page: {text}.")
        return result.read_bytes()


@finds_project
def mail_dashboard(project: Project, model: str, route: str) -> None:
    """Send the page of a model by e-mail, with its PDF where a browser is installed.

    Parameters
    ----------
    project
        The project.
    model
        The model's name.
    route
        The name of an e-mail route of the settings.

    Raises
    ------
    NotFound
        `export.route`, for an unknown route.
    Unavailable
        `export.mail`, when the mail server refuses it.
    """
    from gristmill.notify import read_routes, send_report
    from gristmill.registry import model_settings

    routes = [r for r in read_routes(project) if r.name == route and r.kind == "email"]
    if not routes:
        raise NotFound(
            "export.route",
            f"no e-mail route {route!r} is declared.",
            hint='Declare one: [[alerts.routes]] name = "...", kind = "email", url = "SMTP_URL".',
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
