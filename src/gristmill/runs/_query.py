"""`metrics.roc_auc > 0.7 and params.train.trees = 80` as conditions, and as MLflow's filter."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import Invalid

KEY = r"[\w.\-/ ]*[\w\-/]"
CONDITION = re.compile(
    rf"""\s*(?P<key>`{KEY}`|[\w.\-/]+)\s*
    (?P<op>>=|<=|!=|=|>|<|\bi?like\b)\s*
    (?P<value>'[^']*'|"[^"]*"|[^\s'"]+)\s*(?:(?P<and>\band\b)|$)""",
    re.VERBOSE | re.IGNORECASE,
)
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge, "<": operator.lt,
    "<=": operator.le,
}  # fmt: skip
WORDS = {
    "status": "attributes.status",
    "run": "tags.`gristmill.run`",
    "trigger": "tags.`gristmill.trigger`",
    "set": "tags.`gristmill.params`",
    "commit": "tags.`gristmill.commit`",
    "author": "tags.`gristmill.author`",
}
MLFLOW_STATUS = {
    "succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED", "running": "RUNNING",
    "waiting": "SCHEDULED",
}  # fmt: skip
EXAMPLE = "For example: metrics.roc_auc > 0.7 and params.train.trees = 80 and status = succeeded."


@dataclass(frozen=True)
class Condition:
    """`kind` is metrics, params, tags or a word like status; `name` what follows its dot."""

    kind: str
    name: str
    op: str
    value: str

    @property
    def key(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else self.kind

    @property
    def ours(self) -> bool:
        """Whether MLflow cannot judge it: it keeps parameters as text."""
        return self.kind == "params" and self.op in {"<", "<=", ">", ">="}

    def filter(self) -> str:
        """In MLflow's language."""
        if self.kind == "metrics":
            return f"metrics.`{self.name}` {self.op} {_number(self.value, self.key)!r}"
        if self.kind in {"params", "tags"}:
            return f"{self.kind}.`{self.name}` {self.op} '{self.value}'"
        value = (
            MLFLOW_STATUS.get(self.value, self.value.upper())
            if self.kind == "status"
            else self.value
        )
        return f"{WORDS[self.kind]} {self.op} '{value}'"

    def holds(self, params: Mapping[str, str]) -> bool:
        """Judge an order between numbers; text and absent parameters fail it."""
        limit = _number(self.value, self.key)
        try:
            return ORDER[self.op](float(params[self.name]), limit)
        except (KeyError, ValueError):
            return False


def parse_where(text: str) -> tuple[Condition, ...]:
    """The conditions of a `--where`; raises Invalid naming what is not understood."""
    found: list[Condition] = []
    at = 0
    while at < len(text) or not found:
        match = CONDITION.match(text, at)
        if match is None or (match["and"] and match.end() == len(text)):
            raise Invalid(
                "runs.where",
                f"not understood: `{text[at:].strip() or text}`.",
                hint=EXAMPLE,
            )
        at = match.end()
        kind, name = split_key(match["key"].strip("`"))
        op = match["op"].upper()
        value = match["value"]
        value = value[1:-1] if value[0] in "'\"" else value
        if op in {"LIKE", "ILIKE"} and kind == "metrics":
            raise Invalid("runs.where", f"metrics are numbers: `{match[0].strip()}`.", hint=EXAMPLE)
        if "'" in value or "`" in value:
            raise Invalid("runs.where", f"{value!r} holds a quote, which cannot be searched for.")
        condition = Condition(kind, name, op, value)
        if kind == "metrics" or condition.ours:
            _number(value, condition.key)
        found.append(condition)
    return tuple(found)


def split_key(key: str) -> tuple[str, str]:
    """`metrics.evaluate.roc_auc` -> (`metrics`, `evaluate.roc_auc`); a known word alone has no
    name. Raises Invalid for anything else."""
    kind, dot, name = key.partition(".")
    if (kind in {"metrics", "params", "tags"} and name) or (kind in WORDS and not dot):
        return kind, name
    raise Invalid(
        "runs.key",
        f"`{key}` names nothing of a run.",
        hint=f"Use metrics.NAME, params.STEP.NAME, tags.NAME or one of: {', '.join(WORDS)}.",
    )


def _number(text: str, key: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid("runs.where", f"{key} is compared with {text!r}, no number.") from None
