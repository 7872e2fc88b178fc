"""The journal of a run: read while it is written, whatever became of its writer."""

from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.errors import Conflict, Invalid
from gristmill.events import Notice
from gristmill.runs import Journal, journal_path, read_events
from gristmill.runs._journal import MAX_JOURNALS, journals

NAME = "20260131-235959-0f3a"


def test_what_is_read_piece_by_piece_is_the_whole(tmp_path: Path) -> None:
    path = journal_path(tmp_path, NAME)
    pieces, offset = [], 0
    with Journal(tmp_path, NAME) as journal:
        for number in range(3):
            journal(Notice(number, NAME, "a\nb \N{SNOWMAN}"))
            records, offset = read_events(path, offset)
            pieces += records
    assert pieces == read_events(path)[0]
    assert [r["at"] for r in pieces] == [0, 1, 2]


def test_a_torn_line_waits_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"kind": "a"}\nscribble\n{"kind": "b"')
    records, offset = read_events(path)
    assert [r["kind"] for r in records] == ["a"]
    with path.open("ab") as file:
        file.write(b"}\n")
    assert [r["kind"] for r in read_events(path, offset)[0]] == ["b"]
    assert read_events(tmp_path / "absent", 7) == ([], 7)


def test_a_name_is_used_once_and_leads_nowhere_else(tmp_path: Path) -> None:
    with Journal(tmp_path, NAME), pytest.raises(Conflict), Journal(tmp_path, NAME):
        pass
    for name in ("../../x", "abc", "", NAME + "\n"):
        with pytest.raises(Invalid):
            Journal(tmp_path, name)


def test_old_journals_go(tmp_path: Path) -> None:
    for number in range(MAX_JOURNALS + 3):
        with Journal(tmp_path, f"20260131-{number:06d}-0f3a"):
            pass
    assert [p.stem[9:15] for p in journals(tmp_path)] == [
        f"{n:06d}" for n in range(3, MAX_JOURNALS + 3)
    ]
