"""Globs of notebooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.errors import Invalid
from gristmill.project import SETTINGS, Project, glob_matcher


def as_regex(glob: str) -> str:
    """What a glob means, for globs short enough to backtrack."""
    spelled = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.findall(r"\*\*/|\*\*|.", glob)
    return "".join(spelled.get(token, re.escape(token)) for token in tokens)


@given(st.text("ab/.*?", max_size=10), st.text("ab/.", max_size=10))
@example("**/*/**/*", "a/b")
@example("a**/b", "aa/b/b")
@example("***", "a/b")
def test_a_glob_means_what_its_regular_expression_does(glob: str, path: str) -> None:
    assert glob_matcher(glob)(path) == bool(re.fullmatch(as_regex(glob), path))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("glob", ["**/" * 20 + "x", "**/*/" * 20 + "x", "**a" * 20 + "/x"])
def test_no_glob_takes_long(tmp_path: Path, glob: str) -> None:
    deep = tmp_path.joinpath(*["aaaa"] * 40)
    deep.mkdir(parents=True)
    (deep / "a.ipynb").touch()
    (tmp_path / SETTINGS).write_text(f'[project]\nnotebooks = ["{glob}"]\n')
    assert Project.load(tmp_path).notebooks() == []


def test_globs_with_thousands_of_wildcards_are_refused(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text(f'[project]\nnotebooks = ["{"**/*" * 1000}"]\n')
    with pytest.raises(Invalid) as caught:
        Project.load(tmp_path).notebooks()
    assert caught.value.code == "settings.globs"
