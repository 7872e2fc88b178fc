"""`gristmill/models/...`: versions and what is done to them. Roles are asked by the verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.errors import GristmillError, Invalid
from gristmill.project import Project
from gristmill.registry import (
    ApprovalStatus,
    Entry,
    ListedModel,
    Registry,
    Roles,
    Version,
    current_actor,
    list_models,
    model_settings,
    report_of,
    request_approval,
    status_of,
)
from gristmill.registry import (
    decide as decide_review,
)
from gristmill.registry import (
    gate as gate_promotion,
)
from gristmill.registry import (
    promote as promote_promotion,
)
from gristmill.registry import (
    register as register_promotion,
)
from gristmill.registry import (
    rollback as rollback_promotion,
)
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import (
    ApprovalRequest,
    CardView,
    ContractView,
    DecisionRequest,
    Done,
    EntryView,
    GateRequest,
    GateView,
    ModelsView,
    ModelView,
    MoveRequest,
    PageView,
    RegisterRequest,
    VersionDetails,
    VersionView,
    WaitingView,
)


def listing(asked: ApiRequest) -> ModelsView:
    project = asked.project
    actor = current_actor(project)
    listing = list_models(project)
    return ModelsView(
        actor=actor,
        may={verb: Roles.of(project).allows(verb, actor) for verb in Roles.VERBS},
        models=tuple(_model(project, model) for model in listing.models),
        waiting=tuple(
            _waiting(project, entry, actor, made=listing.is_author(entry, actor))
            for entry in listing.requests
        ),
    )


def details(asked: ApiRequest) -> VersionDetails:
    registry = Registry(asked.project)
    version = registry.version(asked.names["model"], asked.names["version"])
    judged = report_of(registry, version)
    entries = registry.ledger.entries(version.model, version=version.version)
    return VersionDetails(
        model=version.model,
        version=version.version,
        digest=version.digest,
        source=version.source,
        run=version.run_id,
        params=version.params,
        metrics=version.metrics,
        missing=version.missing(),
        report=judged.digest if judged else "",
        gates=tuple(GateView(r.kind, r.name, r.verdict, r.message) for r in judged.results)
        if judged
        else (),
        approvals=_approvals(status_of(registry, version)),
        history=tuple(_entry(e) for e in reversed(entries)),
    )


def register(asked: ApiRequest) -> Done:
    from gristmill.registry import register_run

    wanted, model = asked.read(RegisterRequest), asked.names["model"]
    if wanted.run:
        version = register_run(asked.project, model, wanted.run)
    else:
        version = register_promotion(asked.project, model)
    return Done(f"{model} version {version.version} is registered.")


def gate(asked: ApiRequest) -> Done:
    model, wanted = asked.names["model"], asked.read(GateRequest)
    report = gate_promotion(asked.project, model, wanted.version, wanted.against)
    return Done(f"{model} version {wanted.version}: {report.verdict}.")


def promote(asked: ApiRequest) -> Done:
    wanted, model = asked.read(MoveRequest), asked.names["model"]
    if wanted.version is None:
        raise Invalid("request.version", "which version?", hint="Send `version`.")
    done = promote_promotion(
        asked.project,
        model,
        wanted.version,
        alias=wanted.alias,
        reason=wanted.reason,
        expected=wanted.expected,
        override=wanted.override,
    )
    return Done(f"{done.sentence()}.")


def rollback(asked: ApiRequest) -> Done:
    wanted, model = asked.read(MoveRequest), asked.names["model"]
    done = rollback_promotion(asked.project, model, reason=wanted.reason, alias=wanted.alias)
    return Done(f"{done.sentence()}.")


def decide(asked: ApiRequest) -> Done:
    wanted, model, project = asked.read(DecisionRequest), asked.names["model"], asked.project
    decision = decide_review(
        project,
        model,
        wanted.version,
        decision=wanted.decision,
        reason=wanted.reason,
        report=wanted.report or None,
    )
    return Done(decision.sentence())


def request(asked: ApiRequest) -> Done:
    wanted, model = asked.read(ApprovalRequest), asked.names["model"]
    request_approval(asked.project, model, wanted.version, reason=wanted.reason)
    return Done(f"The reviewers were asked about {model} version {wanted.version}.")


def card(asked: ApiRequest) -> CardView:
    from gristmill.registry import card as write_card

    project, model = asked.project, asked.names["model"]
    version = Registry(project).version(model, asked.names["version"]).version
    as_html = asked.query.get("as_html") == "true"
    return CardView(model, version, write_card(project, model, version, as_html=as_html))


def champion(asked: ApiRequest) -> dict[str, Any] | None:
    from gristmill.monitoring import parse_time
    from gristmill.registry import champion as champion_of

    at = asked.query.get("at", "")
    version = champion_of(asked.project, asked.names["model"], parse_time(at, "at") if at else None)
    return version.record() if version else None


def contract(asked: ApiRequest) -> ContractView:
    from gristmill.registry import infer_contract

    path, reference = infer_contract(asked.project, asked.names["model"])
    return ContractView(path.relative_to(asked.project.root).as_posix(), reference)


def compare(asked: ApiRequest) -> PageView:
    from gristmill.registry import compare, comparison_page

    refs = [v for v in asked.query.get("versions", "").split(",") if v]
    found = compare(asked.project, asked.names["model"], refs)
    return PageView(f"{found.model}: {found.names}", comparison_page(found))


def _model(project: Project, model: ListedModel) -> ModelView:
    name, declared, problem = model.name, model.name in project.models, model.problem
    settings = None
    try:
        settings = model_settings(project, name) if declared else None
    except GristmillError as error:
        problem = problem or error.message
    if problem:
        return ModelView(name, "", declared, None, None, (), problem=problem)
    return ModelView(
        name=name,
        owner=settings.owner if settings else "",
        declared=declared,
        champion=model.champion,
        back=model.previous,
        versions=tuple(_version(v.version, v.verdict, v.approvals) for v in model.versions),
        judged=_judged(settings.gates) if settings else (),
    )


def _judged(gates: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(gate["metric"]) for gate in gates if "metric" in gate))


def _version(version: Version, verdict: str, approvals: ApprovalStatus) -> VersionView:
    return VersionView(
        version=version.version,
        aliases=version.aliases,
        created=version.created.isoformat(),
        author=version.author,
        metrics=version.metrics,
        commit=version.lineage.commit or "",
        dirty=bool(version.lineage.dirty),
        verdict=verdict,
        approvals=_approvals(approvals),
    )


def _approvals(status: ApprovalStatus) -> str:
    shown = status.required or status.approved or status.rejected
    return status.sentence() if shown else ""


def _waiting(project: Project, entry: Entry, actor: str, *, made: bool) -> WaitingView:
    number = entry.version or 0
    why = ""
    if not Roles.of(project).allows("approve", actor):
        why = f"{actor} may not approve."
    elif made:
        why = "Whoever made a version cannot decide on it."
    return WaitingView(
        model=entry.model,
        version=number,
        actor=entry.actor,
        at=entry.at.isoformat(),
        reason=entry.reason,
        report=str(entry.detail.get("report") or ""),
        mine=not why,
        why=why,
    )


def _entry(e: Entry) -> EntryView:
    return EntryView(
        e.seq, e.at.isoformat(), e.actor, e.action, e.version, e.alias, e.before, e.after, e.reason
    )


ROUTES = [
    Route("GET", "models", listing),
    Route("GET", "models/{model}/versions/{version}", details),
    Route("GET", "models/{model}/versions/{version}/card", card, query=("as_html",)),
    Route("GET", "models/{model}/champion", champion, query=("at",)),
    Route("GET", "models/{model}/compare", compare, query=("versions",)),
    Route("POST", "models/{model}/contract", contract, status=201),
    Route("POST", "models/{model}/register", register, status=201, body=RegisterRequest),
    Route("POST", "models/{model}/gate", gate, body=GateRequest),
    Route("POST", "models/{model}/request", request, body=ApprovalRequest),
    Route("POST", "models/{model}/decision", decide, body=DecisionRequest),
    Route("POST", "models/{model}/promote", promote, body=MoveRequest),
    Route("POST", "models/{model}/rollback", rollback, body=MoveRequest),
]
