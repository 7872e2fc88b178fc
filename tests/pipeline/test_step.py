"""Steps from notebooks (rows 4, 6, 8)."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Invalid
from gristmill.pipeline import (
    StepSpec,
    imported_modules,
    normalise_code,
    parse_notebook,
    parse_step,
    step_name,
    type_of_annotation,
    type_of_value,
)


def text_of(*cells: str, tags: tuple[str, ...] = ("parameters",), language: str = "python") -> str:
    code = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": list(tags)} if index == 0 else {},
            "outputs": [],
        }
        for index, source in enumerate(cells)
    ]
    kernel = {"name": "python3", "language": language}
    return json.dumps({"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4})


def step_of(*cells: str) -> StepSpec:
    step = parse_step(parse_notebook(text_of(*cells), "train.ipynb"), "train")
    assert step is not None
    return step


PARAMETERS = """\
from gristmill import Input, Output, Metrics, Plots
data: Input = "data/x.csv"
model: Output = "models/m"
scores: Metrics = "metrics/m.json"
curve: Plots = "plots/roc.csv"
depth: int = 6
rate: float = 1e-1
kind: "str | None" = None
names: list[str] = ["a"]
"""


def test_a_parameters_cell_says_what_the_step_reads_writes_and_takes() -> None:
    step = step_of(PARAMETERS)
    assert step.inputs == ("data/x.csv",)
    assert [(o.path, o.kind) for o in step.outputs] == [
        ("models/m", "output"),
        ("metrics/m.json", "metrics"),
        ("plots/roc.csv", "plots"),
    ]
    assert step.resolve({}, "here") == {"depth": 6, "rate": 0.1, "kind": None, "names": ["a"]}


def test_a_notebook_without_the_tag_or_in_another_language_is_no_step() -> None:
    assert parse_step(parse_notebook(text_of("x = 1", tags=()), "a.ipynb"), "a") is None
    assert parse_step(parse_notebook(text_of("x <- 1", language="R"), "a.ipynb"), "a") is None


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('x: Input = "/etc/passwd"', "step.path-outside"),
        ('x: Output = "../x"', "step.path-outside"),
        ('x: Output = "C:\\\\x"', "step.path-outside"),
        ('x: Output = ".gristmill/x"', "step.path-reserved"),
        ("x: Input = f'{y}'", "step.path-not-literal"),
        ("x: Input", "step.path-not-literal"),
        ("x: int", "step.no-default"),
        ('x: int = "six"', "parameter.type"),
        ("x: int = True", "parameter.type"),
        ("x = (", "step.parameters-syntax"),
        ('x: Input = "a/b"\ny: Output = "a"', "step.reads-own-output"),
    ],
)
def test_a_wrong_parameters_cell_is_named_by_file_and_cell(cell: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        step_of(cell)
    assert caught.value.code == code
    assert "train.ipynb, cell 1" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"depth": "6"}, "parameter.type"),
        ({"depth": 6.0}, "parameter.type"),
        ({"rate": True}, "parameter.type"),
        ({"names": [1]}, "parameter.type"),
        ({"dept": 6}, "parameter.unknown"),
        ({"data": "elsewhere.csv"}, "parameter.is-path"),
    ],
)
def test_values_are_checked_before_anything_runs(values: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        step_of(PARAMETERS).resolve(values, "params.yaml")
    assert caught.value.code == code
    assert "params.yaml" in caught.value.message


def test_a_float_takes_an_int_and_a_union_its_members() -> None:
    step = step_of(PARAMETERS)
    assert step.resolve({"rate": 1, "kind": "x"}, "here")["rate"] == 1


def test_the_code_ignores_values_comments_layout_and_markdown_but_not_code() -> None:
    plain = step_of("depth: int = 6", "y = f(depth,1)").code
    assert (
        step_of("depth: int = 8  # deeper", "y = f(\n    depth,\n    1,\n)  # call\n").code == plain
    )
    assert step_of("depth: int = 6", "y = f(depth, 2)").code != plain
    assert step_of("depth: float = 6", "y = f(depth,1)").code != plain


def test_an_expression_default_stays_with_the_notebook() -> None:
    step = step_of("import os\nuser = os.environ['USER']\nbig: int = 10 ** 6")
    assert step.resolve({}, "here") == {}
    assert step.resolve({"big": 5}, "here") == {"big": 5}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("train.ipynb", "train"),
        ("sub/Clean Data (2).ipynb", "sub-Clean-Data-2"),
        ("notebooks/a/b.ipynb", "a-b"),
        ("größe.ipynb", "größe"),
        ("!.ipynb", "step"),
    ],
)
def test_a_step_is_named_after_its_path(path: str, name: str) -> None:
    assert step_name(path, ("notebooks/",)) == name


CELL = st.sampled_from(
    [
        "a = 1\nb = a + 2",
        "def f(x):\n    return {'x': x, 'y': [x, 1]}",
        "%matplotlib inline\nx = 3",
        "files = !ls\nprint(files)",
        "for i in range(3):\n    if i:\n        print(i)",
    ]
)


@given(CELL, st.lists(st.sampled_from(["# note", "", "   # other"]), max_size=4))
def test_comments_and_blank_lines_never_change_a_cell(cell: str, extra: list[str]) -> None:
    dressed = "\n".join(["# head", *cell.splitlines(), *extra])
    assert normalise_code(dressed) == normalise_code(cell)


@given(CELL)
def test_normalising_twice_changes_nothing(cell: str) -> None:
    assert normalise_code(normalise_code(cell)) == normalise_code(cell)


def test_imports_are_found_also_below_functions_and_through_importlib() -> None:
    source = (
        "import a.b\nfrom c import d\n"
        "def f():\n    import importlib\n    importlib.import_module('e.f')\n%run tools/g.py"
    )
    assert {"a.b", "c", "c.d", "e.f", "./tools/g.py"} <= set(imported_modules(source))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON)
def test_the_type_of_a_value_accepts_that_value(value: Any) -> None:
    assert type_of_value(value).accepts(value)


@pytest.mark.parametrize(
    ("annotation", "word", "value"),
    [
        ("int", "6", 6),
        ("float", "1e-3", 0.001),
        ("bool", "true", True),
        ("str", "6", "6"),
        ("list[int]", "[1, 2]", [1, 2]),
        ("int | None", "null", None),
        ("Literal['a', 'b']", "a", "a"),
    ],
)
def test_words_of_the_command_line_are_read_by_type(annotation: str, word: str, value: Any) -> None:
    kind = type_of_annotation(ast.parse(annotation, mode="eval").body)
    assert kind.parse(word) == value


def test_a_word_that_fits_no_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="six"):
        type_of_value(6).parse("six")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 1}'])
def test_what_is_no_notebook_says_so(text: str) -> None:
    with pytest.raises(Invalid, match=r"a\.ipynb"):
        parse_notebook(text, "a.ipynb")
