"""`metrics.roc_auc > 0.7 and params.train.trees = 80` as conditions, and as MLflow's filter."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import Invalid
from gristmill.tracking import to_mlflow_status

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
ATTRIBUTES = {
    "status": "attributes.status",
    "run": "tags.`gristmill.run`",
    "trigger": "tags.`gristmill.trigger`",
    "set": "tags.`gristmill.params`",
    "commit": "tags.`gristmill.commit`",
    "author": "tags.`gristmill.author`",
}
EXAMPLE = "For example: metrics.roc_auc > 0.7 and params.train.trees = 80 and status = succeeded."


@dataclass(frozen=True)
class Condition:
    """`kind` is metrics, params, tags or an attribute like status; `name` what follows its dot."""

    kind: str
    name: str
    op: str
    value: str

    @property
    def key(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else self.kind

    @property
    def is_local(self) -> bool:
        """Whether MLflow cannot evaluate it: it keeps parameters as text."""
        return self.kind == "params" and self.op in {"<", "<=", ">", ">="}

    def filter(self) -> str:
        """In MLflow's language."""
        if self.kind == "metrics":
            return f"metrics.`{self.name}` {self.op} {_number(self.value, self.key)!r}"
        if self.kind in {"params", "tags"}:
            return f"{self.kind}.`{self.name}` {self.op} '{self.value}'"
        value = to_mlflow_status(self.value) if self.kind == "status" else self.value
        return f"{ATTRIBUTES[self.kind]} {self.op} '{value}'"

    def holds(self, params: Mapping[str, str]) -> bool:
        """Evaluate an order between numbers; text and absent parameters fail it."""
        limit = _number(self.value, self.key)
        try:
            return ORDER[self.op](float(params[self.name]), limit)
        except (KeyError, ValueError):
            return False


def parse_where(text: str) -> tuple[Condition, ...]:
    """The conditions of a `--where`.

    Parameters
    ----------
    text
        Conditions joined by `and`.

    Raises
    ------
    Invalid
        `runs.where` or `runs.key`, naming what is not understood.
    """
    conditions: list[Condition] = []
    at = 0
    while at < len(text) or not conditions:
        match = CONDITION.match(text, at)
        if match is None or (match["and"] and match.end() == len(text)):
            raise Invalid(
                "runs.where",
                f"Not a condition: `{text[at:].strip() or text}`.",
                hint=EXAMPLE,
            )
        at = match.end()
        kind, name = split_key(match["key"].strip("`"))
        op = match["op"].upper()
        value = match["value"]
        value = value[1:-1] if value[0] in "'\"" else value
        if op in {"LIKE", "ILIKE"} and kind == "metrics":
            raise Invalid(
                "runs.where",
                f"A metric is a number and cannot be matched by a pattern: `{match[0].strip()}`.",
                hint=EXAMPLE,
            )
        if "'" in value or "`" in value:
            raise Invalid(
                "runs.where", f"{value!r} contains a quote, which cannot be searched for."
            )
        condition = Condition(kind, name, op, value)
        if kind == "metrics" or condition.is_local:
            _number(value, condition.key)
        conditions.append(condition)
    return tuple(conditions)


def split_key(key: str) -> tuple[str, str]:
    """The kind and the name of a key: `metrics.evaluate.roc_auc` is (`metrics`,
    `evaluate.roc_auc`).

    Parameters
    ----------
    key
        A metric, parameter or tag with its prefix, or an attribute like `status`, which has no
        name.

    Raises
    ------
    Invalid
        `runs.key`, for anything else.
    """
    kind, dot, name = key.partition(".")
    if (kind in {"metrics", "params", "tags"} and name) or (kind in ATTRIBUTES and not dot):
        return kind, name
    raise Invalid(
        "runs.key",
        f"`{key}` is not a key of runs.",
        hint=f"Use metrics.NAME, params.STEP.NAME, tags.NAME or one of: {', '.join(ATTRIBUTES)}.",
    )


def _number(text: str, key: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid(
            "runs.where", f"{key} is compared with {text!r}, which is not a number."
        ) from None
