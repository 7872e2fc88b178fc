"""What a swept parameter may be: choices or a range. Pure."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gristmill.errors import Invalid
from gristmill.pipeline import StepSpec, ValueType

RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+?)(?::(?P<scale>[^:]+))?")
HINT = "Write values as 1,2,3 or a range as 10..100, 10..100:10 (step) or 0.001..1:log."
MAX_VALUES = 100_000


@dataclass(frozen=True)
class Space:
    """Either `choices`, or every number from `low` to `high` (`step` apart; on a `log` scale)."""

    choices: tuple[Any, ...] = ()
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether the range is of integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def values(self) -> tuple[Any, ...] | None:
        """Every value, None when the range is continuous."""
        if self.choices:
            return self.choices
        assert self.low is not None
        assert self.high is not None
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return None
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        if count > MAX_VALUES:
            return None
        values = (self.low + i * step for i in range(count))
        return tuple(int(v) if self.whole else round(v, 12) for v in values)

    def draw(self, generator: random.Random) -> Any:
        """A random value, uniform (on the log scale with `log`)."""
        values = self.values()
        if values is not None:
            return generator.choice(values)
        assert self.low is not None
        assert self.high is not None
        if self.log:
            value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = generator.uniform(self.low, self.high)
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else value


def read_space(given: Any, step: StepSpec, name: str, where: str) -> Space:
    """A space from a list, a mapping (`low`, `high`, `step`, `log`) or the text of `-p`.

    Every value is checked against the parameter's type. Raises Invalid.
    """
    declared = next((p.type for p in step.parameters if p.name == name), None)
    if declared is None:
        step.resolve({name: None}, where)
    assert declared is not None
    if isinstance(given, str):
        given = _from_text(given, declared, f"{where}: {step.name}.{name}")
    if isinstance(given, Mapping) and declared.kind != "dict":
        space = _range(given, f"{where}: {step.name}.{name}")
        ends = [space.low, space.high, *([space.step] if space.step else [])]
    elif isinstance(given, list | tuple):
        space = Space(choices=tuple(given))
        ends = list(given)
    else:
        space = Space(choices=(given,))
        ends = [given]
    if not ends:
        raise Invalid(
            "sweep.empty", f"{where}: {step.name}.{name} has no values to try.", hint=HINT
        )
    for value in ends:
        step.resolve({name: value}, where)
    return space


def _from_text(text: str, declared: ValueType, where: str) -> Any:
    match = RANGE.fullmatch(text)
    try:
        if match and declared.kind != "str":
            scale = match["scale"]
            bounds = {k: declared.parse(match[k].strip()) for k in ("low", "high")}
            if scale == "log":
                return {**bounds, "log": True}
            return bounds | ({"step": declared.parse(scale)} if scale else {})
        return [declared.parse(part.strip()) for part in text.split(",")]
    except ValueError:
        raise Invalid("sweep.values", f"{where} = {text!r} is not {declared}.", hint=HINT) from None


def _range(given: Mapping[str, Any], where: str) -> Space:
    keys = {f.name for f in fields(Space)} - {"choices"}
    unknown = set(given) - keys
    numbers = {k: v for k, v in given.items() if k != "log"}
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(
                "sweep.range", f"{where}: {key} is {value!r}, which is not a number.", hint=HINT
            )
    if unknown or not {"low", "high"} <= set(given):
        raise Invalid(
            "sweep.range",
            f"{where}: a range has low and high, and may have step or log; this has "
            f"{', '.join(map(str, given)) or 'nothing'}.",
        )
    space = Space((), given["low"], given["high"], given.get("step"), bool(given.get("log")))
    assert space.low is not None
    assert space.high is not None
    if space.low > space.high or (space.step is not None and space.step <= 0):
        raise Invalid(
            "sweep.range", f"{where}: the range {space.low} to {space.high} is empty.", hint=HINT
        )
    if space.log and (space.low <= 0 or space.step):
        raise Invalid(
            "sweep.range", f"{where}: a log scale begins above 0 and has no step.", hint=HINT
        )
    return space


def grid(spaces: Mapping[str, Space]) -> Iterator[dict[str, Any]]:
    """Every combination, the last parameter changing fastest. Raises Invalid for a continuous
    range."""
    axes = []
    for name, space in spaces.items():
        values = space.values()
        if values is None:
            raise Invalid(
                "sweep.continuous",
                f"{name} goes from {space.low} to {space.high}: a grid needs a step.",
                hint="Give the range a step, list values, or use --method random or optuna.",
            )
        axes.append(values)
    return (dict(zip(spaces, point, strict=True)) for point in itertools.product(*axes))


def random_point(spaces: Mapping[str, Space], seed: int, number: int) -> dict[str, Any]:
    """The random point of trial `number`: the same for a seed, whatever ran before it."""
    generator = random.Random(f"{seed}:{number}")  # noqa: S311  # not for secrets
    return {name: space.draw(generator) for name, space in spaces.items()}
