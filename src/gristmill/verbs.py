"""The table of verbs: what each is called on the command line, in Python, over REST and in
JupyterLab, what it takes, who may do it, what it raises and what it leaves behind.

One verb is one function behind a room's door; the faces parse, call it and show what it returns.
`tests/test_verbs.py` walks this table and the faces, and fails for either when the other differs.

Arguments have the same name everywhere. On the command line `_` is `-`, a flag that is on by
default is spelled as its opposite (`--no-wait`), and what may be repeated is in the singular
(`--tag`). A file is written by the command line only, and an actor is named in Python only.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.errors import (
    Cancelled,
    Conflict,
    Forbidden,
    GateFailed,
    GristmillError,
    Invalid,
    NotFound,
    Unavailable,
)


@dataclass(frozen=True)
class Absent:
    """A face that a verb lacks by nature, with the reason."""

    reason: str


@dataclass(frozen=True)
class Verb:
    """A verb and its four faces.

    Attributes
    ----------
    command
        The words after `gristmill`, with the option that turns a command into this verb.
    function
        `module:name`; the package exports it under the same name.
    route
        The method and the path below `gristmill/`.
    lab
        The id of the command in JupyterLab, or of the one that opens the panel which shows it.
    arguments
        What it takes, beside the project.
    role
        The entry of `[roles]` that the actor needs, "" where everybody may.
    errors
        What it may raise, beside the errors of a project that cannot be read.
    emits
        The action of the ledger's entry that it writes, or the first kind of event; "" for none.
    in_background
        Over REST it replies 202 with a job, and `GET jobs/{job}` has the result.
    rest_lacks
        Arguments that a request does not carry.
    """

    command: str | Absent
    function: str | Absent
    route: str | Absent
    lab: str | Absent
    arguments: tuple[str, ...] = ()
    role: str = ""
    errors: tuple[type[GristmillError], ...] = ()
    emits: str = ""
    in_background: bool = False
    rest_lacks: tuple[str, ...] = ()


NO_PANEL = Absent("It is asked for at a terminal or in code.")
BLOCKS = Absent("It runs until it is stopped; start it from the command line.")
IN_EDITOR = "gristmill:toggle-parameters"
MODEL_ERRORS = (Invalid, NotFound, Forbidden, Unavailable)

PROJECT = (
    Verb(
        "init", "gristmill.workspace:initialise", "POST project", "gristmill:init",
        ("name",), errors=(Conflict, Invalid),
    ),
    Verb(
        "trust", "gristmill.workspace_trust:trust", "POST trust", "gristmill:trust",
        errors=(NotFound, Forbidden),
    ),
    Verb(
        "trust --revoke", "gristmill.workspace_trust:revoke_trust", "DELETE trust",
        "gristmill:revoke-trust", errors=(Conflict, NotFound, Forbidden),
    ),
    Verb(
        "trust --list", "gristmill.workspace_trust:trusted_folders", "GET trust", NO_PANEL,
        errors=(Forbidden,),
    ),
    Verb(
        "status", "gristmill.runner:status", "GET pipeline", "gristmill:open-pipeline",
        ("targets", "params", "overrides", "smoke"), errors=(Invalid, NotFound),
        rest_lacks=("targets", "overrides", "smoke"),  # the panel shows the whole pipeline
    ),
    Verb(
        "sync", "gristmill.runner:sync", "POST sync", "gristmill:sync",
        ("params", "overrides", "steps"), errors=(Conflict, Invalid, NotFound),
        rest_lacks=("steps",),  # for `dvc repro` alone
    ),
    Verb(
        "lint", "gristmill.authoring:lint", "GET lint", "gristmill:lint",
        ("steps",), errors=(Invalid, NotFound),
    ),
    Verb("doctor", "gristmill.runner:doctor", "GET doctor", NO_PANEL),
)  # fmt: skip

STEPS = (
    Verb(
        "step show", "gristmill.authoring:step_form", "POST steps/form", IN_EDITOR,
        ("notebook",), errors=(Invalid, NotFound),
    ),
    Verb(
        "step suggest", "gristmill.authoring:step_form", "POST steps/form", IN_EDITOR,
        ("notebook",), errors=(Invalid, NotFound),
    ),
    *(
        Verb(
            f"step {change}", "gristmill.authoring:edit_step", "POST steps/edits", IN_EDITOR,
            ("notebook",), errors=(Conflict, Invalid, NotFound),
        )
        for change in ("init", "apply", "set", "add", "rename", "remove")
    ),
)  # fmt: skip

RUNS = (
    Verb(
        "run", "gristmill.runner:run", "POST runs", "gristmill:run",
        ("targets", "tags", "only", "force", "params", "overrides", "workers", "keep_going",
         "wait", "pull", "smoke", "kernel", "keep_failed", "name"),
        errors=(Cancelled, Conflict, Invalid, NotFound, Unavailable), emits="run-asked",
        rest_lacks=("name",),  # the reply has it
    ),
    Verb(
        "resume", "gristmill.runner:resume", "POST steps/{step}/resume", "gristmill:resume",
        ("step", "name"), errors=(Cancelled, Conflict, Invalid, NotFound), emits="run-asked",
        rest_lacks=("name",),
    ),
    Verb(
        Absent("Ctrl-C does it."), Absent("`Interrupts.request()` does it."),
        "POST runs/{run}/cancel", "gristmill:cancel", ("run",), errors=(Conflict, NotFound),
    ),
    Verb(
        "open", "gristmill.runner:open_kernel", "POST steps/{step}/kernel",
        "gristmill:open-kernel", ("step",), errors=(Conflict, NotFound, Unavailable),
    ),
    Verb("open --list", "gristmill.runner:parked", "GET pipeline", "gristmill:open-pipeline"),
    Verb(
        "open --close", "gristmill.runner:close_kernel", "DELETE steps/{step}/kernel",
        "gristmill:end-kernel", ("step",), errors=(Conflict, NotFound),
    ),
    Verb(
        "runs list", "gristmill.runs:search", "GET history", "gristmill:open-runs",
        ("where", "sort", "ascending", "limit", "sweep"), errors=(Invalid, NotFound),
    ),
    Verb(
        "runs show", "gristmill.runs:find", "GET history/{run}", "gristmill:open-runs",
        ("run",), errors=(Invalid, NotFound),
    ),
    Verb(
        "runs diff", "gristmill.runs:diff", "GET history/{one}/diff/{other}", "gristmill:diff",
        ("one", "other"), errors=(Invalid, NotFound),
    ),
    Verb(
        "sweep", "gristmill.sweeps:sweep", "POST sweeps", "gristmill:sweep",
        ("name", "parameters", "metric", "maximize", "method", "trials", "seed", "params",
         "steps", "workers", "prune", "resume"),
        errors=(Cancelled, Conflict, Invalid, NotFound),
        rest_lacks=("seed", "params", "steps", "workers", "prune", "resume"),  # sweeps/NAME.yaml
    ),
    Verb("sweep list", "gristmill.sweeps:list_sweeps", "GET sweeps", "gristmill:open-runs"),
    Verb(
        "sweep show", "gristmill.sweeps:load_sweep", "GET sweeps/{name}", "gristmill:open-runs",
        ("name",), errors=(Invalid, NotFound),
    ),
    Verb(
        "sweep apply", "gristmill.sweeps:apply_sweep", "POST sweeps/{name}/apply",
        "gristmill:sweep-apply", ("name", "trial"), errors=(Conflict, Invalid, NotFound),
    ),
    Verb(
        Absent("A notebook calls it inside a trial."), "gristmill.sweeps:report",
        Absent("A notebook calls it inside a trial."),
        Absent("A notebook calls it inside a trial."), ("step", "value"),
    ),
)  # fmt: skip

MODELS = (
    Verb(
        "model register", "gristmill.registry:register", "POST models/{model}/register",
        "gristmill:register", ("model",), "register", MODEL_ERRORS, "register",
    ),
    Verb(
        "model register --run", "gristmill.registry:register_run", "POST models/{model}/register",
        "gristmill:register", ("model", "run"), "register", MODEL_ERRORS, "register",
    ),
    Verb(
        "model list", "gristmill.registry:list_versions", "GET models", "gristmill:open-models",
        ("model",), "read", MODEL_ERRORS, rest_lacks=("model",),  # the panel shows all
    ),
    Verb(
        "model show", "gristmill.registry:show_version", "GET models/{model}/versions/{version}",
        "gristmill:open-models", ("model", "version"), "read", MODEL_ERRORS,
    ),
    Verb(
        "model gate", "gristmill.registry:gate", "POST models/{model}/gate", "gristmill:gate",
        ("model", "version", "against"), "register", MODEL_ERRORS, "gate",
    ),
    Verb(
        "model promote", "gristmill.registry:promote", "POST models/{model}/promote",
        "gristmill:promote", ("model", "version", "alias", "reason", "expected", "override"),
        "promote", (*MODEL_ERRORS, Conflict, GateFailed), "promote",
    ),
    Verb(
        "model rollback", "gristmill.registry:rollback", "POST models/{model}/rollback",
        "gristmill:rollback", ("model", "reason", "alias"),
        "promote", (*MODEL_ERRORS, Conflict), "rollback",
    ),
    Verb(
        "model request", "gristmill.registry:request_approval", "POST models/{model}/request",
        "gristmill:request", ("model", "version", "reason"),
        "register", (*MODEL_ERRORS, GateFailed), "request",
    ),
    *(
        Verb(
            f"model {decision}", "gristmill.registry:decide", "POST models/{model}/decision",
            f"gristmill:{decision}", ("model", "version", "reason", "report"),
            "approve", (*MODEL_ERRORS, Conflict, GateFailed), decision,
        )
        for decision in ("approve", "reject")
    ),
    Verb(
        "model waiting", "gristmill.registry:open_requests", "GET models",
        "gristmill:open-models", (), "read", MODEL_ERRORS,
    ),
    Verb(
        "model compare", "gristmill.registry:compare", "GET models/{model}/compare",
        "gristmill:compare", ("model", "versions"), "read", MODEL_ERRORS,
    ),
    Verb(
        "model card", "gristmill.registry:card", "GET models/{model}/versions/{version}/card",
        "gristmill:open-models", ("model", "version", "as_html"), "read", MODEL_ERRORS,
    ),
    Verb(
        "model reproduce", "gristmill.registry:reproduce", "POST models/{model}/reproduce",
        "gristmill:open-models", ("model", "version", "keep"),
        "read", MODEL_ERRORS, in_background=True,
    ),
    Verb(
        "model champion", "gristmill.registry:champion", "GET models/{model}/champion",
        "gristmill:open-models", ("model", "at"), "read", MODEL_ERRORS,
    ),
    Verb(
        "model contract", "gristmill.registry:infer_contract", "POST models/{model}/contract",
        NO_PANEL, ("model",), errors=(*MODEL_ERRORS, Conflict),
    ),
    Verb(
        "model history", "gristmill.registry:history", "GET audit/log", "gristmill:open-models",
        ("model",), "read", MODEL_ERRORS,
    ),
    Verb("audit verify", "gristmill.registry:audit", "GET audit", NO_PANEL, (), "read"),
    Verb(
        "audit log", "gristmill.registry:history", "GET audit/log", NO_PANEL,
        ("model", "actions"), "read", MODEL_ERRORS,
    ),
    Verb(
        "audit keys", "gristmill.registry:signing_keys", "GET audit/keys", NO_PANEL,
        errors=(Unavailable,),
    ),
)  # fmt: skip

SERVING = (
    Verb(
        "serve", "gristmill.serving:serve", BLOCKS, BLOCKS, ("model", "port", "workers"),
        "deploy", (*MODEL_ERRORS, Conflict),
    ),
    Verb(
        "score", "gristmill.serving:score", "POST models/{model}/score", NO_PANEL,
        ("model", "source", "target", "version", "log", "checked"),
        "read", MODEL_ERRORS, in_background=True,
    ),
)  # fmt: skip

MONITORING = (
    Verb(
        "monitor", "gristmill.monitoring:monitor", "POST models/{model}/monitor",
        "gristmill:monitor", ("model", "now", "window", "start"),
        errors=MODEL_ERRORS, emits="alert", in_background=True,
    ),
    Verb(
        "monitor --repair", "gristmill.monitoring:repair", "POST models/{model}/repair",
        "gristmill:repair", ("model", "now"), "promote",
        (*MODEL_ERRORS, Conflict), "promote", in_background=True,
    ),
    Verb(
        "monitor --drill-down", "gristmill.monitoring:drill_down",
        "POST models/{model}/drill-down", "gristmill:open-alerts", ("model", "window"),
        errors=(*MODEL_ERRORS, Conflict), in_background=True,
    ),
    Verb(
        "alerts", "gristmill.monitoring:alerts", "GET alerts", "gristmill:open-alerts",
        ("model", "all"), "read", (NotFound, Forbidden),
    ),
    Verb(
        "alerts acknowledge", "gristmill.monitoring:acknowledge", "POST alerts/{alert}/acknowledge",
        "gristmill:acknowledge", ("alert", "reason"), "approve", (NotFound, Conflict, Forbidden),
        "alert",
    ),
    Verb(
        "alerts snooze", "gristmill.monitoring:snooze", "POST alerts/{alert}/snooze",
        "gristmill:snooze", ("alert", "until", "reason"), "approve",
        (Invalid, NotFound, Conflict, Forbidden), "alert",
    ),
    Verb(
        "alerts resolve", "gristmill.monitoring:resolve_alert", "POST alerts/{alert}/resolve",
        "gristmill:resolve", ("alert", "reason"), "approve",
        (Invalid, NotFound, Conflict, Forbidden), "alert",
    ),
    Verb(
        "dashboard", Absent("It runs until it is stopped."), "GET dashboard",
        "gristmill:dashboard",
    ),
    Verb(
        "dashboard --export", "gristmill.dashboards:export_dashboard",
        "POST models/{model}/dashboard/export", NO_PANEL, ("model", "target"),
        errors=(NotFound, Unavailable),
    ),
    Verb(
        "dashboard --mail", "gristmill.dashboards:mail_dashboard",
        "POST models/{model}/dashboard/mail", NO_PANEL, ("model", "route"),
        errors=(NotFound, Unavailable),
    ),
)  # fmt: skip

VERBS = (*PROJECT, *STEPS, *RUNS, *MODELS, *SERVING, *MONITORING)
