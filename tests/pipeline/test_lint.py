"""Rules for notebooks (row 13): a law by hypothesis, else what a rule must and must not say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.authoring import Finding
from gristmill.authoring._lint import NotebookText, lint_texts
from gristmill.authoring._rules.finding import RULES, LintSettings
from gristmill.authoring._rules.secrets import SHAPES
from gristmill.errors import GateFailed, Invalid
from tests.conftest import shell, write_notebook

HEAD = (
    "from gristmill import Input, Output\nsrc: Input = 'data/a.csv'\n"
    "out: Output = 'o.csv'\nn: int = 3"
)
USE = "print(src, out, n)"
FORMS = [
    "{new} = {old} + 1",
    "def {new}(a={old}):\n    return [{old} for q in range(a) if q]",
    "for {new} in [{old}]:\n    pass",
    "class {new}:\n    x = {old}\n    def m(self):\n        return self.x, {old}",
    "{new} = [{old} for _q in range(3) if _q]",
    "import math as {new}\nprint({old})",
    "with open({old}) as {new}:\n    print({new})",
    "if {old}:\n    {new} = 1\nelse:\n    {new} = 2",
    "{new} = lambda z, w={old}: z + w",
    "%time {new} = {old}",
    "%%time\n{new} = {old}",
    "match {old}:\n    case [{new}, *_r]:\n        print({new}, _r)",
    "print({new} := {old})",
    "try:\n    {new} = {old}\nexcept ValueError as problem:\n    {new} = problem",
    "def _f():\n    return {old}\n{new} = _f()",
    "{new} = f'{{{old}!r}}'",
    "@staticmethod\ndef {new}(x: {old}):\n    return x",
]


def notebook(*cells: str, tagged: bool = True) -> str:
    made = nbformat.v4.new_notebook()
    made.metadata.kernelspec = {"name": "python3", "display_name": "p", "language": "python"}
    for index, source in enumerate(cells):
        cell = nbformat.v4.new_code_cell(source)
        if index == 0 and tagged:
            cell.metadata["tags"] = ["parameters"]
        made.cells.append(cell)
    return str(nbformat.writes(made))


def lint_text(text: str, rules: LintSettings | None = None) -> list[Finding]:
    return lint_texts([NotebookText(text, "x.ipynb", "x")], rules or LintSettings())


def lint_cells(*cells: str, rules: LintSettings | None = None) -> list[Finding]:
    return lint_text(notebook(HEAD, USE, *cells), rules)


def codes(*cells: str) -> list[tuple[str, int]]:
    return [(f.code, f.cell) for f in lint_cells(*cells)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FORMS), st.integers(0, 99)), min_size=2, max_size=7),
       st.data())  # fmt: skip
def test_names_in_order_pass_and_out_of_order_do_not(
    forms: list[tuple[str, int]], data: st.DataObject
) -> None:
    cells = []
    uses = []
    for index, (form, pick) in enumerate(forms):
        old = f"v{pick % index}" if index else "n"
        uses.append(old)
        cells.append(form.format(new=f"v{index}", old=old))
    assert codes(*cells) == []
    later = data.draw(st.integers(1, len(cells) - 1))
    earlier = int(uses[later][1:])
    moved = [*cells[:earlier], cells[later], *cells[earlier:later], *cells[later + 1 :]]
    assert ("undefined-name", 2 + earlier) in codes(*moved)


@pytest.mark.parametrize(
    "cells",
    [
        ("from numpy import *\nprint(array([1]))",),
        ("exec(text_of := 'a = 1')", "print(a)"),
        ("%run other.py", "print(anything)"),
        ("%%sql\nselect 1", "print(df)"),
        ("def f():\n    return later_on\n", "later_on = 1", "print(f())"),
        ("def f():\n    global state\n    state = 1", "f()\nprint(state)"),
        ("try:\n    fast\nexcept NameError:\n    fast = None",),
        ("if 'x' in globals():\n    print(x)",),
        ("print(_, __, In[1], Out, get_ipython(), display, _3, __name__)",),
        ("%%capture log\nprint(1)", "print(log)"),
        ("files = !ls", "print(files)"),
        ("%%bash\necho $nothing",),
        ("class A:\n    q: int\n    def m(self, other: 'A') -> 'A':\n        return other",),
        ("rows = {k: v for k, v in zip('ab', range(2)) if k for _ in [v]}",),
        ("def f(x: 'Later', y: 'Never'): ...", "class Later: ..."),
        ("from __future__ import annotations\ndef f(x: Later): ...", "class Later: ..."),
        ("print((", "print(anything)", "def f():\n    return anything\nf()"),
        ("%%time\nprint((", "print(anything)"),
        ("%%timeit table = [1]\nsum(table)",),
        ("try:\n    fast\nexcept Exception:\n    fast = None",),
        ("def f():\n    return box", "for box in range(3):\n    f()"),
        ("def f():\n    if n > 3:\n        return box\nf()", "box = 1"),
        ("def f():\n    yield box\ng = f()", "box = 1", "list(g)"),
        ("get_ipython().run_line_magic('run', 'x.py')", "print(anything)"),
        ("if n:\n    x = (\n    1); exec('y = 2')\nprint(y)",),
        ("def outer():\n    def inner():\n        return box\n    box = 1\n    return inner",),
    ],
)
def test_what_cannot_be_judged_or_is_right_is_let_pass(cells: tuple[str, ...]) -> None:
    assert [c for c in codes(*cells) if c[0] == "undefined-name"] == []


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("a = 1\ndel a\nprint(a)", "undefined-name"),
        ("def f():\n    return nowhere\nf()", "undefined-name"),
        ("class A:\n    q = 1\n    def m(self):\n        return q", "undefined-name"),
        ("try:\n    1\nexcept ValueError as e:\n    pass\nprint(e)", "undefined-name"),
        ("x += 1", "undefined-name"),
        ("%time print(nowhere)", "undefined-name"),
        ("%%time\nprint(nowhere)", "undefined-name"),
        ("vars(nowhere)", "undefined-name"),
        ("print('é', nowhere, 'nowhere')", "undefined-name"),
        ("print(f'{nowhere}')", "undefined-name"),
        ("%%time\nprint((", "syntax-error"),
        ("print([q for q in range(3)], q)", "undefined-name"),
        ("print((", "syntax-error"),
        ("import pandas as pd\npd.read_csv('data/b.csv')", "undeclared-read"),
        ("import pandas as pd\nB = 'b.csv'\npd.read_csv(filepath_or_buffer=B)", "undeclared-read"),
        ("open('log.txt', 'w')", "undeclared-write"),
        ("from pathlib import Path\n(Path('a') / 'b').write_text('')", "undeclared-write"),
        ("from pathlib import Path\nPath('a').open('a')", "undeclared-write"),
        ("import joblib\njoblib.dump(n, 'm.pkl')", "undeclared-write"),
        ("open('/etc/hosts')", "absolute-path"),
        ("open('../up.csv')", "absolute-path"),
        ("where = '~/data/x.csv'", "absolute-path"),
        (r"where = 'C:\\data\\x.csv'", "absolute-path"),
        ("key = 1  # gristmill: ignore[no-such]", "unknown-rule"),
    ],
)
def test_a_rule_speaks(cell: str, code: str) -> None:
    assert codes(cell) == [(code, 2)]
    line = next(f.line for f in lint_cells(cell))
    if code != "unknown-rule":
        lines = cell.splitlines()
        lines[line - 1] += f"  # gristmill: ignore[{code}]"
        assert code == "syntax-error" or codes("\n".join(lines)) == []


def of_python(version: str, *cells: str) -> list[tuple[str, int]]:
    made = json.loads(notebook(HEAD, USE, *cells))
    made["metadata"]["language_info"] = {"name": "python", "version": version}
    return [(f.code, f.cell) for f in lint_text(json.dumps(made))]


def test_syntax_is_that_of_the_python_that_ran_the_notebook() -> None:
    cells = (
        "def first[T](x: list[T]) -> T:\n    return x[0]",
        "type Pairs[T] = dict[T, T]\nclass Box[T]:\n    held: T",
        "print(first([n]), Pairs, Box, nowhere)",
    )
    assert of_python("3.12.1", *cells) == [("undefined-name", 4)]
    old = of_python("3.11.4", *cells)
    assert [c for c in old if c[0] == "undefined-name"] == []
    if sys.version_info < (3, 12):
        assert old == [("syntax-error", 2), ("syntax-error", 3)]


def test_a_hint_names_the_cell_that_defines_a_name_later() -> None:
    early, called, gone = (
        lint_cells(*cells)[0]
        for cells in [
            ("print(box)", "", "box = 1"),
            ("def f():\n    return box\n", "f()", "box = 1"),
            ("box = 1\ndel box\nprint(box)",),
        ]
    )
    assert (early.cell, early.line, "cell 5" in early.message) == (2, 1, True)
    assert (called.cell, called.line, "cell 5" in called.message) == (3, 1, True)
    assert (gone.cell, gone.line) == (2, 3)


def test_findings_name_their_notebook() -> None:
    texts = [
        NotebookText(notebook(HEAD, USE, cell), path)
        for path, cell in [("a.ipynb", "b = 1"), ("b.ipynb", "print(b)"), ("c.ipynb", "print((")]
    ]
    made = [(f.notebook, f.code) for f in lint_texts(texts, LintSettings())]
    assert made == [("b.ipynb", "undefined-name"), ("c.ipynb", "syntax-error")]


def test_declared_paths_addresses_and_routes_are_no_findings() -> None:
    assert (
        codes(
            "import pandas as pd\npd.read_csv('data/a.csv')\nopen('o.csv', 'w')\nopen('o.csv')\n"
            "pd.read_csv('https://example.org/x.csv')\nroute = '/flights/{id}'\ndate = '1/2'"
        )
        == []
    )


def test_unused_names_of_the_parameters_cell() -> None:
    text = notebook(HEAD, "print(src)")
    made = [(f.code, f.line) for f in lint_text(text)]
    assert made == [("unused-output", 3), ("unused-parameter", 4)]
    assert lint_text(notebook(HEAD, "%%bash\necho $src $out $n")) == []


FAKE = {  # assembled here, so that no scanner of this repository takes them for real
    "an AWS access key": "AKIA" + "IOSFODNN7QWERTYU",
    "a GitHub token": "ghp_" + "a1B2" * 9,
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a password in an address": "postgresql://ada:" + "s3cr3tpw@db/x",
    "a JSON web token": "eyJhbGciOiJI.eyJzdWIiOiIx." + "dBjftJeZ4CVP",
}


@pytest.mark.parametrize("kind", FAKE)
def test_secrets_are_found_and_never_shown(kind: str) -> None:
    assert kind in SHAPES
    secret = FAKE[kind]
    source = lint_cells(f"x = {secret!r}")
    assert [f.code for f in source] == ["secret-in-source"]
    made = json.loads(notebook(HEAD, USE, "print(x := 1)"))
    made["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [secret]}]
    output = lint_text(json.dumps(made))
    assert [f.code for f in output] == ["secret-in-output"]
    for finding in [*source, *output]:
        assert secret[6:16] not in f"{finding}"


@pytest.mark.parametrize(
    ("cell", "secret"),
    [
        ("api_key = 'q8Zp02mVx7Lr'", True),
        ("connect(user='a', password='Tr0ub4dor&3')", True),
        ("cfg = {'aws_secret': 'wJalrXUtnFEMIK7MDENGbPx'}", True),
        ("api_key = 'your-api-key-here'", False),
        ("token_column = 'abcdefgh12'", False),
        ("password = os.environ['DB_PASSWORD']", False),
        ("token = 'tokenizer'", False),
        ("url = 'https://user:{password}@host/'", False),
    ],
)
def test_random_text_under_a_secrets_name(cell: str, secret: bool) -> None:
    made = lint_cells("import os\ndef connect(**k): ...", cell)
    assert [f.code for f in made] == ["secret-in-source"] * secret


@pytest.mark.parametrize(
    ("counts", "index"),
    [((1, 2, 3), None), ((None, None, None), None), ((1, 3, 2), 1), ((2, 1, 3), 0),
     ((1, None, 2), 1), ((4, 5, 6), 0)],
)  # fmt: skip
def test_execution_counts_tell_of_hidden_state(
    counts: tuple[int | None, ...], index: int | None
) -> None:
    made = json.loads(notebook(HEAD, USE, "print(n)"))
    for cell, count in zip(made["cells"], counts, strict=True):
        cell["execution_count"] = count
    text = json.dumps(made)
    cells = [f.cell for f in lint_text(text)]
    assert cells == ([] if index is None else [index])


def test_settings_name_every_rule_or_are_refused() -> None:
    off = LintSettings(rules=dict.fromkeys(RULES, "off"))
    assert lint_cells("print(nope)\nopen('/a/b')", rules=off) == []
    for wrong, code in [
        (LintSettings(rules={"nope": "off"}), "lint.unknown-rule"),
        (LintSettings(undeclared="loud"), "lint.severity"),
    ]:
        with pytest.raises(Invalid) as caught:
            wrong.checked("here")
        assert caught.value.code == code


def test_a_notebook_that_is_none_is_a_finding() -> None:
    assert lint_text("{")[0].code == "notebook.syntax"
    text = notebook("from gristmill import Input\nsrc: Input = '/abs'", "api_key = 'q8Zp02mVx7Lr'")
    made = [f.code for f in lint_text(text)]
    assert made == ["step.path-outside", "secret-in-source"]


@pytest.mark.slow
def test_the_gate_refuses_a_step_and_the_command_exits_with_one(project_root: Path) -> None:
    root = project_root
    write_notebook(
        root / "a.ipynb", "from gristmill import Output\nout: Output = 'a.txt'", "print(nope, out)"
    )
    write_notebook(
        root / "b.ipynb", "from gristmill import Output\nout: Output = 'b.txt'",
        "open(out, 'w').write('b')",
    )  # fmt: skip
    toml = root / "gristmill.toml"
    toml.write_text(toml.read_text() + "\n[lint]\ngate = true\n")
    done = shell(root, "gristmill", "lint", check=False)
    assert done.returncode == 1
    assert "a.ipynb, cell 3, line 1: error:" in done.stdout
    assert "[undefined-name]" in done.stdout
    assert shell(root, "gristmill", "lint", "b", "--json").stdout.strip() == "[]"
    refused = shell(root, "gristmill", "run", check=False)
    assert refused.returncode == GateFailed.exit_code
    assert "lint.gate" in refused.stderr
    assert not (root / "b.txt").exists()
    shell(root, "gristmill", "run", "b")
    assert (root / "b.txt").exists()
