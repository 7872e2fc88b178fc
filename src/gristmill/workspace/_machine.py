"""What the machine has for steps, and who has which gpu."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gristmill.errors import Invalid
from gristmill.project import SETTINGS
from gristmill.workspace._settings import Resources, RunSettings, StepPolicy, parse_bytes


def capacity(settings: RunSettings, workers: int) -> Resources:
    """What there is for steps: `[run]` goes before what this process may use of the machine.

    Parameters
    ----------
    settings
        The `[run]` table.
    workers
        Steps at once, 0 for the settings'. More workers than cpus means more cpus: whoever asks
        for that oversubscribes on purpose.

    Returns
    -------
    dict
        workers, cpus, memory in bytes, gpus.

    Raises
    ------
    Invalid
        For a bad size.
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


def require_fit(
    policies: Mapping[str, StepPolicy], steps: Iterable[str], available: Resources
) -> None:
    """Refuse steps that could never begin.

    Parameters
    ----------
    policies
        The policy of every step.
    steps
        The steps of the run.
    available
        What there is for steps.

    Raises
    ------
    Invalid
        `step.too-big`, naming the first such step.
    """
    for step in steps:
        for name, amount in policies[step].demand.items():
            if amount > available[name]:
                size = _gigabytes if name == "memory" else str
                raise Invalid(
                    "step.too-big",
                    f"{step} needs {size(amount)} {name}, but there are {size(available[name])}.",
                    hint=f"Lower {name} in {SETTINGS} [steps.{step}], or raise [run] {name}.",
                )


def _gigabytes(amount: int) -> str:
    return f"{amount / 1e9:.3g} GB of"


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


class GpuPool:
    """Which step has which gpu: steps at once see different ones.

    Parameters
    ----------
    count
        How many there are.
    """

    def __init__(self, count: int) -> None:
        names = machine_gpus()
        self._free = list(names[:count]) if len(names) >= count else [str(i) for i in range(count)]
        self._taken: dict[str, list[str]] = {}

    def take(self, step: str, count: int) -> dict[str, str]:
        """Assign gpus to a step.

        Parameters
        ----------
        step
            The step's name.
        count
            How many.

        Returns
        -------
        dict
            The environment that shows them; empty for none.
        """
        if not count:
            return {}
        self._taken[step] = [self._free.pop(0) for _ in range(count)]
        return {"CUDA_VISIBLE_DEVICES": ",".join(self._taken[step])}

    def give_back(self, step: str) -> None:
        """Free a step's gpus.

        Parameters
        ----------
        step
            The step's name.
        """
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
