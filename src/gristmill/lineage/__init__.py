"""What a run or version was made from."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.lineage._dvc import PIPELINE_FILE, DvcRepo
    from gristmill.lineage._dvc_cache import cache_directory, from_cache, share_cache
    from gristmill.lineage._git import GitState, git, git_state
    from gristmill.lineage._hashing import HashCache, directory_md5, text_md5
    from gristmill.lineage._lockfile import LOCK_FILE, LockFile, YamlLoader
    from gristmill.lineage._modules import project_modules
    from gristmill.lineage._record import Lineage
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "LOCK_FILE",
    "PIPELINE_FILE",
    "DvcRepo",
    "GitState",
    "HashCache",
    "Lineage",
    "LockFile",
    "YamlLoader",
    "cache_directory",
    "directory_md5",
    "from_cache",
    "git",
    "git_state",
    "project_modules",
    "share_cache",
    "text_md5",
]
