"""Which way do kernels start here, and why?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import GristmillError
from gristmill.project import STATE, find_root
from gristmill.runner._kernels.parked import Parked


@dataclass(frozen=True)
class Finding:
    """`ok` is False when it keeps kernels from being warm; `hint` says what to do then."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def doctor(cwd: Path | None = None, kernel_name: str = "python3") -> list[Finding]:
    """Look at platform, sockets, kernelspec and running servers; starts nothing.

    Parameters
    ----------
    cwd
        Where kernels would start; the working directory when None.
    kernel_name
        The kernelspec.

    Returns
    -------
    list of Finding
        The first is the conclusion: `warm` or `fresh`.
    """
    cwd = cwd or Path.cwd()
    findings = [_platform()]
    if findings[0].ok:
        findings += [_runtime(), _kernelspec(kernel_name), _matplotlibrc(cwd), *_servers()]
    findings += _parked(cwd)
    bad = [f for f in findings if not f.ok]
    way = Finding(
        "kernels",
        not bad,
        f"fresh: {bad[0].detail}" if bad else "warm: forked from a server",
        bad[0].hint if bad else "",
    )
    return [way, *findings]


def _platform() -> Finding:
    if sys.platform != "linux":
        return Finding("platform", False, f"{sys.platform} cannot fork safely; only Linux can")
    if not hasattr(os, "pidfd_open"):
        return Finding("platform", False, "this Python has no os.pidfd_open", "Use Python >= 3.9.")
    return Finding("platform", True, "Linux with pidfd")


def _runtime() -> Finding:
    from gristmill.warm import runtime_dir

    try:
        return Finding("sockets", True, f"{runtime_dir()} is closed to other users")
    except GristmillError as error:
        return Finding("sockets", False, error.message, error.hint)
    except OSError as error:
        return Finding("sockets", False, str(error), "Set GRISTMILL_RUNTIME_DIR.")


def _kernelspec(name: str) -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    from gristmill.warm import NotWarm, parse_command

    try:
        spec = KernelSpecManager().get_kernel_spec(name)
        command = list(spec.argv)
        if command[0] in {"python", "python3"}:
            command[0] = sys.executable
        python, _ = parse_command(command)
    except NoSuchKernel:
        return Finding("kernel", False, f"no kernel {name}", "Install ipykernel.")
    except NotWarm as why:
        return Finding("kernel", False, str(why))
    chosen = spec.metadata.get("kernel_provisioner", {}).get("provisioner_name", "gristmill-warm")
    if chosen != "gristmill-warm":
        return Finding("kernel", False, f"the kernelspec {name} chooses {chosen}")
    return Finding("kernel", True, f"{name}: {' '.join(python)}")


def _matplotlibrc(cwd: Path) -> Finding:
    path = cwd / "matplotlibrc"
    if path.exists():
        return Finding("matplotlib", False, f"{path} is read when matplotlib is imported")
    return Finding("matplotlib", True, "no matplotlibrc in the working directory")


def _parked(cwd: Path) -> list[Finding]:
    root = find_root(cwd.resolve())
    return [
        Finding(
            "parked",
            True,
            f"pid {kernel.pid} waits where step {kernel.step} failed",
            f"`gristmill resume {kernel.step}`, or end it: `gristmill open {kernel.step} --close`",
        )
        for kernel in (Parked(root / STATE).all() if root else [])
    ]


def _servers() -> list[Finding]:
    from gristmill.warm import servers

    try:
        running = servers()
    except (GristmillError, OSError):
        return []
    if not running:
        return [Finding("server", True, "none is running; the first kernel starts one")]
    found = []
    for status in running:
        left_out = "; ".join(f"{name}: {why}" for name, why in status["excluded"].items())
        found.append(
            Finding(
                "server",
                True,
                f"pid {status['pid']} for {status['project']}: {len(status['imported'])} imports,"
                f" {status['resident'] >> 20} MB, {len(status['children'])} kernels in use,"
                f" {status['forks']} forked"
                + (f"; imported later: {left_out}" if left_out else ""),
            )
        )
    return found
