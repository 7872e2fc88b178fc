"""DVC's cache as files: where it lies, and copies out of it that are verified."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from gristmill.errors import Conflict, NotFound
from gristmill.lineage._dvc import DvcRepo, working_at
from gristmill.lineage._hashing import file_md5


def cache_directory(root: Path) -> Path:
    """Where the repository at `root` keeps its cache and its run cache."""
    from dvc.repo import Repo

    if not (root / ".dvc").is_dir():
        DvcRepo(root).close()
    with working_at(root), contextlib.closing(Repo(str(root))) as repo:
        return Path(repo.cache.local_cache_dir)


def from_cache(root: Path, wanted: Mapping[Path, str]) -> None:
    """Copy files and directories out of DVC's cache, each verified; `wanted` maps a path that does
    not exist yet to its hash (md5, `.dir` for a directory). Raises NotFound, Conflict."""
    from dvc.repo import Repo

    with working_at(root), contextlib.closing(Repo(str(root))) as repo:
        cache = Path(repo.cache.local.path)
    for target, digest in wanted.items():
        source = _cached(cache, digest, target.name)
        if not digest.endswith(".dir"):
            _copy_out(source, target)
            continue
        for item in json.loads(source.read_text(encoding="utf-8")):
            name = f"{target.name}/{item['relpath']}"
            _copy_out(_cached(cache, item["md5"], name), target / item["relpath"])


def _cached(cache: Path, digest: str, name: str) -> Path:
    path = cache / digest[:2] / digest[2:]
    if not path.is_file():
        raise NotFound(
            "dvc.not-cached",
            f"DVC's cache no longer has {name} ({digest[:12]}).",
            hint="`dvc fetch --run-cache`, or `dvc pull`, brings it from a remote.",
        )
    if file_md5(path) != digest.removesuffix(".dir"):
        raise Conflict(
            "dvc.cache-altered",
            f"DVC's cached copy of {name} is not what its name says ({digest[:12]}).",
            hint=f"Delete {path} and fetch it from a remote.",
        )
    return path


def _copy_out(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
