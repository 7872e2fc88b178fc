"""A notebook made a step and changed as a form (rows 4, 8, 36)."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.authoring import Edit, StepChange, complete_path, edit_step, step_form
from gristmill.authoring._cells import Cell, read_cells
from gristmill.authoring._form import change
from gristmill.authoring._form.edits import apply_edits
from gristmill.authoring._form.form import read_form
from gristmill.authoring._form.rewrite import rewrite
from gristmill.authoring._form.suggest import suggest, suggestion_edits
from gristmill.authoring._form.values import literal, typed
from gristmill.errors import Conflict, GristmillError, Invalid, NotFound
from gristmill.pipeline import ANY_TYPE, ValueType, parse_notebook, parse_step, type_of_value
from gristmill.project import Project
from tests.conftest import shell, write_notebook

STEP = """\
from gristmill import Input, Literal
data: Input = 'data/x.csv'  # what comes in
# How many trees vote.
trees: int = 40
rate = 1e-3  # learning rate
kind: "Literal['a', 'b']" = "a"
note: str | None = None
broken: int = "no"
"""
PLAIN = (
    "import pandas as pd\nfrom pathlib import Path\nTREES = 200  # votes\nprint(f'{TREES:>4}')",
    "d = pd.read_csv('data/raw.csv')\nm = Forest(n_estimators=TREES, max_depth=7, random_state=3)\n"
    "a, b = split(d, test_size=.25, random_state=3)\nplt.plot(d, alpha=0.3)",
    "d.to_parquet('data/out.parquet')\npd.read_parquet('data/out.parquet')\n"
    "Path('metrics/m.json').write_text('{}')\n%timeit d.sum(axis=1)\n"
    "def f(n=Forest(leaf=2)):\n    return 'ä', g(leaf=3)",
)


def cells_of(*sources: str, step: bool = True) -> tuple[Cell, ...]:
    tags = frozenset({"parameters"})
    return tuple(
        Cell(i, "code", s, tags if step and i == 0 else frozenset(), None, ())
        for i, s in enumerate(sources)
    )


def changed(cells: tuple[Cell, ...], edits: list[Edit]) -> list[str]:
    return [c.source for c in apply_edits(cells, edits)]


def numbered() -> Iterator[str]:
    return (f"new-{n}" for n in count())


def test_a_form_shows_types_defaults_allowed_values_comments_and_mistakes() -> None:
    form = read_form(cells_of(STEP))
    rows = {f.name: (f.kind, f.annotation, f.source, f.doc) for f in form.fields}
    assert rows["data"] == ("input", "Input", "'data/x.csv'", "what comes in")
    assert rows["trees"] == ("value", "int", "40", "How many trees vote.")
    assert rows["rate"] == ("value", "", "1e-3", "learning rate")
    kind = form.field("kind")
    assert kind and kind.type.allowed == ("a", "b")
    broken = form.field("broken")
    assert broken and broken.problem and broken.problem["code"] == "parameter.type"
    assert read_form(cells_of("(")).problem is not None
    assert read_form(cells_of("a = 1", step=False)).cell == -1


def test_a_change_touches_its_own_characters_only() -> None:
    cells = cells_of(STEP)
    assert changed(cells, change.set_edits(cells, "trees", text="1_000")) == [
        STEP.replace("= 40", "= 1_000")
    ]
    assert changed(cells, change.set_edits(cells, "data", text="data/y'.csv")) == [
        STEP.replace("'data/x.csv'", '"data/y\'.csv"')
    ]
    assert change.set_edits(cells, "rate", text="0.001") == []
    assert changed(cells, change.set_edits(cells, "rate", annotation="float | None")) == [
        STEP.replace("rate =", "rate: float | None =")
    ]
    retyped = changed(cells, change.set_edits(cells, "note", annotation="Optional[str]"))[0]
    assert retyped.startswith("from typing import Optional\nfrom gristmill")
    added = change.add_edits(cells, "out", "Output", text="data/o.csv", doc="what goes out")
    assert changed(cells, added) == [
        STEP.replace("Input, Literal", "Input, Literal, Output")
        + 'out: Output = "data/o.csv"  # what goes out\n'
    ]
    assert "note" not in changed(cells, change.remove_edits(cells, "note"))[0]


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (lambda c: change.set_edits(c, "trees", text="many"), "parameter.type"),
        (lambda c: change.set_edits(c, "kind", value="z"), "parameter.type"),
        (lambda c: change.set_edits(c, "trees", annotation="list["), "parameter.annotation"),
        (lambda c: change.set_edits(c, "trees", annotation="str"), "parameter.type"),
        (lambda c: change.set_edits(c, "data", text="/etc/passwd"), "step.path-outside"),
        (lambda c: change.set_edits(c, "nothing", text="1"), "parameter.not-found"),
        (lambda c: change.add_edits(c, "trees", "int", text="1"), "parameter.taken"),
        (lambda c: change.add_edits(c, "class", "int", text="1"), "parameter.name"),
        (lambda c: change.renamed_edits(c, "trees", "rate"), "parameter.taken"),
        (change.init_edits, "step.exists"),
        (lambda c: suggestion_edits(c, "path:x"), "suggestion.not-found"),
    ],
)
def test_what_cannot_be_is_refused_and_named(do: Any, code: str) -> None:
    with pytest.raises(GristmillError) as problem:
        do(cells_of(STEP))
    assert problem.value.code == code


def test_a_new_name_reaches_every_cell_and_f_string_or_none() -> None:
    cells = cells_of("n: int = 3", "print(f'{n:>3} {n}', n, obj.n, g(n=n))\nx = [n for _ in 'n']")
    assert changed(cells, change.renamed_edits(cells, "n", "total")) == [
        "total: int = 3",
        "print(f'{total:>3} {total}', total, obj.n, g(n=total))\nx = [total for _ in 'n']",
    ]
    for text in ("def f(n): return n", "[n for n in x]", "%time n + 1", "df.query('a > @n')"):
        cells = cells_of("n: int = 3", "print(n)", text)
        with pytest.raises(Conflict) as caught:
            change.renamed_edits(cells, "n", "total")
        assert (caught.value.code, "cell 3" in caught.value.message) == ("parameter.rename", True)


def test_a_notebook_becomes_a_step_where_its_code_begins() -> None:
    about = Cell(0, "markdown", "# About", frozenset(), None, ())
    code = Cell(1, "code", "import x", frozenset(), None, ())
    made = apply_edits((about, code), change.init_edits((about, code)))
    assert [c.source for c in made] == ["# About", change.STARTER, "import x"]
    values = cells_of("depth = 3\nname = 'x'", "use(depth)", step=False)
    assert change.init_edits(values) == [Edit("tag", 0, tags=("parameters",))]
    assert changed(values, suggestion_edits(values, "constant:depth"))[0].startswith("depth: int")


def inlined(cells: list[str]) -> list[str]:
    """What the cells do, with each parameter's name replaced by its default."""
    values = {
        s.target.id: s.value  # type: ignore[union-attr]
        for s in ast.parse(cells[0]).body
        if isinstance(s, ast.AnnAssign)
    }

    class Inline(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> Any:
            return values.get(node.id, node)

    texts = []
    for cell in cells[1:]:
        tree = ast.parse(cell.replace("%timeit ", ""))
        tree.body = [s for s in tree.body if "TREES = " not in ast.unparse(s)]
        texts.append(ast.unparse(Inline().visit(tree)))
    return texts


def test_following_every_suggestion_makes_a_step_that_does_the_same() -> None:
    cells = cells_of(*PLAIN, step=False)
    suggestions = {s.name: (s.kind, s.source) for s in suggest(cells)}
    assert suggestions == {
        "TREES": ("value", "200"),
        "raw": ("input", '"data/raw.csv"'),
        "out": ("output", '"data/out.parquet"'),
        "m_path": ("metrics", '"metrics/m.json"'),
        "max_depth": ("value", "7"),
        "random_state": ("value", "3"),
        "test_size": ("value", ".25"),
        "leaf": ("value", "2"),
        "g_leaf": ("value", "3"),
    }
    while left := suggest(cells):
        cells = apply_edits(cells, suggestion_edits(cells, left[0].id))
    before = inlined(["TREES: int = 200", *PLAIN])
    assert inlined([c.source for c in cells]) == before
    raw = {"cells": [{"cell_type": "code", "source": c.source, "metadata": {"tags": [*c.tags]}}
                     for c in cells]}  # fmt: skip
    step = parse_step(parse_notebook(json.dumps(raw), "x.ipynb"), "x")
    assert step and {p.name for p in step.paths} == {"raw", "out", "m_path"}
    assert "# votes" in cells[0].source


TEXT = st.text(st.sampled_from(string.printable + "äß€𝄞\u2028"), max_size=30)
LAYOUT = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 1, 2, "\t"]),
        "ensure_ascii": st.booleans(),
        "sort_keys": st.just(True),
    }
)


