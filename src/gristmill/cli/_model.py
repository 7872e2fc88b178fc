"""`gristmill model`: register, list, show, gate, promote, roll back, look back.

The rest of `gristmill model`: compare versions, write a card, ask for decisions.

`gristmill model reproduce`: make a version again and say whether it is the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.cli import _out as out
from gristmill.cli._model_text import (
    commit,
    history_table,
    number,
    numbers,
    parse_time,
    say_comparison,
    say_move,
    say_report,
    say_results,
    versions_table,
)
from gristmill.errors import NotFound
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.registry import Version


def show_comparison(project: Project, model: str, args: argparse.Namespace) -> int:
    from gristmill.registry import compare

    found = compare(project, model, args.refs)
    if args.html:
        from gristmill.files import write_atomic
        from gristmill.registry import comparison_page

        write_atomic(args.html, comparison_page(found))
    if args.json:
        out.say(out.as_json(found.record()))
    elif args.html:
        out.say(f"{args.html} compares {len(found.versions)} versions of {model}")
    else:
        say_comparison(found)
    return 0


def decide(project: Project, version: Version, args: argparse.Namespace) -> int:
    """`request`, `approve` and `reject`."""
    from gristmill.registry import decide as decide_review
    from gristmill.registry import request_approval

    name, number = version.model, version.version
    if args.verb == "request":
        entry = request_approval(project, name, number, reason=args.reason)
        text = f"{name} version {number}: {entry.actor} asked the reviewers for a decision."
        record = entry.record()
    else:
        decision = decide_review(
            project, name, number, decision=args.verb, reason=args.reason, report=args.report
        )
        text = decision.sentence()
        record = {**decision.entry.record(), "consequences": list(decision.consequences)}
    out.say(out.as_json(record) if args.json else text)
    return 0


def show_waiting(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import open_requests

    entries = open_requests(project)
    if args.json:
        out.say(out.as_json([e.record() for e in entries]))
    else:
        out.say(history_table(entries) if entries else "Nobody waits for a decision.")
    return 0


def show_card(project: Project, version: Version, args: argparse.Namespace) -> int:
    from gristmill.registry import card

    text = card(project, version.model, version.version, as_html=args.html)
    if args.output:
        from gristmill.files import write_atomic

        write_atomic(args.output, text)
        text = f"{args.output} is the card of {version.model} version {version.version}"
    out.say(out.as_json({"card": text}) if args.json else text.rstrip())
    return 0


def write_contract(project: Project, model: str, *, as_json: bool) -> int:
    from gristmill.registry import infer_contract

    path, named = infer_contract(project, model)
    if as_json:
        out.say(out.as_json({"path": str(path), "contract": named}))
    else:
        out.say(f"wrote {path.relative_to(project.root)}; edit it, then put into [models.{model}]:")
        out.say(f'contract = "{named}"')
    return 0


DIFFERS = 1


def show_reproduction(project: Project, version: Version, args: argparse.Namespace) -> int:
    """Exit code 0 when all that could be compared is identical, 1 otherwise."""
    from gristmill.registry import reproduce

    found = reproduce(
        project, version.model, version.version, keep=args.keep, progress=out.progress
    )
    if args.json:
        out.say(out.as_json(found.record()))
        return 0 if found.same else DIFFERS
    said = "reproduced" if found.same else "not reproduced"
    style = "green" if found.same else "red"
    out.say(out.style(f"{found.model} version {found.version} is {said}", style))
    for name, value in (
        ("commit", found.commit),
        ("environment", found.environment),
        ("ran", f"{found.steps} steps in {found.seconds:.1f} s"),
        ("predictions", f"{found.predictions} on {found.rows:,} hold-out rows"),
        ("metrics", found.metrics),
        ("first difference", found.difference or "none"),
    ):
        out.say(f"  {name:<17} {value}")
    for artifact in found.artifacts:
        out.say(f"  {'':<17} {artifact}")
    return 0 if found.same else DIFFERS


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, text: str, *, version: bool = False) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text.capitalize() + ".")
        sub.add_argument("model", nargs="?", help="default: the project's only model")
        if version:
            sub.add_argument(
                "ref", nargs="?", metavar="version", help="number or alias; default: the newest"
            )
        sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    register = verb("register", "make the model that lies in the project the next version")
    register.add_argument("--run", metavar="ID", help="MLflow run that receives it (default: new)")
    register.add_argument("--from", dest="source", metavar="RUN", help="what this kept run made")
    verb("list", "list versions")
    verb("show", "show one version with evidence, gates and history", version=True)
    verb("gate", "judge a version by the project's gates", version=True).add_argument(
        "--against", default="champion", metavar="ALIAS", help="default: champion"
    )
    promote = verb("promote", "give an alias to a version that passed its gates", version=True)
    promote.add_argument("--alias", default="champion", help="default: champion")
    promote.add_argument("--expected", type=int, metavar="N", help="version that must hold it now")
    promote.add_argument("--override", action="store_true", help="without a passing report")
    promote.add_argument("--reason", required=True, help="why; the ledger keeps it")
    rollback = verb("rollback", "give the alias back to the version that held it before")
    rollback.add_argument("--alias", default="champion", help="default: champion")
    rollback.add_argument("--reason", required=True, help="why; the ledger keeps it")
    for name, text in (
        ("request", "ask the reviewers for a decision"),
        ("approve", "approve a version with its last gate report"),
        ("reject", "reject a version with its last gate report"),
    ):
        sub = verb(name, text, version=True)
        sub.add_argument("--reason", required=True, help="why; the ledger keeps it")
        if name != "request":
            sub.add_argument("--report", metavar="DIGEST", help="the gate report that was read")
    verbs.add_parser("waiting", help="list requests nobody has answered").add_argument(
        "--json", action="store_true", help="print JSON"
    )
    again = verb("reproduce", "make a version again from its commit and compare", version=True)
    again.add_argument("--keep", action="store_true", help="leave the clean tree behind")
    card = verb("card", "write the model card of a version", version=True)
    card.add_argument("--html", action="store_true", help="HTML; default: Markdown")
    card.add_argument("--output", metavar="FILE", type=Path, help="default: the terminal")
    compare = verbs.add_parser("compare", help="compare versions with the first, on the same rows")
    compare.add_argument("refs", nargs="+", metavar="version", help="numbers or aliases")
    compare.add_argument("--model", help="default: the project's only model")
    compare.add_argument("--html", metavar="FILE", type=Path, help="write a page that stands alone")
    compare.add_argument("--json", action="store_true", help="print JSON")
    verb("champion", "show who is champion, or was").add_argument(
        "--at", metavar="TIME", help="ISO 8601 time; without offset it is local"
    )
    verb("contract", "write a contract inferred from the reference, to edit")
    verb("history", "show every entry of the ledger on a model")


def main(args: argparse.Namespace) -> int:
    project = Project.find()
    return int(VERBS[args.verb](project, args))


def _names(project: Project, args: argparse.Namespace) -> tuple[str, str | None]:
    """Model and version as given; a lone word that names no model is the only model's version."""
    model, version = args.model, getattr(args, "ref", None)
    if model is None or (version is None and model not in project.models):
        from gristmill.registry import Registry

        known = sorted({*project.models, *Registry(project).models()})
        if model in known:
            return model, version
        if len(known) != 1 or (model is not None and not hasattr(args, "ref")):
            raise NotFound(
                "model.unknown",
                f"there is no model {model!r}." if model else "which model?",
                hint=f"Models here: {', '.join(known) or 'none'}.",
            )
        return known[0], model
    return model, version


