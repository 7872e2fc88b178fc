"""Contracts: inferred, edited, held against what is logged and what is scored."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.cli import main
from gristmill.dashboards import model_page, read_state
from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.monitoring import monitor, read_report
from gristmill.project import Project
from gristmill.registry import Contract, infer_contract
from gristmill.registry._contract import contract_text

from .conftest import World
from .world import FEATURES, MODEL, flights

JULY = datetime(2013, 7, 1, tzinfo=UTC)


def declare(world: World, named: str) -> None:
    path = world.root / "gristmill.toml"
    line = f'target = "late"\ncontract = "{named}"'
    path.write_text(path.read_text().replace('target = "late"', line, 1))


def test_an_inferred_contract_is_held_against_every_logged_row(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """What breaks it is counted once, in its own window, and is an alert however few rows it is."""
    assert main(["model", "contract", MODEL]) == 0
    assert 'contract = "contracts.delay:CONTRACT"' in capsys.readouterr().out
    with pytest.raises(Conflict):
        infer_contract(world.project, MODEL)
    declare(world, "contracts.delay:CONTRACT")
    table = flights()
    good = table[table.scheduled.dt.month == 2]
    world.traffic.send(good, version=1, prediction=world.answers(good))
    result = monitor(world.project, MODEL, now=JULY)
    assert result.report.windows[0].breaches == ()
    assert not any(a.rule == "contract" for a in result.alerts)

    bad = table[table.scheduled.dt.month == 3].head(40).copy()
    answers = world.answers(bad)
    bad["carrier"] = bad["carrier"].astype(object)
    bad.iloc[:3, bad.columns.get_loc("carrier")] = ["??", "??", "!!"]
    bad.iloc[5:7, bad.columns.get_loc("distance")] = [-4.0, 1e9]
    bad.iloc[9, bad.columns.get_loc("hour")] = np.nan
    world.traffic.send(bad, version=1, prediction=answers)
    (alert,) = (a for a in monitor(world.project, MODEL, now=JULY).opened if a.rule == "contract")
    window = read_report(world.project, MODEL).windows[-1]
    assert window.drift.verdict == "inconclusive" and window.rows == 40
    breaches = {(b.column, b.rule.partition("(")[0]): b.rows for b in window.breaches}
    assert breaches == {
        ("carrier", "isin"): 3,
        ("distance", "in_range"): 2,
        ("hour", "is missing"): 1,
    }
    assert alert.severity == "critical" and "carrier: isin" in alert.reason
    assert "np." not in "".join(b.text for b in window.breaches)
    assert not monitor(world.project, MODEL, now=JULY).opened
    page = model_page("small", read_state(world.project, MODEL))
    assert "<h2>Contract</h2>" in page and "is missing" in page

    code = world.root / "contracts/delay.py"
    code.write_text(code.read_text().replace("pa.Check.isin(", "pa.Check.isin(['??', '!!'] + "))
    again = {b.column for b in monitor(world.project, MODEL, now=JULY).report.windows[-1].breaches}
    assert again == {"distance", "hour"}  # an edited contract judges what was logged before
    assert "contracts.delay" not in sys.modules and str(world.root) not in sys.path


def test_a_file_that_breaks_it_is_not_scored(world: World) -> None:
    path, named = infer_contract(world.project, MODEL)
    declare(world, named)
    rows = flights()[FEATURES].dropna().head(50).copy()
    rows.to_parquet(world.root / "good.parquet")
    assert main(["score", MODEL, "good.parquet", "out.parquet"]) == 0
    rows.iloc[7, rows.columns.get_loc("humid")] = 1e6
    rows.to_parquet(world.root / "bad.parquet")
    assert main(["score", MODEL, "bad.parquet", "bad-out.parquet"]) == Invalid.exit_code
    assert not (world.root / "bad-out.parquet").exists()
    assert main(["score", MODEL, "bad.parquet", "bad-out.parquet", "--unchecked"]) == 0
    path.write_text(path.read_text().replace("CONTRACT =", "OTHER ="))
    assert main(["score", MODEL, "good.parquet", "x.parquet"]) == Invalid.exit_code
    path.unlink()
    assert main(["score", MODEL, "good.parquet", "x.parquet"]) == NotFound.exit_code


columns = st.fixed_dictionaries({
    "number": st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=6, max_size=6),
    "count": st.lists(st.integers(0, 10**6), min_size=6, max_size=6),
    "flag": st.lists(st.booleans(), min_size=6, max_size=6),
    "it's": st.lists(st.sampled_from(["a", "b'", 'c"', "é", None]), min_size=6, max_size=6),
})  # fmt: skip


@settings(max_examples=8)
@given(columns)
def test_the_rows_it_was_inferred_from_keep_it(values: dict[str, list[object]]) -> None:
    """Also once they went through the log, as floats and text."""
    import tempfile
    from pathlib import Path

    frame = pd.DataFrame(values)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "gristmill.toml").write_text('[project]\nname = "x"\n')
        (root / "rules.py").write_text(contract_text(frame, "x"))
        contract = Contract.load(Project.load(root), "rules:CONTRACT")
    assert contract is not None
    assert contract.broken(frame) == []
    logged = {n: frame[n].astype("float64" if k == "number" else object)
              for n, k in contract.kinds.items()}  # fmt: skip
    logged["flag"] = logged["flag"].map(json.dumps)
    assert contract.broken(pd.DataFrame(logged)) == []
