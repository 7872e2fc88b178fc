"""DVC's repository: hashes, cache and lock file of finished stages.

The only module that touches DVC's internals, which are not public: the version is bounded in
pyproject.toml and tests hold the contract (`dvc status`, `dvc repro`), not the internals. Used by
one thread of one process, under DVC's own lock.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gristmill.containment import contained, require_plain_entries
from gristmill.documents import read_yaml
from gristmill.errors import Conflict, GristmillError, Invalid, StepFailed, Unavailable
from gristmill.lineage._git import git
from gristmill.lineage._lockfile import LockFile
from gristmill.workspace_trust import require_trust

PIPELINE_FILE = "dvc.yaml"
CORRECT_PIPELINE = "Correct or delete the file."


class DvcRepo:
    """An open DVC repository at a project's root, locked until `close`; made when there is none.

    Parameters
    ----------
    root
        The project's root.

    Attributes
    ----------
    lock
        The lock file.

    Raises
    ------
    Conflict
        `dvc.locked`, when another process has it open.
    Forbidden
        `project.untrusted`: its settings name remotes, and directories outside.
    """

    def __init__(self, root: Path) -> None:
        require_trust(root)
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.ERROR)
        _check_listings()
        self.root = root
        if not (root / ".dvc").is_dir():
            self._init(Repo)
        with working_at(self.root):
            self._repo = Repo(str(root))
            try:
                self._repo.lock.lock()
            except Exception as error:
                raise Conflict(
                    "dvc.locked",
                    "another DVC process is working in this project.",
                    hint="Wait until it has finished, then try again.",
                ) from error
        self._drop_torn_rwlock()
        self._repo.stage_cache._load_cache = self._run_cache_entry
        self._repo._lock_depth += 1  # so that DVC's verbs do not take the lock again
        self.lock = LockFile(root)
        self._pipeline: Any = None
        self._remote_checked = False

    def _init(self, repo_class: Any) -> None:
        top = git(self.root, "rev-parse", "--show-toplevel")
        subdir = top is not None and Path(top).resolve() != self.root.resolve()
        with working_at(self.root):
            repo_class.init(str(self.root), no_scm=top is None, subdir=subdir).close()

    def _drop_torn_rwlock(self) -> None:
        """A process that is killed while it notes what it reads and writes leaves a torn file, at
        which every later DVC command would fail."""
        from dvc.lock import make_lock
        from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

        folder = Path(self._repo.tmp_dir)
        path = folder / RWLOCK_FILE
        if _is_whole(path):
            return
        hardlink = self._repo.config["core"].get("hardlink_lock", False)
        guard = make_lock(str(folder / RWLOCK_LOCK), tmp_dir=str(folder), hardlink_lock=hardlink)
        with guard:  # nobody is writing it now
            if not _is_whole(path):
                path.unlink()

    def _run_cache_entry(self, key: str, value: str) -> Any:
        """An entry of the run cache, read ten times faster than by DVC; None for a damaged one."""
        from dvc.schema import COMPILED_LOCK_FILE_STAGE_SCHEMA
        from voluptuous import Invalid as SchemaError

        path = Path(self._repo.stage_cache._get_cache_path(key, value))
        try:
            raw = read_yaml(path, path.name, code="cache.syntax", hint="It is removed.")
            return COMPILED_LOCK_FILE_STAGE_SCHEMA(raw)
        except FileNotFoundError:
            return None
        except (Invalid, SchemaError):
            path.unlink()
            return None

    def close(self) -> None:
        if self._repo.lock.is_locked:
            self._repo.lock.unlock()
        self._repo.close()

    def stage(self, name: str) -> Any:
        """A fresh view of a stage. `dvc.yaml` and `dvc.lock` are read once: DVC's own reader takes
        a quarter of a second for each look at a long lock file."""
        from dvc.stage.loader import StageLoader

        with working_at(self.root):
            if self._pipeline is None:
                self._pipeline = self._read_pipeline()
            lock_document = {"schema": "2.0", "stages": self.lock.stages}
            stage = StageLoader(self._pipeline, self._pipeline.contents, lock_document)[name]
            self._require_contained([stage])
            return stage

    def _require_contained(self, stages: Iterable[Any]) -> None:
        """Outputs are removed and written, so that none may lie outside. Raises Forbidden."""
        for stage in stages:
            for out in stage.outs:
                contained(self.root, os.path.relpath(out.fs_path, self.root))

    def _read_pipeline(self) -> Any:
        from dvc.dvcfile import ProjectFile, load_file

        file = load_file(self._repo, PIPELINE_FILE)
        path = self.root / PIPELINE_FILE
        try:
            raw = read_yaml(path, PIPELINE_FILE, code="pipeline.syntax", hint=CORRECT_PIPELINE)
        except FileNotFoundError:
            return file  # DVC says so
        file.contents = ProjectFile.validate(raw, str(self.root / PIPELINE_FILE))
        return file

    def clear_outputs(self, name: str) -> None:
        """Remove a stage's outputs, so that nothing old is taken for new. They stay cached."""
        with working_at(self.root):
            self.stage(name).remove_outs(ignore_remove=False, force=False)

    @property
    def remote(self) -> str | None:
        """The name of the default remote."""
        name = self._repo.config["core"].get("remote")
        return str(name) if name else None

    def restore(self, name: str, *, pull: bool = False) -> bool:
        """Check a stage's outputs out of the run cache.

        Parameters
        ----------
        name
            The stage.
        pull
            Fetch from the default remote what the cache lacks.

        Returns
        -------
        bool
            Whether this command has already run on exactly these inputs.

        Raises
        ------
        Unavailable
            When the remote fails.
        """
        from dvc.stage.cache import RunCacheNotFoundError

        with working_at(self.root), self._remote_access(pull):
            stage = self.stage(name)
            try:
                self._repo.stage_cache.restore(stage, run_cache=True, pull=pull)
            except RunCacheNotFoundError:
                return False
            return True

    def restore_recorded(self, name: str, *, pull: bool = False) -> bool:
        """Check out the outputs that `dvc.lock` records of a stage.

        Parameters
        ----------
        name
            The stage.
        pull
            Fetch from the default remote what the cache lacks.

        Returns
        -------
        bool
            Whether they could be had.

        Raises
        ------
        Unavailable
            When the remote fails.
        """
        from dvc.exceptions import CollectCacheError

        with working_at(self.root), self._remote_access(pull):
            stage = self.stage(name)
            if not all(out.hash_info for out in stage.outs):
                return False
            if pull:
                try:
                    for objects in stage.get_used_objs().values():
                        self._repo.cloud.pull(objects)
                except CollectCacheError:
                    return False
            if not stage.outs_cached():
                return False
            stage.checkout(force=True)
            return True

    def pull_run_cache(self) -> None:
        """Fetch what the default remote knows of past runs. Raises Unavailable."""
        with working_at(self.root), self._remote_access(True):
            self._repo.stage_cache.pull(None)

    def pull(self, paths: list[str]) -> None:
        """Fetch and check out tracked paths. Raises Unavailable."""
        with working_at(self.root), self._remote_access(True):
            for path in paths:
                stages = self._repo.stage.collect_granular(path)
                self._require_contained(info.stage for info in stages)
            self._repo.pull(paths)

    def _require_remote(self) -> None:
        """DVC takes a remote that is not there for an empty one."""
        if self._remote_checked:
            return
        store = self._repo.cloud.get_remote_odb(None)
        if not store.fs.exists(store.path):
            raise Unavailable(
                "remote.absent",
                f"the DVC remote `{self.remote}` failed: there is nothing at {store.path}.",
                hint="Mount it, push to it, or correct its address: `dvc remote list`.",
            )
        self._remote_checked = True

    @contextlib.contextmanager
    def _remote_access(self, remote: bool) -> Iterator[None]:
        """Talking to the default remote: what comes is checked against its hash, DVC's bars are
        off, and whatever goes wrong is Unavailable."""
        if not remote or self.remote is None:
            yield
            return
        logger = logging.getLogger("dvc")
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        self._repo.config["remote"][self.remote]["verify"] = True
        try:
            self._require_remote()
            yield
        except GristmillError:
            raise
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise _own_cause(error) or Unavailable(
                "remote.failed",
                f"the DVC remote `{self.remote}` failed: {text}.",
                hint="Check its address with `dvc remote list`; `dvc fetch -v` shows more.",
            ) from error
        finally:
            logger.setLevel(level)

    def keep_cached(self, name: str) -> None:
        """Put what a stage wrote into the cache again, where a clone or `dvc gc` left it out."""
        with working_at(self.root):
            stage = self.stage(name)
            if not stage.outs_cached():
                stage.commit()

    def commit(self, name: str) -> dict[str, Any]:
        """Hash and cache a finished stage and record it in `dvc.lock`.

        Parameters
        ----------
        name
            The stage.

        Returns
        -------
        dict
            The record.

        Raises
        ------
        StepFailed
            `step.output-missing`.
        Invalid
            When git or another stage has an output.
        """
        from dvc.stage.serialize import to_single_stage_lockfile

        with working_at(self.root):
            stage = self.stage(name)
            stage.save()
            stage.commit()
            entry = to_single_stage_lockfile(stage)
        self.lock.update({name: entry})
        return dict(entry)


