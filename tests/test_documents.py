"""Files that would take all memory, time or the process to read are refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gristmill.documents import parse_json, parse_yaml, read_text, read_toml, read_yaml
from gristmill.errors import Invalid

pytestmark = pytest.mark.timeout(120)

ALIASES = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
YAML_BOMBS = {
    "file.aliases": (ALIASES, MERGES, "a: &a [*a]"),
    "file.too-deep": ("[" * 100_000, "- " * 100_000, "{a: " * 50_000, "[" * 101 + "]" * 101),
    "syntax": ("a: [", f"a: {'9' * 5000}", "a: 2020-13-45", "{[a]: 1}"),
}


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in YAML_BOMBS.items() for text in texts]
)
def test_yaml_bombs(code: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_yaml(text, "params.yaml", code="syntax", hint="")
    assert caught.value.code == code
    assert caught.value.message.startswith("params.yaml")


def test_yaml_with_a_few_aliases_is_read() -> None:
    text = "a: &a {x: 1}\nb: {<<: *a, y: [*a, *a]}\nc: &c text\nd: *c"
    assert parse_yaml(text, "", code="", hint="") == yaml.safe_load(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("ab:*&[{- "),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner),
    )
)
def test_what_is_within_bounds_is_read_as_it_is(value: Any) -> None:
    assert parse_yaml(yaml.safe_dump(value), "", code="", hint="") == value


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("file.too-deep", "[" * 100_000),
        ("file.too-deep", '{"a":' * 200 + "1" + "}" * 200),
        ("file.too-large", "[" + "[]," * 5_000_000 + "[]]"),
        ("syntax", "{"),
        ("syntax", "9" * 5000),
    ],
)
def test_json_bombs(code: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_json(text, "a.ipynb", code="syntax", hint="")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("file.too-deep", "a = " + "[" * 100_000),
        ("file.too-deep", ".".join("a" * 120_000) + " = 1"),
        ("file.too-large", "# " + "x" * 1_000_000),
        ("file.encoding", b"\xff"),
        ("syntax", "a = "),
        ("syntax", f"a = {'9' * 5000}"),
    ],
)
def test_toml_bombs(tmp_path: Path, code: str, text: str | bytes) -> None:
    path = tmp_path / "gristmill.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Invalid) as caught:
        read_toml(path, "gristmill.toml", code="syntax", hint="")
    assert caught.value.code == code


def unreadable(path: Path) -> None:
    path.touch()
    path.chmod(0)


def endless(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (os.mkfifo, "file.not-regular"),
        (os.mkdir, "file.unreadable"),
        (lambda path: path.symlink_to("/dev/zero"), "file.not-regular"),
        (lambda path: path.symlink_to(path), "file.unreadable"),
        (endless, "file.too-large"),
        (unreadable, "file.unreadable"),
    ],
)
def test_what_is_no_plain_file(tmp_path: Path, make: Callable[[Path], Any], code: str) -> None:
    if make is unreadable and os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    make(tmp_path / "x")
    with pytest.raises(Invalid) as caught:
        read_text(tmp_path / "x", "x", largest=1 << 20)
    assert caught.value.code == code


def test_no_file_is_no_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "x", "x", code="", hint="")
