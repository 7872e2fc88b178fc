"""A notebook's JSON text with cells changed; every byte that need not change stays.

The text is not parsed and written again: the places of the changed values are looked up and only
those are replaced, in the file's own indentation, separators, newlines and escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gristmill.authoring._cells import joined
from gristmill.authoring._form.edits import INSERT, SOURCE, Edit
from gristmill.errors import Invalid

CELL_LEVEL, KEY_LEVEL, ITEM_LEVEL = 2, 3, 4
HAS_IDS = (4, 5)  # the version of the format from which every cell has an id
SPACE = re.compile(r"[ \t\n\r]*")
ESCAPED = re.compile(r"\\u00[89a-fA-F]|\\u0[1-9a-fA-F]|\\u[1-9a-fA-F]")
DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class Style:
    """How a file is laid out: one level's indentation (None: all on one line), what ends a line,
    what stands after a comma and a colon, whether only ASCII is written."""

    unit: str | None
    newline: str
    comma: str
    colon: str
    ascii: bool

    def write(self, value: Any, level: int) -> str:
        separators = (self.comma, self.colon)
        text = json.dumps(value, indent=self.unit, separators=separators, ensure_ascii=self.ascii)
        return text.replace("\n", self.line(level)) if self.unit is not None else text

    def line(self, level: int) -> str:
        """A line break and the indentation of a level; nothing when all is on one line."""
        return "" if self.unit is None else self.newline + self.unit * level

    def between(self, level: int) -> str:
        return self.comma + self.line(level)


def rewrite(text: str, edits: Iterable[Edit], ids: Iterator[str]) -> str:
    """The notebook `text` after the edits; `ids` gives an id to each cell that is inserted.

    The edits fit the cells (`apply_edits` checks that).
    """
    style = style_of(text)
    for edit in edits:
        start, end = _cells(text)
        if edit.kind == INSERT:
            text = _insert(text, start, end, edit, style, ids)
            continue
        cell = list(_elements(text, start))[edit.cell]
        members = _members(text, cell[0])
        if edit.kind == SOURCE:
            at = members["source"]
            text = text[: at[0]] + _source(text, at, edit.after, style) + text[at[1] :]
        else:
            text = _tag(text, cell[0], members, edit.tags, style)
    return text


def style_of(text: str) -> Style:
    """The layout of a JSON object's text."""
    indented = re.match(r"\s*\{(\r\n|\n|\r)([ \t]*)", text)
    colon = re.match(r'\s*\{\s*"[^"]*"(\s*:\s*)', text)
    comma = re.search(r'[\]}"](\s*,[ ]*)["\[{]', text)
    return Style(
        unit=indented[2] if indented else None,
        newline=indented[1] if indented else "\n",
        comma="," if indented or not comma else comma[1],
        colon=colon[1] if colon else ": ",
        ascii=text.isascii() and bool(ESCAPED.search(text)),
    )


def _cells(text: str) -> tuple[int, int]:
    span = _members(text, _skip(text, 0)).get("cells")
    if span is None or text[span[0]] != "[":
        raise Invalid("notebook.format", "the file is not a notebook of format 4.")
    return span


def _skip(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def _members(text: str, at: int) -> dict[str, tuple[int, int]]:
    """Where the values of the object at `at` stand."""
    spans = {}
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = DECODER.raw_decode(text, start)
        spans[str(key)] = (start, end)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return spans


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where the elements of the array at `at` stand."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = DECODER.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _insert(text: str, start: int, end: int, edit: Edit, style: Style, ids: Iterator[str]) -> str:
    raw = json.loads(text)
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": list(edit.tags)},
        "outputs": [],
        "source": edit.after.splitlines(keepends=True),
    }
    if (raw.get("nbformat", 4), raw.get("nbformat_minor", 0)) >= HAS_IDS:
        cell["id"] = next(ids)
    new = style.write(dict(sorted(cell.items())), CELL_LEVEL)
    elements = list(_elements(text, start))
    if not elements:
        return f"{text[:start]}[{style.line(2)}{new}{style.line(1)}]{text[end:]}"
    if edit.cell < len(elements):
        at = elements[edit.cell][0]
        return text[:at] + new + style.between(CELL_LEVEL) + text[at:]
    at = elements[-1][1]
    return text[:at] + style.between(CELL_LEVEL) + new + text[at:]


def _source(text: str, at: tuple[int, int], after: str, style: Style) -> str:
    """The new text of a `source`; a list keeps the elements of lines that stay."""
    old = json.loads(text[at[0] : at[1]], strict=False)
    if not isinstance(old, list):
        return style.write(after, KEY_LEVEL)
    lines = after.splitlines(keepends=True)
    if not lines:
        return "[]"
    if not old:
        return style.write(lines, KEY_LEVEL)
    if [*old] != joined(old).splitlines(keepends=True):  # cut up otherwise than by lines
        return style.write(lines, KEY_LEVEL)
    spans = list(_elements(text, at[0]))
    head = _common(old, lines)
    tail = _common(old[head:][::-1], lines[head:][::-1])
    texts = [text[a:b] for a, b in spans]
    items = [
        *texts[:head],
        *(style.write(line, ITEM_LEVEL) for line in lines[head : len(lines) - tail]),
        *texts[len(texts) - tail :],
    ]
    between = style.between(ITEM_LEVEL)
    if len(spans) > 1:
        between = text[spans[0][1] : spans[1][0]]
    return text[at[0] : spans[0][0]] + between.join(items) + text[spans[-1][1] : at[1]]


def _common(one: list[str], other: list[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _tag(
    text: str, cell: int, members: dict[str, tuple[int, int]], tags: tuple[str, ...], style: Style
) -> str:
    if "metadata" not in members:
        return _add(text, cell, "metadata", {"tags": list(tags)}, KEY_LEVEL, style)
    start, _ = members["metadata"]
    inner = _members(text, start)
    if "tags" not in inner:
        return _add(text, start, "tags", list(tags), ITEM_LEVEL, style)
    at = inner["tags"]
    old = json.loads(text[at[0] : at[1]])
    new = [*(old or []), *(t for t in tags if t not in (old or []))]
    return text[: at[0]] + style.write(new, ITEM_LEVEL) + text[at[1] :]


def _add(text: str, start: int, key: str, value: Any, level: int, style: Style) -> str:
    """The object at `at` with one member more, where the order of its keys wants it."""
    spans = _members(text, start)
    member = f'"{key}"{style.colon}{style.write(value, level)}'
    if not spans:
        _, end = DECODER.raw_decode(text, start)
        return f"{text[:start]}{{{style.line(level)}{member}{style.line(level - 1)}}}{text[end:]}"
    names = list(spans)
    after = [n for n in names if n < key] if names == sorted(names) else names
    if after:
        end = spans[after[-1]][1]
        return text[:end] + style.between(level) + member + text[end:]
    first = _skip(text, start + 1)
    return text[:first] + member + style.between(level) + text[first:]