@st.composite
def notebooks(draw: Any) -> dict[str, Any]:
    def cell() -> dict[str, Any]:
        source = draw(TEXT)
        metadata = draw(st.sampled_from([{}, {"z": 1}, {"a": {}}, {"tags": ["x"]}, {"tags": []}]))
        kind = draw(st.sampled_from(["code", "markdown"]))
        has_parameters = draw(st.booleans())
        return {
            "cell_type": kind,
            "metadata": dict(metadata),
            "source": source.splitlines(keepends=True) if has_parameters else source,
            "outputs": [{"text": draw(TEXT)}],
        }

    cells = [cell() for _ in range(draw(st.integers(1, 4)))]
    return {"cells": cells, "metadata": {"ä": draw(TEXT)}, "nbformat": 4, "nbformat_minor": 5}


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(notebooks(), LAYOUT, TEXT, st.data())
def test_json_changes_only_where_it_must(
    raw: dict[str, Any], layout: dict[str, Any], new: str, data: Any
) -> None:
    """The file is what the same writer would have written of the changed notebook, and changing
    back gives the first bytes."""
    end = data.draw(st.sampled_from(["", "\n"]))
    text = json.dumps(raw, **layout) + end
    at = data.draw(st.integers(0, len(raw["cells"]) - 1))
    old = read_cells(raw)[at].source
    change_ = Edit("source", at, old, new)
    tag = Edit("tag", at, tags=("parameters",))
    insert = Edit("insert", at, after=new, tags=("parameters",))
    after = rewrite(text, [change_, tag, insert], numbered())
    expected = json.loads(json.dumps(raw))
    cell = expected["cells"][at]
    listed = isinstance(cell["source"], list)
    if old != new:
        cell["source"] = new.splitlines(keepends=True) if listed else new
    cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "parameters"]
    made = {"cell_type": "code", "execution_count": None, "metadata": {"tags": ["parameters"]},
            "outputs": [], "source": new.splitlines(keepends=True), "id": "new-0"}  # fmt: skip
    expected["cells"].insert(at, made)
    assert json.loads(after) == expected
    if text.isascii() == json.dumps(expected, **layout).isascii() or layout["ensure_ascii"]:
        spelled = json.dumps(expected, **layout)
        assert json.loads(spelled) == json.loads(after)
        if not layout["ensure_ascii"]:
            assert after == spelled + end
    changed_text = rewrite(text, [change_], numbered())
    assert rewrite(changed_text, [Edit("source", at, new, old)], numbered()) == text
    assert rewrite(text, [], numbered()) == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(VALUES, st.sampled_from(["'", '"', ""]))
