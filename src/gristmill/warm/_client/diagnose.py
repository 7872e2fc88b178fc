"""Can kernels be forked here, and if not, why?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import GristmillError

PROVISIONER = "gristmill-warm"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at, in a word.
    ok
        False when it keeps kernels from being forked.
    detail
        How things are.
    hint
        What to do, if there is anything to do.
    """

    name: str
    ok: bool
    detail: str
    hint: str = ""


def diagnose(cwd: Path, kernel_name: str = "python3") -> list[Check]:
    """Check the platform, the sockets' folder, the kernelspec and running servers. Starts nothing.

    Parameters
    ----------
    cwd
        The kernel's working directory.
    kernel_name
        The kernelspec.
    """
    platform = _platform()
    if not platform.ok:
        return [platform]
    return [platform, _runtime(), _kernelspec(kernel_name), _matplotlibrc(cwd), *_servers()]


def _platform() -> Check:
    if sys.platform != "linux":
        return Check("platform", False, f"{sys.platform} cannot fork safely; only Linux can")
    if not hasattr(os, "pidfd_open"):
        return Check("platform", False, "this Python has no os.pidfd_open", "Use Python >= 3.9.")
    return Check("platform", True, "Linux with pidfd")


def _runtime() -> Check:
    from gristmill.warm._client.runtime import runtime_dir

    try:
        return Check("sockets", True, f"{runtime_dir()} is closed to other users")
    except GristmillError as error:
        return Check("sockets", False, error.message, error.hint)
    except OSError as error:
        return Check(
            "sockets", False, str(error), "Set GRISTMILL_RUNTIME_DIR to a folder of your own."
        )


def _kernelspec(name: str) -> Check:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    from gristmill.warm._client.provisioner import NotWarm, parse_command

    try:
        spec = KernelSpecManager().get_kernel_spec(name)
        command = list(spec.argv)
        if command[0] in {"python", "python3"}:
            command[0] = sys.executable
        python, _ = parse_command(command)
    except NoSuchKernel:
        return Check("kernel", False, f"no kernel `{name}` is installed", "Install ipykernel.")
    except NotWarm as why:
        return Check("kernel", False, str(why))
    chosen = spec.metadata.get("kernel_provisioner", {}).get("provisioner_name", PROVISIONER)
    if chosen != PROVISIONER:
        return Check("kernel", False, f"the kernelspec `{name}` asks for provisioner `{chosen}`")
    return Check("kernel", True, f"{name}: {' '.join(python)}")


def _matplotlibrc(cwd: Path) -> Check:
    path = cwd / "matplotlibrc"
    if path.exists():
        return Check("matplotlib", False, f"{path} is read when matplotlib is imported")
    return Check("matplotlib", True, "no matplotlibrc in the working directory")


def _servers() -> list[Check]:
    from gristmill.warm._client.servers import servers

    try:
        running = servers()
    except (GristmillError, OSError):
        return []
    if not running:
        return [Check("server", True, "none is running; the first kernel starts one")]
    checks = []
    for status in running:
        left_out = "; ".join(f"{name}: {why}" for name, why in status["excluded"].items())
        detail = (
            f"pid {status['pid']} for {status['project']}: {len(status['imported'])} imports, "
            f"{status['resident'] >> 20} MB, {len(status['children'])} kernels in use, "
            f"{status['forks']} forked"
        )
        if left_out:
            detail += f"; left to each kernel to import: {left_out}"
        checks.append(Check("server", True, detail))
    return checks
