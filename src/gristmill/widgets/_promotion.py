"""`Promotion`: a version's gates with their evidence, approvals, and who becomes champion."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
from markupsafe import Markup

from gristmill.drawing import Badge, render_macro, status_text
from gristmill.project import Project
from gristmill.registry import (
    CHAMPION,
    ApprovalStatus,
    Entry,
    GateReport,
    GateResult,
    Registry,
    Verdict,
    Version,
    gate,
    report_of,
    request_approval,
    rollback,
    status_of,
)
from gristmill.registry import decide as decide_review
from gristmill.registry import promote as promote_version
from gristmill.widgets._panel import PANELS, Panel, html
from gristmill.widgets._version_picker import Picker

MOVES = ("promote", "rollback")
SHOWN_MOVES = 8


@dataclass(frozen=True)
class PromotionState:
    """What the panel shows.

    Attributes
    ----------
    version
        The version.
    alias
        The alias.
    holder
        The version that has the alias, None for none.
    report
        The last gate report on the version, None before the first.
    approvals
        Its approvals.
    moves
        The last moves of the alias, newest first.
    """

    version: Version
    alias: str
    holder: int | None
    report: GateReport | None
    approvals: ApprovalStatus
    moves: tuple[Entry, ...]


def read_promotion_state(project: Project, model: str, number: int, alias: str) -> PromotionState:
    """What the panel shows. Raises NotFound, or Forbidden when the ledger was altered."""
    registry = Registry(project)
    version = registry.version(model, number)
    moves = [e for e in registry.ledger.entries(model) if e.action in MOVES and e.alias == alias]
    return PromotionState(
        version,
        alias,
        registry.ledger.aliases(model).get(alias),
        report_of(registry, version),
        status_of(registry, version),
        tuple(reversed(moves[-SHOWN_MOVES:])),
    )


class Promotion(Panel):
    """Gate a version, ask for approval, approve, reject, promote and roll back.

    Each takes a reason and the role that the settings give to the actor. What is decided is what is
    shown: a newer gate report or another holder of the alias is a conflict.

    Parameters
    ----------
    model
        The model; None for the project's first.
    version
        The version to show first; None for the newest.
    project
        The project; None for that of the working directory.
    actor
        Who acts; None for whoever the command line would say.
    """

    def __init__(
        self,
        model: str | None = None,
        version: int | None = None,
        *,
        project: Project | None = None,
        actor: str | None = None,
    ) -> None:
        super().__init__(model, project, actor)
        self.state: PromotionState | None = None
        self.picker = Picker(self, self._look, many=False)
        self.alias = widgets.Text(CHAMPION, description="Alias", continuous_update=False)
        self.reason = widgets.Text(
            description="Reason", placeholder="why; recorded in the ledger",
            layout=widgets.Layout(width="min(100%, 44rem)"),
        )  # fmt: skip
        self.facts, self.gates, self.moves = html(), html(), html()
        actions = (
            ("Run gates", self.run_gates, "info", "Run the model's gates on this version"),
            ("Ask for approval", self.ask, "", "Ask the reviewers for a decision"),
            ("Approve", lambda: self.decide("approve"), "", "Approve this version and gate report"),
            ("Reject", lambda: self.decide("reject"), "", "Reject this version and gate report"),
            ("Promote", self.promote, "success", "Give the alias to this version"),
            (
                "Roll back",
                self.roll_back,
                "warning",
                "Give the alias back to the version that had it before",
            ),
        )
        self.buttons = {
            label: self.button(label, act, kind=kind, hint=hint)
            for label, act, kind, hint in actions
        }
        bar = widgets.HBox(list(self.buttons.values()), layout=widgets.Layout(flex_flow="row wrap"))
        self.model.observe(lambda _: self._model_changed(), "value")
        self.alias.observe(lambda _: self._look(), "value")
        self.show(
            widgets.VBox([self.model, self.picker, self.alias]),
            self.facts, self.gates, self.reason, bar, self.moves,
        )  # fmt: skip
        self.picker.numbers = (version,) if version else ()
        self.refresh()

    def refresh(self) -> None:
        self.picker.refresh()
        self._look()

    def run_gates(self) -> None:
        model, number, alias = self._selection()
        self.do(
            f"Running the gates on version {number}",
            lambda tell: gate(
                self.project,
                model,
                number,
                alias,
                actor=self.actor,
                progress=lambda text: tell(f"Gates of version {number}: {text}"),
            ),
            lambda report: self.done(
                f"The gates of version {number}: {status_text(report.verdict)}."
            ),
            quiet=False,
        )

    def ask(self) -> None:
        model, number, _ = self._selection()
        reason = self.reason.value
        self.do(
            "Asking",
            lambda _: request_approval(
                self.project, model, number, reason=reason, actor=self.actor
            ),
            lambda _: self._decided(f"The reviewers have been asked about version {number}."),
            quiet=False,
        )

    def decide(self, decision: str) -> None:
        model, number, _ = self._selection()
        reason, report = self.reason.value, self.state and self.state.report
        self.do(
            "Signing the decision",
            lambda _: decide_review(
                self.project, model, number, decision=decision, reason=reason,
                report=report.digest if report else None, actor=self.actor,
            ),
            lambda decided: self._decided(decided.sentence()),
            quiet=False,
        )  # fmt: skip

    def promote(self) -> None:
        model, number, alias = self._selection()
        reason, holder = self.reason.value, self.state.holder if self.state else None
        self.do(
            f"Promoting version {number}",
            lambda _: promote_version(
                self.project, model, number, alias=alias, reason=reason, actor=self.actor,
                expected=None if holder == number else holder or 0,
            ),
            lambda move: self._decided(f"{move.sentence()}."),
            quiet=False,
        )  # fmt: skip

    def roll_back(self) -> None:
        model, _, alias = self._selection()
        reason = self.reason.value
        self.do(
            f"Rolling {alias} back",
            lambda _: rollback(self.project, model, alias=alias, reason=reason, actor=self.actor),
            lambda move: self._decided(f"{move.sentence()}."),
            quiet=False,
        )

    def _decided(self, message: str) -> None:
        self.reason.value = ""
        self.done(message)

    def _selection(self) -> tuple[str, int, str]:
        (number,) = self.picker.numbers or (0,)
        return self.model.value, number, self.alias.value.strip()

    def _model_changed(self) -> None:
        self.picker.numbers = ()
        self.refresh()

    def _look(self) -> None:
        model, number, alias = self._selection()
        if model and number:
            self.do(
                f"Reading version {number}",
                lambda _: read_promotion_state(self.project, model, number, alias),
                self._draw,
            )

    def _draw(self, state: PromotionState) -> None:
        self.state = state
        holder = f"version {state.holder}" if state.holder else "no version"
        self.facts.value = render_macro(
            PANELS,
            "candidate",
            state.version,
            [Badge(a, "alias", pill=True) for a in state.version.aliases],
            state.alias,
            holder,
            self.actor,
            _approvals(state.approvals),
        )
        self.gates.value = gates_html(state.report)
        rows = [
            (f"{e.at:%Y-%m-%d %H:%M} UTC", e.actor, e.action, e.before, e.after, e.reason)
            for e in state.moves
        ]
        self.moves.value = render_macro(PANELS, "moves", state.alias, rows)


def _approvals(approvals: ApprovalStatus) -> str:
    free = not (approvals.required or approvals.approved or approvals.rejected or approvals.void)
    return "no approvals are required" if free else approvals.sentence()


def gates_html(report: GateReport | None) -> Markup:
    """Every gate's verdict with its finding, and the numbers it rests on."""
    if report is None:
        return render_macro(PANELS, "gates", "The gates have not been run on this version yet.", [])
    rows = [(_verdict_badge(r.verdict), r.kind, r.message, _evidence(r)) for r in report.results]
    rival = report.about.get("champion")
    against = f"against version {rival}" if rival else "without a champion"
    text = (
        f"Evaluated {against} on {report.about.get('rows', 0):,} hold-out rows: "
        f"{status_text(report.verdict)}. Report {report.digest[:12]}."
    )
    if not rows:
        text += " No gates are declared."
    return render_macro(PANELS, "gates", text, rows)


def _verdict_badge(verdict: str) -> Badge:
    return Badge(
        status_text(verdict),
        "inconclusive" if verdict == Verdict.INCONCLUSIVE else verdict,
        pill=True,
    )


def _evidence(result: GateResult) -> Markup | str:
    """The numbers of a verdict, folded away."""
    if not result.numbers:
        return ""
    rows = [
        (key, f"{value:.5g}" if isinstance(value, float) else value)
        for key, value in result.numbers.items()
    ]
    return render_macro(PANELS, "evidence", rows)