def _own_cause(error: BaseException) -> GristmillError | None:
    """The error of ours that DVC wrapped, if it did."""
    cause = error.__cause__ or error.__context__
    while cause is not None and not isinstance(cause, GristmillError):
        cause = cause.__cause__ or cause.__context__
    return cause


@cache
def _check_listings() -> None:
    """DVC joins what a `.dir` object lists with the directory's path, whatever it says. All that
    it loads goes through here, from the cache and from remotes."""
    from dvc_data.hashfile.tree import Tree

    tree: Any = Tree
    load = tree.from_list.__func__

    def from_list(cls: type, entries: list[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        require_plain_entries([str(e.get("relpath", "")) for e in entries], "a directory in DVC")
        return load(cls, entries, *args, **kwargs)

    tree.from_list = classmethod(from_list)


def _is_whole(path: Path) -> bool:
    """Does the file hold JSON, or is there none?"""
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def working_at(root: Path) -> Iterator[None]:
    """Work in the root, where DVC expects to be; its errors become ours."""
    from dvc.exceptions import DvcException, OutputDuplicationError
    from dvc.output import OutputAlreadyTrackedError, OutputDoesNotExistError

    try:
        with contextlib.chdir(root):
            yield
    except GristmillError:
        raise
    except OutputDoesNotExistError as error:
        raise StepFailed(
            "step.output-missing",
            f"the step finished without writing its output: {error}",
            hint="Write every path that the parameters cell declares as an output.",
        ) from error
    except OutputAlreadyTrackedError as error:
        raise Invalid(
            "output.tracked-by-git",
            str(error).splitlines()[0],
            hint="Remove it from git: `git rm --cached PATH`. DVC keeps outputs.",
        ) from error
    except OutputDuplicationError as error:
        raise Invalid(
            "output.duplicate",
            str(error),
            hint="Remove the other DVC stage or .dvc file that has this path.",
        ) from error
    except DvcException as error:
        raise _own_cause(error) or Unavailable(
            "dvc.failed", f"DVC: {error}", hint="Run `dvc status -v` in the project to see more."
        ) from error
