"""`dvc.lock` as values: read fast, written atomically by one writer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gristmill.documents import read_yaml
from gristmill.errors import Invalid
from gristmill.files import write_atomic

LOCK_FILE = "dvc.lock"
RESTORE = "Restore it with `git checkout dvc.lock`, or delete it to run everything again."
YamlDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class LockFile:
    """What `dvc.lock` says, empty when there is none.

    Parameters
    ----------
    root
        The project's root.

    Attributes
    ----------
    path
        The file.
    stages
        Entries by stage.

    Raises
    ------
    Invalid
        `lock.syntax`, or as `documents.read_yaml` does.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / LOCK_FILE
        self._texts: dict[str, str] = {}
        try:
            raw = read_yaml(self.path, LOCK_FILE, code="lock.syntax", hint=RESTORE)
        except FileNotFoundError:
            raw = None
        if not isinstance(raw, dict | None):
            raise _unreadable("it is not a mapping")
        if not isinstance((raw or {}).get("stages"), dict | None):
            raise _unreadable("its stages are not a mapping")
        self._others = {k: v for k, v in (raw or {}).items() if k not in {"schema", "stages"}}
        self.stages: dict[str, Any] = dict((raw or {}).get("stages") or {})

    def update(self, entries: Mapping[str, Mapping[str, Any]], drop: Iterable[str] = ()) -> None:
        """Write the file anew.

        Parameters
        ----------
        entries
            Entries to add or replace, by stage.
        drop
            Stages to remove.
        """
        for name in drop:
            self.stages.pop(name, None)
        for name, entry in entries.items():
            self.stages[name] = plain(entry)
            self._texts.pop(name, None)
        parts = ["schema: '2.0'\n", "stages:\n" if self.stages else "stages: {}\n"]
        parts += map(self._text, self.stages)
        if self._others:
            parts.append(dump(self._others))
        write_atomic(self.path, "".join(parts))

    def _text(self, name: str) -> str:
        """One stage as it stands in the file; what did not change is not spelled again."""
        if name not in self._texts:
            self._texts[name] = textwrap.indent(dump({name: self.stages[name]}), "  ")
        return self._texts[name]


def dump(value: Any) -> str:
    text: str = yaml.dump(
        value, Dumper=YamlDumper, sort_keys=False, allow_unicode=True, width=1 << 20
    )
    return text


def plain(value: Any) -> Any:
    """Mappings and sequences of any type as dict and list."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def _unreadable(why: str) -> Invalid:
    return Invalid(
        "lock.syntax",
        f"{LOCK_FILE} cannot be read: {why}",
        hint=RESTORE,
    )
