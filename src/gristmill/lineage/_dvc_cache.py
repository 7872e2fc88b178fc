"""DVC's cache as files: where it is, and verified copies out of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gristmill.containment import require_plain_entries
from gristmill.errors import Conflict, NotFound
from gristmill.lineage._dvc import DvcRepo, working_at
from gristmill.lineage._hashing import file_md5
from gristmill.workspace_trust import require_trust


def cache_directory(root: Path) -> Path:
    """Where a repository keeps its cache and its run cache.

    Parameters
    ----------
    root
        The repository's root; DVC is initialised when it is not.
    """
    require_trust(root)
    from dvc.repo import Repo

    if not (root / ".dvc").is_dir():
        DvcRepo(root).close()
    with working_at(root), contextlib.closing(Repo(str(root))) as repo:
        return Path(repo.cache.local_cache_dir)


def share_cache(root: Path, tree: Path) -> None:
    """Give another working tree of a repository its cache, its remotes and their credentials.

    What the settings of `root` say is written to `.dvc/config.local` in the tree, with paths made
    absolute: a relative one would count from there.

    Parameters
    ----------
    root
        The repository's root.
    tree
        The root of the other tree.
    """
    from configobj import ConfigObj

    cache = cache_directory(root)
    folder = root / ".dvc"
    settings = ConfigObj(list_values=False, encoding="utf-8")
    for name in ("config", "config.local"):
        if (folder / name).is_file():
            settings.merge(ConfigObj(str(folder / name), list_values=False, encoding="utf-8"))
    for section, values in settings.items():
        url = values.get("url", "") if section.startswith(("remote ", "'remote ")) else ""
        if url and "://" not in url and not Path(url).is_absolute():
            values["url"] = os.path.normpath(folder / url)
    settings.setdefault("cache", {})["dir"] = str(cache)
    target = tree / ".dvc"
    target.mkdir(exist_ok=True)
    (target / "config").touch()
    private = os.open(target / "config.local", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(private, "wb") as file:
        settings.write(file)


def from_cache(root: Path, targets: Mapping[Path, str]) -> None:
    """Copy files and directories out of DVC's cache, each verified.

    Parameters
    ----------
    root
        The repository's root.
    targets
        The hash (md5, `.dir` for a directory) of each path to write; none of them exists yet.

    Raises
    ------
    NotFound
        `dvc.not-cached`.
    Conflict
        `dvc.cache-altered`, when a cached file does not have its hash.
    """
    from dvc.repo import Repo

    with working_at(root), contextlib.closing(Repo(str(root))) as repo:
        cache = Path(repo.cache.local.path)
    for target, digest in targets.items():
        source = _cached(cache, digest, target.name)
        if not digest.endswith(".dir"):
            _copy_out(source, target)
            continue
        listing = json.loads(source.read_text(encoding="utf-8"))
        require_plain_entries([item["relpath"] for item in listing], f"{target.name} in DVC")
        for item in listing:
            name = f"{target.name}/{item['relpath']}"
            _copy_out(_cached(cache, item["md5"], name), target / item["relpath"])


def _cached(cache: Path, digest: str, name: str) -> Path:
    path = cache / digest[:2] / digest[2:]
    if not path.is_file():
        raise NotFound(
            "dvc.not-cached",
            f"DVC's cache no longer has {name} ({digest[:12]}).",
            hint="Fetch it from a remote with `dvc fetch --run-cache` or `dvc pull`.",
        )
    if file_md5(path) != digest.removesuffix(".dir"):
        raise Conflict(
            "dvc.cache-altered",
            f"DVC's cached copy of {name} does not have its hash ({digest[:12]}).",
            hint=f"Delete {path} and fetch it from a remote.",
        )
    return path


def _copy_out(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
