"""`gristmill model`: versions registered, judged, decided on, promoted, rolled back, compared.

Each verb is one function: it asks the registry and prints what comes back.
"""

from __future__ import annotations

import argparse
import sys
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
from gristmill.errors import GateFailed, NotFound
from gristmill.project import SETTINGS, Project

if TYPE_CHECKING:
    from gristmill.registry import Version, VersionHistory

DIFFERS = 1


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill model`."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, text: str, *, version: bool = False) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text.capitalize() + ".")
        sub.add_argument("model", nargs="?", help="default: the project's only model")
        if version:
            sub.add_argument("version", nargs="?", help="number or alias; default: the newest")
        sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    register = verb("register", "make the model's files the next version")
    register.add_argument("--run", help="the files that this run wrote, from the cache")
    register.add_argument(
        "--mlflow-run", dest="run_id", metavar="ID", help="MLflow run that receives it"
    )
    verb("list", "list versions")
    verb("show", "show one version with evidence, gates and history", version=True)
    verb("gate", "judge a version by the project's gates", version=True).add_argument(
        "--against", default="champion", metavar="ALIAS", help="default: champion"
    )
    promote = verb("promote", "give an alias to a version that passed its gates", version=True)
    promote.add_argument("--alias", default="champion", help="default: champion")
    promote.add_argument(
        "--expected", type=int, metavar="N", help="version that must hold the alias now"
    )
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
    verbs.add_parser("waiting", help="list the requests that wait for a decision").add_argument(
        "--json", action="store_true", help="print JSON"
    )
    reproduce = verb("reproduce", "make a version again from its commit and compare", version=True)
    reproduce.add_argument("--keep", action="store_true", help="keep the clean working tree")
    card = verb("card", "write the model card of a version", version=True)
    card.add_argument("--html", dest="as_html", action="store_true", help="default: Markdown")
    card.add_argument("--output", metavar="FILE", type=Path, help="default: the terminal")
    compare = verbs.add_parser("compare", help="compare versions with the first, on the same rows")
    compare.add_argument("versions", nargs="+", metavar="version", help="numbers or aliases")
    compare.add_argument("--model", help="default: the project's only model")
    compare.add_argument("--html", metavar="FILE", type=Path, help="write a self-contained page")
    compare.add_argument("--json", action="store_true", help="print JSON")
    verb("champion", "show who is champion, or was").add_argument(
        "--at", metavar="TIME", help="ISO 8601 time; without offset it is local"
    )
    verb("contract", "write a contract inferred from the reference, to edit")
    verb("history", "show every entry of the ledger on a model")


def main(args: argparse.Namespace) -> int:
    """Run the verb that the arguments name; returns its exit code."""
    project = Project.find()
    if args.verb in POLICY_VERBS:
        _say_policy(project, args)
    return VERBS[args.verb](project, args)


def _say_policy(project: Project, args: argparse.Namespace) -> None:
    from gristmill.registry import policy_notice

    if notice := policy_notice(project, _model_and_version(project, args)[0]):
        print(notice, file=sys.stderr)


def _register(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import register, register_run

    model = _model_and_version(project, args)[0]
    if args.run:
        version = register_run(project, model, args.run)
    else:
        version = register(project, model, run_id=args.run_id)
    if args.json:
        out.say(out.as_json(version.record()))
    else:
        out.say(
            f"{version.model} version {version.version}  {numbers(version)}  "
            f"digest {version.digest[:12]}  by {version.author}"
        )
    return 0


def _list(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import list_versions

    model = _model_and_version(project, args)[0] if args.model else None
    versions = list_versions(project, model)
    if args.json:
        out.say(out.as_json([v.record() for v in versions]))
    elif not versions:
        out.say("No versions yet; `gristmill model register` makes the first.")
    else:
        out.say(versions_table(versions))
    return 0


def _show(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import show_version

    version = _version(project, args)
    details = show_version(project, version.model, version.version)
    if args.json:
        record = details.version.record() | {
            "gates": details.report.record() if details.report else None,
            "approvals": asdict(details.approvals),
            "history": [e.record() for e in details.entries],
        }
        out.say(out.as_json(record))
    else:
        _say_details(details)
    return 0


def _say_details(details: VersionHistory) -> None:
    version = details.version
    facts: dict[str, Any] = {
        "aliases": ", ".join(version.aliases) or "-",
        "created": f"{version.created.astimezone():%Y-%m-%d %H:%M:%S} by {version.author}",
        "digest": version.digest,
        "run": version.run_id,
        "step": version.source,
        "commit": commit(version),
        "missing lineage": ", ".join(version.missing()) or "nothing",
        "evidence": ", ".join(sorted(version.evidence)),
    }
    out.say(out.style(f"{version.model} version {version.version}", "bold"))
    for key, value in facts.items():
        out.say(f"  {key:<15} {value}")
    for title, values in (("metrics", version.metrics), ("params", version.params)):
        if values:
            out.say(f"\n{out.style(title, 'bold')}")
            for key in sorted(values):
                out.say(f"  {key:<24} {number(values[key])}")
    if details.report:
        out.say(f"\n{out.style('gates', 'bold')}  (report {details.report.digest[:12]})")
        say_results(details.report)
    if details.approvals.required:
        out.say(f"\n{out.style('approvals', 'bold')}  {details.approvals.sentence()}")
    out.say(f"\n{out.style('history', 'bold')}")
    out.say(history_table(details.entries))


def _gate(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import gate

    version = _version(project, args)
    report = gate(project, version.model, version.version, args.against, progress=out.progress)
    say_report(report, as_json=args.json)
    return 0 if report.passed else GateFailed.exit_code


def _promote(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import promote

    version = _version(project, args)
    move = promote(
        project,
        version.model,
        version.version,
        alias=args.alias,
        reason=args.reason,
        expected=args.expected,
        override=args.override,
    )
    return say_move(move, args.json)


def _rollback(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import rollback

    model = _model_and_version(project, args)[0]
    return say_move(rollback(project, model, reason=args.reason, alias=args.alias), args.json)


def _request(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import request_approval

    version = _version(project, args)
    entry = request_approval(project, version.model, version.version, reason=args.reason)
    text = f"{version.model} version {version.version}: {entry.actor} requested a decision."
    out.say(out.as_json(entry.record()) if args.json else text)
    return 0


def _decide(project: Project, args: argparse.Namespace) -> int:
    """`approve` and `reject`."""
    from gristmill.registry import decide

    version = _version(project, args)
    decision = decide(
        project,
        version.model,
        version.version,
        decision=args.verb,
        reason=args.reason,
        report=args.report,
    )
    record = {**decision.entry.record(), "consequences": list(decision.consequences)}
    out.say(out.as_json(record) if args.json else decision.sentence())
    return 0


def _waiting(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import open_requests

    entries = open_requests(project)
    if args.json:
        out.say(out.as_json([e.record() for e in entries]))
    else:
        out.say(history_table(entries) if entries else "No request waits for a decision.")
    return 0


def _reproduce(project: Project, args: argparse.Namespace) -> int:
    """Exit code 0 when all that could be compared is identical, 1 otherwise."""
    from gristmill.registry import reproduce

    version = _version(project, args)
    result = reproduce(
        project, version.model, version.version, keep=args.keep, progress=out.progress
    )
    if args.json:
        out.say(out.as_json(result.record()))
        return 0 if result.same else DIFFERS
    verdict, style = ("reproduced", "green") if result.same else ("not reproduced", "red")
    out.say(out.style(f"{result.model} version {result.version} is {verdict}", style))
    for name, value in (
        ("commit", result.commit),
        ("environment", result.environment),
        ("ran", f"{result.steps} steps in {result.seconds:.1f} s"),
        ("predictions", f"{result.predictions} on {result.rows:,} hold-out rows"),
        ("metrics", result.metrics),
        ("first difference", result.difference or "none"),
    ):
        out.say(f"  {name:<17} {value}")
    for artifact in result.artifacts:
        out.say(f"  {'':<17} {artifact}")
    return 0 if result.same else DIFFERS


def _card(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import card

    version = _version(project, args)
    text = card(project, version.model, version.version, as_html=args.as_html)
    if args.output:
        from gristmill.files import write_atomic

        write_atomic(args.output, text)
        text = f"Wrote the card of {version.model} version {version.version} to {args.output}."
    out.say(out.as_json({"card": text}) if args.json else text.rstrip())
    return 0


def _compare(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import compare

    model = _model_and_version(project, args)[0]
    comparison = compare(project, model, args.versions)
    if args.html:
        from gristmill.files import write_atomic
        from gristmill.registry import comparison_page

        write_atomic(args.html, comparison_page(comparison))
    if args.json:
        out.say(out.as_json(comparison.record()))
    elif args.html:
        out.say(f"Wrote a comparison of {len(comparison.versions)} versions to {args.html}.")
    else:
        say_comparison(comparison)
    return 0


def _champion(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import champion

    model = _model_and_version(project, args)[0]
    version = champion(project, model, parse_time(args.at) if args.at else None)
    if args.json:
        out.say(out.as_json(version.record() if version else None))
    elif version is None:
        out.say(f"{model} {f'had no champion at {args.at}' if args.at else 'has no champion yet'}.")
    else:
        out.say(f"{model} version {version.version}  {numbers(version)}  by {version.author}")
    return 0


def _contract(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import infer_contract

    model = _model_and_version(project, args)[0]
    path, reference = infer_contract(project, model)
    if args.json:
        out.say(out.as_json({"path": str(path), "contract": reference}))
    else:
        out.say(f"Wrote {path.relative_to(project.root)}. Edit it, then add to [models.{model}]:")
        out.say(f'contract = "{reference}"')
    return 0


def _history(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry import history

    entries = history(project, _model_and_version(project, args)[0])
    out.say(out.as_json([e.record() for e in entries]) if args.json else history_table(entries))
    return 0


def _model_and_version(project: Project, args: argparse.Namespace) -> tuple[str, str | None]:
    """As given; a single word that names no model is a version of the project's only model."""
    model, version = args.model, getattr(args, "version", None)
    if model is not None and (version is not None or model in project.models):
        return model, version
    from gristmill.registry import Registry

    models = sorted({*project.models, *Registry(project).models()})
    if model in models:
        return model, version
    if len(models) != 1 or (model is not None and not hasattr(args, "version")):
        raise NotFound(
            "model.unknown",
            f"There is no model {model!r}." if model else "Name a model.",
            hint=f"Models of this project: {', '.join(models) or 'none'}. A table [models.NAME] in "
            f"{SETTINGS} declares one; its `path` is what a step writes.",
        )
    return models[0], model


def _version(project: Project, args: argparse.Namespace) -> Version:
    from gristmill.registry import Registry

    model, version = _model_and_version(project, args)
    registry = Registry(project)
    if version is not None:
        return registry.version(model, version)
    versions = registry.versions(model)
    if not versions:
        raise NotFound(
            "version.none",
            f"{model!r} has no version yet.",
            hint=f"Run `gristmill model register {model}`.",
        )
    return versions[-1]


POLICY_VERBS = ("register", "gate", "promote", "rollback", "request", "approve", "reject")
VERBS: dict[str, Callable[[Project, argparse.Namespace], int]] = {
    "register": _register,
    "list": _list,
    "show": _show,
    "gate": _gate,
    "promote": _promote,
    "rollback": _rollback,
    "request": _request,
    "approve": _decide,
    "reject": _decide,
    "waiting": _waiting,
    "card": _card,
    "reproduce": _reproduce,
    "compare": _compare,
    "champion": _champion,
    "contract": _contract,
    "history": _history,
}
