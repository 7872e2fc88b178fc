"""Content hashes as DVC makes them, remembered by stat like git's index."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from gristmill.files import write_atomic

# A file touched this shortly before it was hashed could change again without its times showing it.
RACY_NS = 50_000_000
CHUNK = 1 << 20
Entry = list[Any]  # size, mtime_ns, ctime_ns, inode, time_ns of hashing, md5


class HashCache:
    """Content hashes of files and directories, remembered from run to run.

    A remembered hash is used only when size, mtime, ctime and inode are unchanged and the file was
    quiet when hashed. A corrupt cache is the same as none.

    Parameters
    ----------
    root
        The directory that paths are relative to.
    store
        The file that keeps the hashes.
    """

    def __init__(self, root: Path, store: Path) -> None:
        self.root = str(root)
        self.store = store
        self._dirty = False
        try:
            self._entries: dict[str, Entry] = json.loads(store.read_text("utf-8"))
        except (OSError, ValueError):
            self._entries = {}

    def md5(self, path: str) -> str | None:
        """The hash of a path.

        Parameters
        ----------
        path
            Relative to the root.

        Returns
        -------
        str or None
            The md5, with `.dir` for a directory; None when absent.
        """
        full = f"{self.root}/{path}"
        try:
            stat = os.stat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not os.path.isdir(full):
            return self._file(path, full, stat)
        return directory_md5(self.listing(path))

    def entry(self, path: str) -> Entry:
        """What is remembered of a file, after looking at it anew.

        Parameters
        ----------
        path
            Relative to the root.

        Returns
        -------
        list
            Size, mtime, ctime, inode, time of hashing, md5.

        Raises
        ------
        FileNotFoundError
            When it is absent.
        """
        if self.md5(path) is None:
            raise FileNotFoundError(path)
        return self._entries[path]

    def listing(self, path: str) -> list[dict[str, str]]:
        """The files of a directory as DVC lists them.

        Parameters
        ----------
        path
            Relative to the root.

        Returns
        -------
        list of dict
            `md5` and `relpath` of each file, sorted.
        """
        top = f"{self.root}/{path}"
        entries = []
        for directory, names, files in os.walk(top, followlinks=True):
            names[:] = [n for n in names if n not in {".git", ".dvc"}]
            for name in files:
                full = f"{directory}/{name}"
                relative = full[len(top) + 1 :]
                digest = self._file(f"{path}/{relative}", full, os.stat(full))
                entries.append({"md5": digest, "relpath": relative})
        return sorted(entries, key=lambda f: f["relpath"])

    def _file(self, path: str, full: str, stat: os.stat_result) -> str:
        key = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        entry = self._entries.get(path)
        if entry is not None and entry[:4] == key and entry[2] < entry[4] - RACY_NS:
            return str(entry[5])
        hashed_at = time.time_ns()
        digest = file_md5(full)
        self._entries[path] = [*key, hashed_at, digest]
        self._dirty = True
        return digest

    def save(self) -> None:
        """Write what was learnt, if anything."""
        if not self._dirty:
            return
        write_atomic(self.store, json.dumps(self._entries))
        self._dirty = False


def file_md5(path: str | Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def text_md5(text: str) -> str:
    """The md5 of a text in UTF-8.

    Parameters
    ----------
    text
        The text.
    """
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def directory_md5(listing: list[dict[str, str]]) -> str:
    """DVC's hash of a directory.

    Parameters
    ----------
    listing
        Its files, as `HashCache.listing` returns them.

    Returns
    -------
    str
        The md5 with `.dir`.
    """
    return text_md5(json.dumps(listing, sort_keys=True)) + ".dir"
