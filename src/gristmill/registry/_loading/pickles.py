"""Whether a file is a pickle, by its contents; no byte of it is executed."""

from __future__ import annotations

import mmap
import re
import zipfile
from contextlib import suppress
from pathlib import Path
from pickletools import genops
from typing import IO, cast

PICKLED = {".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill", ".pth", ".pt", ".ckpt"}
IMPORTING = {"INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"}
QUALIFIED = re.compile(r"[\w.]+ [\w.]+")
MOST = 1_000_000


def is_pickle(path: Path) -> bool:
    """Whether the file is a pickle of any protocol by its name or contents, or an archive of one.

    A pickle that breaks off counts: what stands before the break is executed. So does a file of
    more than a million valid operations, which nobody reads to the end.
    """
    if path.suffix.lower() in PICKLED:
        return True
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _executes(content):
            return True
        if content[:2] != b"PK":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(Path(n).suffix.lower() in PICKLED for n in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def _executes(content: mmap.mmap) -> bool:
    protocol = False
    with suppress(Exception):  # genops raises whatever its readers do on bytes that are not theirs
        for count, (operation, argument, _) in enumerate(genops(cast("IO[bytes]", content))):
            name = operation.name
            if name == "GLOBAL" and QUALIFIED.fullmatch(str(argument)):
                return True
            if name in IMPORTING or count > MOST or (protocol and name == "STOP"):
                return True
            protocol = protocol or name == "PROTO"
    return False
