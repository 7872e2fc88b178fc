"""Batch scoring: the same predictions as the model's own, whole files or none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gristmill.cli import main
from gristmill.errors import Invalid
from gristmill.predictions._reader import read_log
from gristmill.project import Project
from gristmill.registry import Registry
from gristmill.serving import _tables as tables
from gristmill.serving import score
from tests.serving.conftest import frame


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 37)


def expected(project: Project, version: int, table: pd.DataFrame) -> list[float]:
    registry = Registry(project)
    columns = ["distance", "hour", "carrier", "wet", "age"]
    values = registry.load(registry.version("delay", version)).predict(table[columns])
    return [float(v) for v in values[:, 1]]


def test_parquet_and_csv_score_alike_and_keep_other_columns(
    project: Project, tmp_path: Path
) -> None:
    table = frame(100, seed=4)
    table["id"] = [f"00{n}" for n in range(100)]
    table["scheduled"] = pd.date_range("2026-01-01", periods=100, freq="h")
    table["note"] = 'a "quoted"\nline, with comma'
    table.to_parquet(tmp_path / "in.parquet")
    table.to_csv(tmp_path / "in.csv", index=False)
    truth = expected(project, 2, table)
    done = score(project, "delay", tmp_path / "in.parquet", tmp_path / "out.parquet", version=2)
    assert (done.rows, done.version) == (100, 2)
    got = pd.read_parquet(tmp_path / "out.parquet")
    assert got["prediction"].tolist() == pytest.approx(truth)
    pd.testing.assert_frame_equal(got.drop(columns="prediction"), table)
    arguments = ["-C", str(project.root), "score", "delay", str(tmp_path / "in.csv")]
    assert main([*arguments, str(tmp_path / "out.csv"), "--version", "2", "--log"]) == 0
    text = pd.read_csv(tmp_path / "out.csv", dtype={"id": str})
    assert text["prediction"].tolist() == pytest.approx(truth)
    assert text["id"].tolist() == table["id"].tolist()
    assert text["note"].tolist() == table["note"].tolist()
    log = read_log(project, "delay")
    assert sorted(log.rows["request_id"]) == sorted(text["request_id"])
    assert log.rows["event_time"].dt.tz_localize(None).tolist() == table["scheduled"].tolist()
    assert log.features["age"].isna().sum() == table["age"].isna().sum()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"hour": None}, "score.missing-column", "'hour'"),
        ({"hour": "late"}, "score.type", "'hour'"),
        ({"wet": 1}, "score.type", "'wet'"),
        ({"carrier": 7}, "score.type", "'carrier'"),
        ({"prediction": 1.0}, "score.column-taken", "'prediction'"),
    ],
)
def test_a_wrong_file_leaves_nothing(
    project: Project, tmp_path: Path, change: dict[str, object], code: str, message: str
) -> None:
    table = frame(50, seed=4).assign(**change).dropna(axis="columns", how="all")
    table.to_parquet(tmp_path / "in.parquet")
    with pytest.raises(Invalid, match=message) as caught:
        score(project, "delay", tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert caught.value.code == code
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == []


def test_a_missing_value_names_its_row_and_keeps_the_old_output(
    project: Project, tmp_path: Path
) -> None:
    table = frame(100, seed=4)
    table.loc[60, "distance"] = float("nan")
    table.to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "out.csv").write_text("before")
    with pytest.raises(Invalid, match="row 60, column 'distance'"):
        score(project, "delay", tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "before"


def test_a_file_without_rows_gives_one_without_rows(project: Project, tmp_path: Path) -> None:
    frame(3, seed=4).head(0).to_csv(tmp_path / "in.csv", index=False)
    assert score(project, "delay", tmp_path / "in.csv", tmp_path / "out.parquet").rows == 0
    assert "prediction" in pd.read_parquet(tmp_path / "out.parquet").columns
