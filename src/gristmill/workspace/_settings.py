"""What `gristmill.toml` says of runs: `[steps.NAME]`, `[run]`, and the machine they share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import Invalid, NotFound
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_duration, parse_table, unknown_key

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

Amounts = Mapping[str, int]


@dataclass(frozen=True)
class StepSettings:
    """A `[steps.NAME]` table, as written.

    `cpus`, `memory` ("4GB") and `gpus` are what the step occupies while it runs: it begins when
    they are free. A step that says nothing occupies one cpu; one that names `cpus` also gets that
    many threads (THREADS). `retries` is how often a failed step is tried again, after `backoff`
    and then twice as long each time. `timeout` is for all cells of one attempt, `cell_timeout`
    for each. `approval` names a model: the step begins when its reviewers have agreed to it.
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
    """The `[run]` table: `workers` at once, the machine where it is not to be detected, and whether
    to `pull` from the DVC remote what is missing here."""

    workers: int | None = None
    cpus: int | None = None
    memory: str | None = None
    gpus: int | None = None
    pull: bool = False


@dataclass(frozen=True)
class StepPolicy:
    """`StepSettings` as numbers: bytes and seconds."""

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
    def demand(self) -> Amounts:
        cpus = 1 if self.cpus is None else self.cpus
        return {"workers": 1, "cpus": cpus, "memory": self.memory, "gpus": self.gpus}

    def threads(self) -> dict[str, str]:
        """The environment that holds the step's libraries to its `cpus`; the user's own wins."""
        if self.cpus is None:
            return {}
        return {name: str(max(1, self.cpus)) for name in THREADS if name not in os.environ}


def step_policies(project: Project, steps: Iterable[str]) -> dict[str, StepPolicy]:
    """The policy of every step. Raises Invalid for an unknown step or key and a bad value."""
    known = set(steps)
    tables = project.table("steps")
    for name in tables:
        if name not in known:
            raise unknown_key(name, known, f"{SETTINGS} [steps]")
    return {n: _policy(project, n) if n in tables else StepPolicy() for n in known}


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
        backoff=parse_duration(raw.backoff, f"{where} backoff").total_seconds(),
        timeout=_limit(raw.timeout, f"{where} timeout"),
        cell_timeout=_limit(raw.cell_timeout, f"{where} cell_timeout"),
        tags=raw.tags,
        approval=raw.approval,
    )


def _limit(text: str | None, where: str) -> float | None:
    if text is None:
        return None
    seconds = parse_duration(text, where).total_seconds()
    if seconds == 0:
        raise Invalid("settings.value", f"{where}: 0 leaves no time.", hint="Leave it out.")
    return seconds


def _not_negative(value: int | None, where: str) -> None:
    if value is not None and value < 0:
        raise Invalid("settings.value", f"{where} = {value} is negative.", hint="0 or more.")


def tagged(policies: Mapping[str, StepPolicy], tags: Iterable[str]) -> list[str]:
    """The steps that carry one of `tags`. Raises NotFound for a tag that no step has."""
    found: list[str] = []
    for tag in tags:
        steps = [name for name, policy in policies.items() if tag in policy.tags]
        if not steps:
            known = ", ".join(sorted({t for p in policies.values() for t in p.tags})) or "none"
            raise NotFound(
                "tag.not-found",
                f"no step has the tag `{tag}`.",
                hint=f"Tags in {SETTINGS} [steps.NAME] tags: {known}.",
            )
        found += steps
    return found


def run_settings(project: Project) -> RunSettings:
    """The `[run]` table. Raises Invalid."""
    where = f"{SETTINGS} [run]"
    settings = parse_table(RunSettings, project.table("run"), where)
    for key in ("workers", "cpus", "gpus"):
        _not_negative(getattr(settings, key), f"{where} {key}")
    return settings


def capacity(settings: RunSettings, workers: int) -> Amounts:
    """What there is for steps: `[run]` before what this process may use of the machine.

    More workers than cpus means more cpus: whoever asks for that oversubscribes on purpose.
    """
    where = f"{SETTINGS} [run]"
    cpus = settings.cpus or machine_cpus()
    slots = workers or settings.workers or cpus
    memory = parse_bytes(settings.memory, f"{where} memory") if settings.memory else None
    return {
        "workers": slots,
        "cpus": max(cpus, slots),
        "memory": machine_memory() if memory is None else memory,
        "gpus": len(machine_gpus()) if settings.gpus is None else settings.gpus,
    }


def require_fit(policies: Mapping[str, StepPolicy], steps: Iterable[str], there: Amounts) -> None:
    """Raise Invalid when a step of `steps` could never begin."""
    for step in steps:
        for name, amount in policies[step].demand.items():
            if amount > there[name]:
                size = _gigabytes if name == "memory" else str
                raise Invalid(
                    "step.too-big",
                    f"{step} needs {size(amount)} {name}, but there are {size(there[name])}.",
                    hint=f"Lower {name} in {SETTINGS} [steps.{step}], or say what there is in "
                    f"[run] {name}.",
                )


def _gigabytes(amount: int) -> str:
    return f"{amount / 1e9:.3g} GB of"


def parse_bytes(text: str, where: str) -> int:
    """`4GB`, `512 MiB` in bytes. Raises Invalid naming `where`."""
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)\s*([KMGT]I?B|)", text.upper())
    if match is None:
        raise Invalid(
            "settings.size", f"{where}: {text!r} is no size.", hint="For example 512MB or 4GB."
        )
    return int(float(match[1]) * BYTES[match[2]])


def machine_cpus() -> int:
    """The cpus this process may use: its affinity, less where its control group grants less."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _control_group("cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        return max(1, min(allowed or 1, int(quota[0]) // int(quota[1])))
    return allowed or 1


def machine_memory() -> int:
    """Bytes of memory, less where the control group grants less."""
    import psutil

    total = int(psutil.virtual_memory().total)
    limit = _control_group("memory.max").strip()
    return min(total, int(limit)) if limit.isdigit() else total


def machine_gpus() -> tuple[str, ...]:
    """The names CUDA knows this process's devices by."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    return tuple(str(i) for i, _ in enumerate(Path("/dev").glob("nvidia[0-9]*")))


class Devices:
    """Who has which gpu: steps at once see different ones."""

    def __init__(self, count: int) -> None:
        found = machine_gpus()
        self._free = list(found[:count]) if len(found) >= count else [str(i) for i in range(count)]
        self._taken: dict[str, list[str]] = {}

    def take(self, step: str, count: int) -> dict[str, str]:
        """The environment that shows `count` gpus to a step; nothing changes for none."""
        if not count:
            return {}
        self._taken[step] = [self._free.pop(0) for _ in range(count)]
        return {"CUDA_VISIBLE_DEVICES": ",".join(self._taken[step])}

    def give_back(self, step: str) -> None:
        self._free += self._taken.pop(step, [])


def _control_group(name: str) -> str:
    try:
        own = Path("/proc/self/cgroup").read_text("ascii").rpartition("::/")[2].strip()
        for folder in (Path("/sys/fs/cgroup", own), Path("/sys/fs/cgroup")):
            if (folder / name).is_file():
                return (folder / name).read_text("ascii")
    except OSError:
        pass
    return ""
