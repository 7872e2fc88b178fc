"""`gristmill lint`, and the gate that `run` holds before it executes anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gristmill.authoring._name_check import check_names
from gristmill.authoring._rules.finding import ERROR, OFF, Finding, LintSettings
from gristmill.authoring._rules.names import Diagnostic, PythonSource, build_program
from gristmill.authoring._rules.rules import lint_notebook, read_draft
from gristmill.errors import GateFailed, GristmillError, NotFound
from gristmill.lineage import Lineage, text_md5
from gristmill.pipeline import step_name
from gristmill.project import SETTINGS, Project, finds_project
from gristmill.records import parse_table
from gristmill.workspace import Workspace, glob_prefixes, load_workspace

SHOWN = 5


def lint_settings(project: Project) -> LintSettings:
    """The `[lint]` table. Raises Invalid for an unknown key, rule or severity."""
    where = f"{SETTINGS} [lint]"
    return parse_table(LintSettings, project.table("lint"), where).checked(where)


@finds_project
def lint(project: Project, steps: Iterable[str] = ()) -> list[Finding]:
    """Findings on the project's notebooks, or on those that `steps` (names or paths) name.

    Raises NotFound for a word that names none, Invalid when the settings are wrong.
    """
    settings = lint_settings(project)
    prefixes = glob_prefixes(project.settings.notebooks)
    known = {path: step_name(path, prefixes) for path in project.notebooks()}
    chosen = [_notebook(word, known) for word in steps] or list(known)
    findings: list[Finding] = []
    texts: list[NotebookText] = []
    for path in dict.fromkeys(chosen):
        try:
            text = (project.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            what = f"{path}: not UTF-8: {error}"
            findings.append(Finding("notebook.encoding", ERROR, path, -1, 0, what))
            continue
        texts.append(NotebookText(text, path, known[path]))
    findings += lint_texts(texts, settings)
    return findings + _undeclared_accesses(
        project, settings, {known[path] for path in chosen}, findings
    )


class NotebookText(NamedTuple):
    """A notebook's JSON, where it lies, and the name of its step."""

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
    drafts = [read_draft(*notebook) for notebook in notebooks]
    unread = [(number, cell) for number, draft in enumerate(drafts) for cell in draft.unread]
    checked = check_names(
        [PythonSource(cell.text or "", drafts[number].version) for number, cell in unread]
    )
    broken: dict[int, dict[int, Diagnostic]] = {number: {} for number in range(len(drafts))}
    for (number, cell), result in zip(unread, checked, strict=True):
        if result.syntax_errors:
            broken[number][cell.index] = result.syntax_errors[0]
    programs = [
        build_program(draft.parsed, broken[number].keys()) for number, draft in enumerate(drafts)
    ]
    names = check_names(
        [
            PythonSource(program.text, draft.version)
            for program, draft in zip(programs, drafts, strict=True)
        ]
    )
    return [
        finding
        for number, draft in enumerate(drafts)
        for finding in lint_notebook(
            draft, settings, programs[number], names[number].undefined, broken[number]
        )
    ]


def _undeclared_accesses(
    project: Project, settings: LintSettings, steps: Iterable[str], known: Iterable[Finding]
) -> list[Finding]:
    """What the last run of each step, with the code it has now, opened without declaring it."""
    if settings.undeclared == OFF:
        return []
    try:
        workspace = load_workspace(project)
    except GristmillError:  # said by `run` and `status`; lint goes on about the text
        return []
    said = {(f.notebook, f.code, word.strip(",")) for f in known for word in f.message.split()}
    more = []
    for step in sorted(set(steps) & set(workspace.dag.steps)):
        spec, source = workspace.dag.steps[step], text_md5(workspace.sources[step])
        for path, kind in _undeclared(project, step, source).items():
            code = f"undeclared-{kind}"
            if (spec.notebook, code, path) not in said:
                text = f"the last run {'wrote' if kind == 'write' else 'read'} {path}, which it "
                text += "does not declare."
                hint = f"Declare it in {spec.place()}."
                finding = Finding(code, settings.undeclared, spec.notebook, -1, 0, text, hint)
                more.append(finding)
    return more


def _undeclared(project: Project, step: str, source: str) -> Mapping[str, str]:
    for kept in sorted(project.state.glob(f"runs/*/{step}.lineage.json"), reverse=True):
        lineage = Lineage.from_json(kept.read_text(encoding="utf-8"))
        if lineage.source == source:
            return lineage.undeclared
    return {}


def require_clean_notebooks(workspace: Workspace, steps: Iterable[str]) -> None:
    """Raise GateFailed when `[lint] gate` is on and a step about to run has errors."""
    settings = lint_settings(workspace.project)
    if not settings.gate:
        return
    texts = [
        NotebookText(workspace.texts[step], workspace.dag.steps[step].notebook, step)
        for step in steps
    ]
    errors = [f for f in lint_texts(texts, settings) if f.severity == ERROR]
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