def _version(project: Project, args: argparse.Namespace) -> Version:
    from gristmill.registry import Registry

    model, ref = _names(project, args)
    registry = Registry(project)
    if ref is not None:
        return registry.version(model, ref)
    versions = registry.versions(model)
    if not versions:
        raise NotFound(
            "version.none",
            f"{model!r} has no version yet.",
            hint=f"Run `gristmill model register {model}`.",
        )
    return versions[-1]


def _register(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import register, register_run

    model = _names(project, args)[0]
    if args.source:
        version = register_run(project, model, args.source)
    else:
        version = register(project, model, run_id=args.run)
    if args.json:
        out.say(out.as_json(version.record()))
    else:
        out.say(
            f"{version.model} version {version.version}  {numbers(version)}  "
            f"digest {version.digest[:12]}  by {version.author}"
        )
    return 0


def _list(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import Registry

    registry = Registry(project)
    versions = registry.versions(_names(project, args)[0] if args.model else None)
    if args.json:
        out.say(out.as_json([v.record() for v in versions]))
    elif not versions:
        out.say("No versions yet; `gristmill model register` makes the first.")
    else:
        out.say(versions_table(versions))
    return 0


def _show(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import Registry, report_of, status_of

    version = _version(project, args)
    registry = Registry(project)
    judged = report_of(registry, version)
    standing = status_of(registry, version)
    entries = registry.ledger.entries(version.model, version=version.version)
    if args.json:
        record = version.record() | {
            "gates": judged.record() if judged else None,
            "approvals": asdict(standing),
            "history": [e.record() for e in entries],
        }
        out.say(out.as_json(record))
        return 0
    facts: dict[str, Any] = {
        "aliases": ", ".join(version.aliases) or "-",
        "created": f"{version.created.astimezone():%Y-%m-%d %H:%M:%S} by {version.author}",
        "digest": version.digest,
        "run": version.run_id,
        "step": version.source,
        "commit": commit(version),
        "lineage lacks": ", ".join(version.lineage.missing()) or "nothing",
        "evidence": ", ".join(sorted(version.evidence)),
    }
    out.say(out.style(f"{version.model} version {version.version}", "bold"))
    for key, value in facts.items():
        out.say(f"  {key:<14} {value}")
    for title, values in (("metrics", version.metrics), ("params", version.params)):
        if values:
            out.say(f"\n{out.style(title, 'bold')}")
            for key in sorted(values):
                out.say(f"  {key:<24} {number(values[key])}")
    if judged:
        out.say(f"\n{out.style('gates', 'bold')}  (report {judged.digest[:12]})")
        say_results(judged)
    if standing.required:
        out.say(f"\n{out.style('approvals', 'bold')}  {standing.sentence()}")
    out.say(f"\n{out.style('history', 'bold')}")
    out.say(history_table(entries))
    return 0


def _gate(project: Project, args: argparse.Namespace) -> int:
    from gristmill.errors import GateFailed
    from gristmill.registry import gate

    version = _version(project, args)
    report = gate(project, version.model, version.version, args.against, progress=out.progress)
    say_report(report, as_json=args.json)
    return 0 if report.passed else GateFailed.exit_code


def _promote(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import promote

    version = _version(project, args)
    done = promote(
        project,
        version.model,
        version.version,
        alias=args.alias,
        reason=args.reason,
        expected=args.expected,
        override=args.override,
    )
    return say_move(done, args.json)


def _rollback(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import rollback

    model = _names(project, args)[0]
    return say_move(rollback(project, model, reason=args.reason, alias=args.alias), args.json)


def _compare(project: Project, args: argparse.Namespace) -> int:
    return show_comparison(project, _names(project, args)[0], args)


def _champion(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import champion

    model = _names(project, args)[0]
    version = champion(project, model, parse_time(args.at) if args.at else None)
    if args.json:
        out.say(out.as_json(version.record() if version else None))
    elif version is None:
        out.say(f"{model}: nobody{' at ' + args.at if args.at else ' yet'}")
    else:
        out.say(f"{model} version {version.version}  {numbers(version)}  by {version.author}")
    return 0


def _history(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import Registry

    entries = Registry(project).ledger.entries(_names(project, args)[0])
    out.say(out.as_json([e.record() for e in entries]) if args.json else history_table(entries))
    return 0


def _on_version(
    act: Callable[[Project, Version, argparse.Namespace], int],
) -> Callable[[Project, argparse.Namespace], int]:
    return lambda project, args: act(project, _version(project, args), args)


VERBS = {
    "register": _register,
    "list": _list,
    "show": _show,
    "gate": _gate,
    "promote": _promote,
    "rollback": _rollback,
    "request": _on_version(decide),
    "approve": _on_version(decide),
    "reject": _on_version(decide),
    "waiting": show_waiting,
    "card": _on_version(show_card),
    "reproduce": _on_version(show_reproduction),
    "compare": _compare,
    "champion": _champion,
    "contract": lambda p, a: write_contract(p, _names(p, a)[0], as_json=a.json),
    "history": _history,
}
