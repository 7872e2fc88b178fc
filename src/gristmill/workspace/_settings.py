"""What `gristmill.toml` says about runs: the tables `[steps.NAME]` and `[run]`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gristmill.errors import Invalid, NotFound
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table, unknown_key

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
BYTES |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
"""What numerical libraries read at their import to size their thread pools."""

Resources = Mapping[str, int]


@dataclass(frozen=True)
class StepSettings:
    """A `[steps.NAME]` table, as written.

    The step begins when the `cpus`, `memory` and `gpus` that it occupies are free.

    Attributes
    ----------
    cpus
        How many it occupies, and how many threads its libraries get (THREADS); 1 and no limit
        of threads when None.
    memory
        How much it occupies, for example "4GB".
    gpus
        How many it occupies.
    retries
        How often a failed step is tried again.
    backoff
        The wait before the first retry, for example "1s"; it doubles each time.
    timeout
        The limit of one attempt, None for none.
    cell_timeout
        The limit of each cell, None for none.
    tags
        Names that `gristmill run --tag` selects steps by.
    approval
        A model; the step begins when its reviewers have approved it.
    """

    cpus: int | None = None
    memory: str = "0"
    gpus: int = 0
    retries: int = 0
    backoff: str = "1s"
    timeout: str | None = None
    cell_timeout: str | None = None
    tags: tuple[str, ...] = ()
    approval: str = ""


@dataclass(frozen=True)
class RunSettings:
    """The `[run]` table.

    Attributes
    ----------
    workers
        Steps at once; as many as cpus when None.
    cpus
        Cpus for all steps; what this process may use when None.
    memory
        Memory for all steps, for example "16GB"; the machine's when None.
    gpus
        Gpus for all steps; the visible ones when None.
    pull
        Whether to fetch from the DVC remote what is missing here.
    """

    workers: int | None = None
    cpus: int | None = None
    memory: str | None = None
    gpus: int | None = None
    pull: bool = False


@dataclass(frozen=True)
class StepPolicy:
    """`StepSettings` as numbers.

    Attributes
    ----------
    cpus
        Cpus that it occupies.
    memory
        Bytes that it occupies.
    gpus
        Gpus that it occupies.
    retries
        How often a failed step is tried again.
    backoff
        Seconds before the first retry.
    timeout
        Seconds for one attempt.
    cell_timeout
        Seconds for each cell.
    tags
        Names that select steps.
    approval
        A model whose approval it needs, "" for none.
    """

    cpus: int | None = None
    memory: int = 0
    gpus: int = 0
    retries: int = 0
    backoff: float = 1.0
    timeout: float | None = None
    cell_timeout: float | None = None
    tags: tuple[str, ...] = ()
    approval: str = ""

    @property
    def demand(self) -> Resources:
        """What the step occupies while it runs."""
        cpus = 1 if self.cpus is None else self.cpus
        return {"workers": 1, "cpus": cpus, "memory": self.memory, "gpus": self.gpus}

    def threads(self) -> dict[str, str]:
        """The environment that holds the step's libraries to its `cpus`; the user's own wins."""
        if self.cpus is None:
            return {}
        return {name: str(max(1, self.cpus)) for name in THREADS if name not in os.environ}


def step_policies(project: Project, steps: Iterable[str]) -> dict[str, StepPolicy]:
    """The policy of every step. Raises Invalid for an unknown step or key and a bad value."""
    names = set(steps)
    tables = project.table("steps")
    for name in tables:
        if name not in names:
            raise unknown_key(name, names, f"{SETTINGS} [steps]")
    return {n: _policy(project, n) if n in tables else StepPolicy() for n in names}


def _policy(project: Project, step: str) -> StepPolicy:
    where = f"{SETTINGS} [steps.{step}]"
    raw = parse_table(StepSettings, project.table("steps", step), where)
    for key in ("cpus", "gpus", "retries"):
        _not_negative(getattr(raw, key), f"{where} {key}")
    return StepPolicy(
        cpus=raw.cpus,
        memory=parse_bytes(raw.memory, f"{where} memory"),
        gpus=raw.gpus,
        retries=raw.retries,
        backoff=parse_seconds(raw.backoff, f"{where} backoff"),
        timeout=_limit(raw.timeout, f"{where} timeout"),
        cell_timeout=_limit(raw.cell_timeout, f"{where} cell_timeout"),
        tags=raw.tags,
        approval=raw.approval,
    )


def _limit(text: str | None, where: str) -> float | None:
    if text is None:
        return None
    seconds = parse_seconds(text, where)
    if seconds == 0:
        raise Invalid(
            "settings.value",
            f"{where}: a limit of 0 leaves no time to run.",
            hint="Remove it for no limit.",
        )
    return seconds


def _not_negative(value: int | None, where: str) -> None:
    if value is not None and value < 0:
        raise Invalid("settings.value", f"{where} = {value} is negative.", hint="Use 0 or more.")


def steps_with_tags(policies: Mapping[str, StepPolicy], tags: Iterable[str]) -> list[str]:
    """The steps that carry tags.

    Parameters
    ----------
    policies
        The policy of every step.
    tags
        Tags.

    Returns
    -------
    list of str
        Steps that carry one of them.

    Raises
    ------
    NotFound
        `tag.not-found`, for a tag that no step has.
    """
    names: list[str] = []
    for tag in tags:
        steps = [name for name, policy in policies.items() if tag in policy.tags]
        if not steps:
            known = ", ".join(sorted({t for p in policies.values() for t in p.tags})) or "none"
            raise NotFound(
                "tag.not-found",
                f"no step has the tag `{tag}`.",
                hint=f"Tags in {SETTINGS} [steps.NAME]: {known}.",
            )
        names += steps
    return names


def run_settings(project: Project) -> RunSettings:
    """The `[run]` table.

    Parameters
    ----------
    project
        The project.

    Returns
    -------
    RunSettings
        What it says, or the defaults.

    Raises
    ------
    Invalid
        For an unknown key or a bad value.
    """
    where = f"{SETTINGS} [run]"
    settings = parse_table(RunSettings, project.table("run"), where)
    for key in ("workers", "cpus", "gpus"):
        _not_negative(getattr(settings, key), f"{where} {key}")
    return settings


def parse_seconds(text: str, where: str) -> float:
    """`90s`, `1.5m`, `2h`, `1d` in seconds. Raises Invalid naming `where`."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhd])", text)
    if match is None:
        raise Invalid(
            "settings.duration",
            f"{where}: {text!r} is not a duration.",
            hint="Use seconds, minutes, hours or days: 90s, 30m, 2h or 1d.",
        )
    return float(match[1]) * SECONDS[match[2]]


def parse_bytes(text: str, where: str) -> int:
    """`4GB`, `512 MiB` in bytes. Raises Invalid naming `where`."""
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)\s*([KMGT]I?B|)", text.upper())
    if match is None:
        raise Invalid(
            "settings.size",
            f"{where}: {text!r} is not a size.",
            hint="Use for example 512MB or 4GB.",
        )
    return int(float(match[1]) * BYTES[match[2]])
