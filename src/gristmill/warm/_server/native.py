"""What the kernel and loaded libraries know about this process: threads, children, GPUs, memory."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PREFIXES = ("", "scipy_")
_SUFFIXES = ("", "64_", "_64", "64")


def why_unsafe() -> str:
    """Why a child forked now could hang or misbehave; empty when it could not."""
    names = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    if names:
        return f"it starts threads ({', '.join(names)})"
    strangers = unexplained_threads()
    if strangers:
        return f"it starts native threads ({', '.join(strangers)})"
    if children():
        return "it starts processes"
    if holds_gpu():
        return "it opens a GPU"
    return ""


def unexplained_threads() -> list[str]:
    """Names of native threads other than the main one that do not survive a fork by design.

    OpenBLAS stops and restarts its pool around fork (pthread_atfork); jemalloc's background
    threads take no part in the program.
    """
    me = os.getpid()
    names = []
    for tid in os.listdir("/proc/self/task"):
        if int(tid) != me:
            with open(f"/proc/self/task/{tid}/comm", encoding="utf-8", errors="replace") as file:
                names.append(file.read().strip())
    names = [name for name in names if not name.startswith("jemalloc")]
    allowed = openblas_threads() if names else 0
    return names if len(names) > allowed else []


def openblas_threads() -> int:
    """How many pool threads the loaded OpenBLAS libraries may keep, the callers' not counted."""
    total = 0
    for path in _mapped("openblas"):
        library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                ask = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
                if ask is not None:
                    total += max(0, int(ask()) - 1)
                    break
    return total


def _mapped(part: str) -> set[str]:
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        paths = {line.split(None, 5)[-1].strip() for line in file if "/" in line}
    return {path for path in paths if part in os.path.basename(path) and os.path.exists(path)}


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def end_children() -> None:
    for pid in children():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def holds_gpu() -> bool:
    for fd in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith(("/dev/nvidia", "/dev/kfd")):
                return True
        except OSError:
            continue
    return False


def memory_left() -> float:
    """Share of this machine's memory that is still available, 0 to 1."""
    with open("/proc/meminfo", encoding="ascii") as file:
        facts = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return facts["MemAvailable"] / facts["MemTotal"]


def resident() -> int:
    """Bytes of physical memory of this process."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if sys.platform != "linux":
    raise ImportError("warm kernels need Linux")


def written() -> int:
    """How much this process has printed, in bytes: its output goes to a file."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return os.fstat(2).st_size
