"""`gristmill lint`, and the gate that `run` holds before it executes anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gristmill.authoring._name_check import check_names
from gristmill.authoring._rules.finding import Finding, LintSettings, Severity
from gristmill.authoring._rules.names import Diagnostic, Program, PythonSource, build_program
from gristmill.authoring._rules.rules import Draft, lint_notebook, read_draft
from gristmill.documents import too_deep
from gristmill.errors import GateFailed, GristmillError, Invalid, NotFound
from gristmill.lineage import text_md5
from gristmill.project import SETTINGS, Project, finds_project
from gristmill.records import parse_table
from gristmill.workspace import Workspace, load_workspace, recorded_lineages, step_names

SHOWN = 5


def lint_settings(project: Project) -> LintSettings:
    """The `[lint]` table.

    Parameters
    ----------
    project
        The project.

    Returns
    -------
    LintSettings
        What it says, or the defaults.

    Raises
    ------
    Invalid
        For an unknown key, rule or severity.
    """
    where = f"{SETTINGS} [lint]"
    return parse_table(LintSettings, project.table("lint"), where).checked(where)


@finds_project
def lint(project: Project, steps: Iterable[str] = ()) -> list[Finding]:
    """Check notebooks.

    Parameters
    ----------
    project
        The project.
    steps
        Names or paths of the notebooks to check; all of the project's when empty.

    Returns
    -------
    list of Finding
        By notebook, then by cell.

    Raises
    ------
    NotFound
        `step.not-found`, for a name that no notebook has.
    Invalid
        When the settings are wrong.
    Unavailable
        When names cannot be checked.
    """
    settings = lint_settings(project)
    names_by_path = step_names(project)
    paths = [_notebook(word, names_by_path) for word in steps] or list(names_by_path)
    findings: list[Finding] = []
    texts: list[NotebookText] = []
    for path in dict.fromkeys(paths):
        try:
            text = project.notebook_text(path)
        except Invalid as error:
            findings.append(_finding(error, path))
            continue
        texts.append(NotebookText(text, path, names_by_path[path]))
    findings += lint_texts(texts, settings)
    return findings + _undeclared_accesses(
        project, settings, {names_by_path[path] for path in paths}, findings
    )


class NotebookText(NamedTuple):
    """A notebook's JSON, its path, and the name of its step."""

    text: str
    path: str
    step: str = ""


def lint_texts(notebooks: Sequence[NotebookText], settings: LintSettings) -> list[Finding]:
    """Findings on notebooks, on disk or not.

    Parameters
    ----------
    notebooks
        What to look at.
    settings
        Severities of the rules.

    Returns
    -------
    list of Finding
        By notebook, then by cell.

    Raises
    ------
    Unavailable
        When names cannot be checked.
    """
    drafts = [_draft(notebook) for notebook in notebooks]
    unread = [(number, cell) for number, draft in enumerate(drafts) for cell in draft.unread]
    checked = check_names(
        [PythonSource(cell.text or "", drafts[number].version) for number, cell in unread]
    )
    broken: dict[int, dict[int, Diagnostic]] = {number: {} for number in range(len(drafts))}
    for (number, cell), result in zip(unread, checked, strict=True):
        if result.syntax_errors:
            broken[number][cell.index] = result.syntax_errors[0]
    programs = []
    for number, draft in enumerate(drafts):
        try:
            programs.append(build_program(draft.parsed, broken[number].keys()))
        except RecursionError:
            drafts[number] = _too_deep(draft.path)
            programs.append(build_program((), set()))
    names = check_names(
        [
            PythonSource(program.text, draft.version)
            for program, draft in zip(programs, drafts, strict=True)
        ]
    )
    return [
        finding
        for number, draft in enumerate(drafts)
        for finding in _judge(
            draft, settings, programs[number], names[number].undefined, broken[number]
        )
    ]


def _draft(notebook: NotebookText) -> Draft:
    try:
        return read_draft(*notebook)
    except RecursionError:
        return _too_deep(notebook.path)


def _judge(
    draft: Draft,
    settings: LintSettings,
    program: Program,
    undefined: Sequence[Diagnostic],
    broken: Mapping[int, Diagnostic],
) -> tuple[Finding, ...]:
    try:
        return lint_notebook(draft, settings, program, undefined, broken)
    except RecursionError:
        return _too_deep(draft.path).problems


def _too_deep(path: str) -> Draft:
    return Draft(path, problems=(_finding(too_deep(path), path),))


def _finding(error: Invalid, path: str) -> Finding:
    return Finding(error.code, Severity.ERROR, path, -1, 0, error.message, error.hint)


def _undeclared_accesses(
    project: Project, settings: LintSettings, steps: Iterable[str], findings: Iterable[Finding]
) -> list[Finding]:
    """What the last run of each step, with the code it has now, opened without declaring it."""
    if settings.undeclared == Severity.OFF:
        return []
    try:
        workspace = load_workspace(project)
    except GristmillError:  # `run` and `status` report it; lint checks the text alone
        return []
    reported = {
        (f.notebook, f.code, word.strip(",")) for f in findings for word in f.message.split()
    }
    additional = []
    for step in sorted(set(steps) & set(workspace.dag.steps)):
        spec, source = workspace.dag.steps[step], text_md5(workspace.sources[step])
        for path, kind in _undeclared(project, step, source).items():
            code = f"undeclared-{kind}"
            if (spec.notebook, code, path) not in reported:
                text = f"the last run {'wrote' if kind == 'write' else 'read'} {path}, which it "
                text += "does not declare."
                hint = f"Declare it in {spec.location()}."
                finding = Finding(code, settings.undeclared, spec.notebook, -1, 0, text, hint)
                additional.append(finding)
    return additional


def _undeclared(project: Project, step: str, source: str) -> Mapping[str, str]:
    """What the last run of a step with this source opened without declaring it."""
    return next((r.undeclared for r in recorded_lineages(project, step) if r.source == source), {})


def require_clean_notebooks(workspace: Workspace, steps: Iterable[str]) -> None:
    """Refuse to run steps with lint errors, when `[lint] gate` is on.

    Parameters
    ----------
    workspace
        The project as it was read for the run.
    steps
        The steps about to run.

    Raises
    ------
    GateFailed
        `lint.gate`, naming the first errors.
    """
    settings = lint_settings(workspace.project)
    if not settings.gate:
        return
    texts = [
        NotebookText(workspace.texts[step], workspace.dag.steps[step].notebook, step)
        for step in steps
    ]
    errors = [f for f in lint_texts(texts, settings) if f.severity == Severity.ERROR]
    if errors:
        listed = "; ".join(f"{f.location()}: {f.message} ({f.code})" for f in errors[:SHOWN])
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise GateFailed(
            "lint.gate",
            f"nothing was run, because notebooks have lint errors: {listed}{more}.",
            hint="Fix them, or ignore one with `# gristmill: ignore[RULE]` on its line.",
        )


def _notebook(name_or_path: str, names_by_path: dict[str, str]) -> str:
    path = name_or_path.removeprefix("./")
    if path in names_by_path:
        return path
    for notebook, name in names_by_path.items():
        if name == name_or_path:
            return notebook
    steps = ", ".join(names_by_path.values()) or "none"
    raise NotFound("step.not-found", f"there is no step `{name_or_path}`.", hint=f"Steps: {steps}.")
