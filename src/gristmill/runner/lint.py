"""`gristmill lint`, and the gate that `run` holds before it executes anything."""

from __future__ import annotations

from collections.abc import Iterable

from gristmill.errors import GateFailed, NotFound
from gristmill.pipeline.lint import Finding, LintSettings, lint_notebook
from gristmill.pipeline.lint.finding import ERROR
from gristmill.pipeline.step import step_name
from gristmill.project import SETTINGS, Project, parse_table
from gristmill.runner.workspace import Workspace, glob_prefixes

SHOWN = 5


def lint_settings(project: Project) -> LintSettings:
    """The `[lint]` table. Raises Invalid for an unknown key, rule or severity."""
    where = f"{SETTINGS} [lint]"
    return parse_table(LintSettings, project.table("lint"), where).checked(where)


def lint(project: Project, steps: Iterable[str] = ()) -> list[Finding]:
    """Findings on the project's notebooks, or on those that `steps` (names or paths) name.

    Raises NotFound for a word that names none, Invalid when the settings are wrong.
    """
    settings = lint_settings(project)
    prefixes = glob_prefixes(project.settings.notebooks)
    known = {path: step_name(path, prefixes) for path in project.notebooks()}
    chosen = [_notebook(word, known) for word in steps] or list(known)
    found: list[Finding] = []
    for path in dict.fromkeys(chosen):
        try:
            text = (project.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            what = f"{path}: not UTF-8: {error}"
            found.append(Finding("notebook.encoding", ERROR, path, -1, 0, what))
            continue
        found += lint_notebook(text, path, settings, known[path])
    return found


def refuse_findings(workspace: Workspace, steps: Iterable[str]) -> None:
    """Raise GateFailed when `[lint] gate` is on and a step about to run has errors."""
    settings = lint_settings(workspace.project)
    if not settings.gate:
        return
    errors = [
        finding
        for step in steps
        for finding in lint_notebook(
            workspace.texts[step], workspace.dag.steps[step].notebook, settings, step
        )
        if finding.severity == ERROR
    ]
    if errors:
        shown = "; ".join(f"{f.place()}: {f.message} ({f.code})" for f in errors[:SHOWN])
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise GateFailed(
            "lint.gate",
            f"nothing was run, because notebooks have lint errors: {shown}{more}",
            hint="Mend them, or ignore one by `# gristmill: ignore[RULE]` on its line.",
        )


def _notebook(word: str, known: dict[str, str]) -> str:
    path = word.removeprefix("./")
    if path in known:
        return path
    for notebook, name in known.items():
        if name == word:
            return notebook
    steps = ", ".join(known.values()) or "none"
    raise NotFound("step.not-found", f"there is no step `{word}`.", hint=f"Steps: {steps}.")
