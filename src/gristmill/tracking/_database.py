"""MLflow's SQLite database: written aside and put in place, from a template for this MLflow.

Migrating a new one takes seconds, so that a kill would often leave half of one, and several
processes that begin it at once fail.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from gristmill.files import scratch_directory

FILE = "sqlite:///"


def create(path: Path) -> None:
    """Put an empty, migrated database at `path`.

    Its changes are written ahead: one flush to disk for each instead of three, and readers do not
    wait for the writer. The file remembers it.
    """
    template = _template()
    with _aside(path) as made:
        if template.exists():
            shutil.copyfile(template, made)
        else:
            _migrate(made)
            with suppress(OSError), _aside(template) as copy:  # a home without room costs only time
                shutil.copyfile(made, copy)
        with closing(sqlite3.connect(made)) as database, database:
            location = f"{(path.parent / 'artifacts').as_uri()}/0"
            database.execute("UPDATE experiments SET artifact_location = ?", (location,))


def _template() -> Path:
    """Where the empty database of the installed MLflow is kept for this user."""
    import mlflow

    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "gristmill" / f"mlflow-{mlflow.__version__}.db"


def _migrate(path: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"{FILE}{path}", path.parent.as_uri()).engine.dispose()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A path to write, which becomes `path` as a whole when the block ends well."""
    with scratch_directory(path.parent, path.name) as folder:
        made = folder / path.name
        yield made
        with made.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(made, path)
