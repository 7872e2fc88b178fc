"""DVC's repository: hashes, cache and lock file of finished stages.

The only module that touches DVC's internals, which are not public: the version is bounded in
pyproject.toml and tests hold the contract (`dvc status`, `dvc repro`), not the internals. Used by
one thread of one process, under DVC's own lock.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gristmill.errors import Conflict, GristmillError, Invalid, StepFailed, Unavailable
from gristmill.lineage.git import git
from gristmill.lineage.hashing import write_atomic

LOCK_FILE = "dvc.lock"
PIPELINE_FILE = "dvc.yaml"


class DvcRepo:
    """An open DVC repository at a project's root, locked until `close`."""

    def __init__(self, root: Path) -> None:
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.ERROR)
        self.root = root
        if not (root / ".dvc").is_dir():
            self._init(Repo)
        with _working_at(self.root):
            self._repo = Repo(str(root))
            try:
                self._repo.lock.lock()
            except Exception as error:
                raise Conflict(
                    "dvc.locked",
                    "another DVC process works in this project.",
                    hint="Wait until it has finished, then try again.",
                ) from error
        self._stages: dict[str, Any] | None = None

    def _init(self, repo_class: Any) -> None:
        top = git(self.root, "rev-parse", "--show-toplevel")
        subdir = top is not None and Path(top).resolve() != self.root.resolve()
        with _working_at(self.root):
            repo_class.init(str(self.root), no_scm=top is None, subdir=subdir).close()

    def close(self) -> None:
        if self._repo.lock.is_locked:
            self._repo.lock.unlock()
        self._repo.close()

    def stage(self, name: str) -> Any:
        """A fresh view of a stage; what `dvc.lock` says of it is read once."""
        with _working_at(self.root):
            return self._repo.stage.load_one(PIPELINE_FILE, name)

    def clear_outputs(self, name: str) -> None:
        """Remove a stage's outputs, so that nothing old is taken for new. They stay cached."""
        with _working_at(self.root):
            self.stage(name).remove_outs(ignore_remove=False, force=False)

    def restore(self, name: str) -> bool:
        """Check the outputs out of the run cache, when this command has already run on exactly
        these inputs; whether it did."""
        from dvc.stage.cache import RunCacheNotFoundError

        with _working_at(self.root):
            stage = self.stage(name)
            try:
                self._repo.stage_cache.restore(stage, run_cache=True)
            except RunCacheNotFoundError:
                return False
            return True

    def commit(self, name: str) -> dict[str, Any]:
        """Hash and cache a finished stage and record it in `dvc.lock`; returns the record."""
        from dvc.stage.serialize import to_single_stage_lockfile

        with _working_at(self.root):
            stage = self.stage(name)
            stage.save()
            stage.commit()
            stage.ignore_outs()
            entry = to_single_stage_lockfile(stage)
        update_lock(self.root, {name: _plain(entry)})
        return dict(entry)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def update_lock(
    root: Path, entries: Mapping[str, Mapping[str, Any]], drop: frozenset[str] = frozenset()
) -> None:
    """Merge `entries` into `dvc.lock` without the stages in `drop`; atomic, one writer."""
    path = root / LOCK_FILE
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    old = yaml.load(path.read_text("utf-8"), Loader=loader) if path.exists() else None  # noqa: S506
    stages = {n: e for n, e in ((old or {}).get("stages") or {}).items() if n not in drop}
    stages.update(entries)
    lock = {"schema": "2.0", "stages": stages}
    text = yaml.dump(lock, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
    write_atomic(path, text)


@contextlib.contextmanager
def _working_at(root: Path) -> Iterator[None]:
    """In the root, where DVC expects to work; its errors become ours."""
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
            hint="Take it out of git: `git rm --cached PATH`. DVC keeps outputs.",
        ) from error
    except OutputDuplicationError as error:
        raise Invalid(
            "output.duplicate", str(error), hint="Another DVC stage or .dvc file has this path."
        ) from error
    except DvcException as error:
        raise Unavailable(
            "dvc.failed", f"DVC: {error}", hint="`dvc status -v` in the project shows more."
        ) from error
