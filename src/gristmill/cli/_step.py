"""`gristmill step`: a notebook as a form."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gristmill.cli import _out as out
from gristmill.errors import Invalid
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.authoring import Edit, StepForm


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill step`."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    texts = {
        "show": "what the parameters cell declares",
        "init": "make a notebook a step: give it a parameters cell",
        "suggest": "paths, constants and numbers in the code that could be parameters",
        "apply": "follow suggestions: ids of `suggest`, or --all",
        "set": "change defaults: NAME=VALUE",
        "add": "declare another parameter",
        "rename": "give a parameter another name, in every cell",
        "remove": "remove a declaration that nothing uses",
    }
    subs = {verb: verbs.add_parser(verb, help=text) for verb, text in texts.items()}
    for sub in subs.values():
        sub.add_argument("notebook", help="a notebook's path")
        sub.add_argument("--json", action="store_true", help="print JSON")
    subs["apply"].add_argument("suggestion", nargs="*", help="an id that `suggest` prints")
    subs["apply"].add_argument("--all", action="store_true", help="every suggestion")
    subs["set"].add_argument("values", nargs="+", metavar="NAME=VALUE", help="a new default")
    subs["set"].add_argument("--type", help="the type as well, for example float or Input")
    subs["add"].add_argument("value", metavar="NAME=VALUE", help="its name and default")
    subs["add"].add_argument("--type", default="", help="int, float, str, bool, Input, Output, ...")
    subs["add"].add_argument("--doc", default="", help="a comment after it")
    subs["rename"].add_argument("name")
    subs["rename"].add_argument("new")
    subs["remove"].add_argument("name")


def main(args: argparse.Namespace) -> int:
    """Show or edit the parameters of a notebook; returns the exit code."""
    from gristmill.authoring import StepChange, edit_step, step_form

    project = Project.find()
    edits: list[Edit] = []
    if args.verb == "init":
        edits = edit_step(project, args.notebook, StepChange("init"))
    elif args.verb == "set":
        for word in args.values:
            name, text = _pair(word)
            change = StepChange("set", name=name, text=text, annotation=args.type)
            edits += edit_step(project, args.notebook, change)
    elif args.verb == "add":
        name, text = _pair(args.value)
        change = StepChange("add", name=name, text=text, annotation=args.type, doc=args.doc)
        edits = edit_step(project, args.notebook, change)
    elif args.verb == "rename":
        edits = edit_step(project, args.notebook, StepChange("rename", args.name, args.new))
    elif args.verb == "remove":
        edits = edit_step(project, args.notebook, StepChange("remove", args.name))
    elif args.verb == "apply":
        edits = _apply(project, args.notebook, args.suggestion, args.all)
    form = step_form(project, args.notebook)
    if args.json:
        record = {**asdict(form), "edits": [asdict(e) for e in edits]}
        out.say(out.as_json(record["suggestions"] if args.verb == "suggest" else record))
    else:
        out.say(_suggestions(form) if args.verb == "suggest" else _form(form, args.verb, edits))
    return 0


def _pair(word: str) -> tuple[str, str]:
    name, equals, text = word.partition("=")
    if not equals:
        raise Invalid("step.value", f"`{word}` has no `=`.", hint="Write NAME=VALUE.")
    return name.strip(), text


def _apply(project: Project, notebook: str, suggestions: Sequence[str], every: bool) -> list[Edit]:
    """Apply suggestions in turn. Each changes the ids of the rest: kind and name identify those."""
    from gristmill.authoring import StepChange, edit_step, step_form

    if bool(suggestions) == every:
        raise Invalid("step.apply", "Name suggestions by their id, or give --all.")
    before = {s.id: s for s in step_form(project, notebook).suggestions}
    edits: list[Edit] = []
    for suggestion in suggestions or before:
        now = step_form(project, notebook).suggestions
        old = before.get(suggestion)
        same = (s.id for s in now if old and (s.kind, s.name) == (old.kind, old.name))
        change = StepChange("apply", suggestion=next(same, suggestion))
        edits += edit_step(project, notebook, change)
    return edits


def _form(form: StepForm, verb: str, edits: Sequence[Edit]) -> str:
    lines = []
    if verb != "show":
        cells = sorted({e.cell + 1 for e in edits})
        where = f"cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}"
        lines.append(f"{form.notebook}: {f'{where} changed' if cells else 'nothing to change'}")
    if form.form.cell < 0:
        lines.append(f"{form.notebook} is not a step yet. Run: gristmill step init {form.notebook}")
    elif form.form.problem:
        lines.append(form.form.problem["message"])
    else:
        rows = [
            [f.name, f.kind, f.annotation or str(f.type), f.source, _note(form, f.name)]
            for f in form.form.fields
        ]
        lines.append(f"step {form.step}, parameters in cell {form.form.cell + 1}")
        lines.append(out.table(rows, ["name", "kind", "type", "default", "note"]))
    if form.suggestions and verb != "show":
        lines.append(f"{len(form.suggestions)} more suggested: gristmill step suggest ...")
    return "\n".join(lines)


def _note(form: StepForm, name: str) -> str:
    field = form.form.field(name)
    assert field is not None
    if field.problem:
        return field.problem["message"]
    if name in form.given:
        return f"params.yaml sets {form.given[name]!r}"
    return field.doc


def _suggestions(form: StepForm) -> str:
    if not form.suggestions:
        return f"{form.notebook}: nothing to suggest"
    rows = [
        [s.id, f"{s.name}: {s.annotation} = {s.source}", f"cell {s.cell + 1}", s.reason]
        for s in form.suggestions
    ]
    return out.table(rows, ["id", "parameter", "where", "why"])