def test_what_is_written_reads_as_the_value(value: Any, like: str) -> None:
    assert ast.literal_eval(literal(value, ANY_TYPE, like)) == value
    if not isinstance(value, str | None):
        assert typed(repr(value), type_of_value(value))[0] == value
    assert literal(3, ValueType("float")) == "3.0"


@settings(max_examples=40, deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_setting_back_gives_the_first_text(one: int, other: int) -> None:
    cells = cells_of(f"é = 'ü'; x: int = {one} # ß\ny = 2")
    changed_cells = apply_edits(cells, change.set_edits(cells, "x", value=other))
    assert apply_edits(changed_cells, change.set_edits(changed_cells, "x", value=one)) == cells


def test_on_disk_through_python_and_the_command_line(project_root: Path) -> None:
    root = project_root
    write_notebook(root / "plain.ipynb", *PLAIN, step=False)
    write_notebook(root / "done.ipynb", "from gristmill import Output\no: Output = 'data/raw.csv'")
    project = Project.find(root)
    (root / "data").mkdir(exist_ok=True)
    (root / "data/rows.csv").write_text("a\n")
    completions = complete_path(project, "data/r")
    assert [(c.path, c.step) for c in completions] == [
        ("data/raw.csv", "done"),
        ("data/rows.csv", ""),
    ]
    (root / "plain.ipynb").chmod(0o640)
    shell(root, "gristmill", "step", "apply", "plain.ipynb", "--all")
    assert (root / "plain.ipynb").stat().st_mode & 0o777 == 0o640
    shell(root, "gristmill", "step", "set", "plain.ipynb", "max_depth=9", "TREES=10")
    form = json.loads(shell(root, "gristmill", "step", "show", "plain.ipynb", "--json").stdout)
    values = {f["name"]: f["default"] for f in form["form"]["fields"]}
    assert (values["max_depth"], values["TREES"], form["suggestions"]) == (9, 10, [])
    (root / "params.yaml").write_text("plain:\n  TREES: 5\n")
    assert step_form(project, "plain.ipynb").given == {"TREES": 5}
    before = (root / "plain.ipynb").read_bytes()
    assert edit_step(project, "plain.ipynb", StepChange("set", name="TREES", text="10")) == []
    for path, kind in (("../x.ipynb", Invalid), ("no.ipynb", NotFound), ("data/rows.csv", Invalid)):
        with pytest.raises(kind):
            edit_step(project, path, StepChange("init"))
    with pytest.raises(Invalid) as caught:
        edit_step(project, "plain.ipynb", StepChange("dance"))
    assert caught.value.code == "step.action"
    assert (root / "plain.ipynb").read_bytes() == before
