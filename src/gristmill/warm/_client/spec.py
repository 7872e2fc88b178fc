"""What tells one fork server from another.

A server is named by `slot-key`: the slot is the project, interpreter and start conditions, the key
adds the environment's lock file and the modules to import.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_VARIABLES = re.compile(
    r"PYTHON[A-Z0-9_]*$"
    r"|(OMP|OPENBLAS|GOTO|BLIS|MKL|KMP|GOMP|LIBOMP|VECLIB|NUMEXPR|NUMBA|NUMPY|NPY|LD|MALLOC|GLIBC|LC"
    r"|CUDA|NVIDIA|TF|TORCH|PYTORCH|KERAS|JAX|XLA|POLARS|SKLEARN|SCIPY|PANDAS|ARROW|JOBLIB|LOKY)_"
    r"|XDG_(CACHE|CONFIG|DATA|STATE)_"
    r"|(LANG|LANGUAGE|HOME|VIRTUAL_ENV|MPLCONFIGDIR|MATPLOTLIBRC)$"
)
"""Variables that are read when the interpreter starts or a library is imported. No others count: a
child gets the whole environment of who asks for it."""

HARMLESS_VARIABLES = re.compile(
    r"PATH|TMPDIR|USER|LOGNAME|SHELL|TZ|CONDA_PREFIX|GIT_PYTHON_REFRESH|COVERAGE_(PROCESS_\w+|FILE)"
)
"""Variables without a secret that an import may need besides, or coverage.py to trace it."""

SET_BY_IMPORTS = frozenset({("KMP_DUPLICATE_LIB_OK", "True"), ("KMP_INIT_AT_FORK", "FALSE")})
"""What scikit-learn sets when it is imported, there as here: no reason for a second server."""


@dataclass(frozen=True)
class ServerSpec:
    """What a fork server is.

    Attributes
    ----------
    python
        The interpreter and its options.
    preload
        Names of modules to import.
    environment
        What changes with the installed packages, such as the hash of a lock file.
    project
        Whose kernels it forks.
    env
        The server's environment.
    own
        A package that it imports even from a folder where it is edited; `environment` must then
        change with its code.
    """

    python: tuple[str, ...]
    preload: tuple[str, ...]
    environment: str
    project: str
    env: Mapping[str, str]
    own: str = ""

    @property
    def name(self) -> str:
        slot = _digest([self.project, *self.python, *_circumstances(self.env)])
        key = _digest([slot, self.environment, *self.preload])
        return f"{slot}-{key}"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _circumstances(env: Mapping[str, str]) -> list[str]:
    """What a child inherits from its server and cannot change, so that it must be equal."""
    facts = [
        f"{name}={value}"
        for name, value in sorted(env.items())
        if START_VARIABLES.match(name) and (name, value) not in SET_BY_IMPORTS
    ]
    facts.append(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    facts += [os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "pid", "net", "user")]
    facts.append(str(os.nice(0)))
    facts += [str(resource.getrlimit(number)[1]) for number in limit_names()]
    modules = (Path(__file__).parents[1] / "_server").glob("*.py")
    facts.append(str(max(module.stat().st_mtime_ns for module in modules)))
    return facts


def limit_names() -> list[int]:
    """Every resource limit this system has."""
    return [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


def child_message(
    mode: str, argv: list[str], cwd: str, env: dict[str, str], *, independent: bool = False
) -> dict[str, Any]:
    """The fork request: what a process started here would inherit from this one."""
    mask = os.umask(0o077)
    os.umask(mask)
    return {
        "op": "fork",
        "mode": mode,
        "argv": argv,
        "cwd": cwd,
        "env": env,
        "independent": independent,
        "umask": mask,
        "nice": os.nice(0),
        "affinity": sorted(os.sched_getaffinity(0)),
        "limits": {str(number): resource.getrlimit(number) for number in limit_names()},
    }


def start_environment(env: Mapping[str, str], cwd: str) -> dict[str, str]:
    """What of `env` a server starts with: no secret of its first caller, for later children to see.

    It does not start in `cwd`, so its PYTHONPATH is made absolute.
    """
    kept = {
        name: value
        for name, value in env.items()
        if START_VARIABLES.match(name) or HARMLESS_VARIABLES.fullmatch(name)
    }
    if kept.get("PYTHONPATH"):
        parts = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(os.path.join(cwd, part) for part in parts)
    return kept
