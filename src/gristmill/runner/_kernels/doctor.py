"""How do kernels start here, forked or fresh, and why?"""

from __future__ import annotations

from pathlib import Path

from gristmill.project import STATE, find_root
from gristmill.runner._kernels.parked import ParkedKernels
from gristmill.warm import Check, diagnose


def doctor(cwd: Path | None = None, kernel_name: str = "python3") -> list[Check]:
    """Check everything that decides how kernels start. Starts nothing.

    Parameters
    ----------
    cwd
        Where kernels would start; the working directory when None.
    kernel_name
        The kernelspec.

    Returns
    -------
    list
        The conclusion first, `kernels`: warm or fresh; then what it follows from, and the project's
        parked kernels.
    """
    cwd = cwd or Path.cwd()
    checks = [*diagnose(cwd, kernel_name), *_parked(cwd)]
    problem = next((check for check in checks if not check.ok), None)
    if problem is None:
        return [Check("kernels", True, "warm: forked from a server"), *checks]
    return [Check("kernels", False, f"fresh: {problem.detail}", problem.hint), *checks]


def _parked(cwd: Path) -> list[Check]:
    root = find_root(cwd.resolve())
    return [
        Check(
            "parked",
            True,
            f"pid {kernel.pid} waits where step {kernel.step} failed",
            f"Go on with `gristmill resume {kernel.step}`, or end it with "
            f"`gristmill open {kernel.step} --close`.",
        )
        for kernel in (ParkedKernels(root / STATE).all() if root else [])
    ]
