"""One rule for one log: what windows count is what the reader of the log gives, in whatever order
and pieces the log was read, with requests that were sent again and labels that were corrected."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.monitoring._statistics.periods import parse_period
from gristmill.monitoring._store.profile import Profile
from gristmill.monitoring._store.sampled import sampled_rows
from gristmill.monitoring._store.store import SketchStore
from gristmill.monitoring._windows.reference import columns_of, values_of
from gristmill.predictions import feedback_directory, predictions_directory, timestamp
from gristmill.predictions._reader import read_log
from gristmill.project import Project

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = parse_period("1h")
COLORS = ["red", "blue"]


def profile_of(version: int) -> Profile:
    rng = np.random.default_rng(version)
    table = {
        "x": pd.Series(rng.normal(0, 5, 200)),
        "color": pd.Series(rng.choice(COLORS, 200)),
    }
    values = {name: pair for name, column in table.items() if (pair := values_of(column))}
    columns = columns_of(values, None)
    return Profile(version, "binary", 200, columns, None, {}, segments={"color": tuple(COLORS)})


PROFILES = {v: profile_of(v) for v in (1, 2)}

PREDICTIONS = st.tuples(
    st.integers(0, 5),  # request
    st.integers(0, 30),  # minute of receipt
    st.integers(0, 2),  # hour of the event
    st.integers(1, 2),  # version
    st.integers(-9, 9),  # x
    st.sampled_from(COLORS),
    st.sampled_from([0.1, 0.4, 0.9]),
)
LABELS = st.tuples(st.integers(0, 7), st.integers(0, 30), st.booleans())
FILE = st.lists(PREDICTIONS, max_size=6)
FEEDBACK = st.lists(LABELS, max_size=5)


def prediction_line(row: tuple[Any, ...]) -> str:
    request, minute, hour, version, x, color, value = row
    record = {
        "request_id": f"r{request}",
        "time": timestamp(START + timedelta(minutes=minute)),
        "event_time": timestamp(START + timedelta(hours=hour)),
        "model": "m",
        "version": version,
        "features": {"x": float(x), "color": color},
        "prediction": value,
        "latency_ms": 1.0,
    }
    return json.dumps(record) + "\n"


def label_line(row: tuple[Any, ...]) -> str:
    request, minute, value = row
    time = timestamp(START + timedelta(minutes=minute))
    return json.dumps({"request_id": f"r{request}", "time": time, "label": value}) + "\n"


def take(store: SketchStore, project: Project) -> None:
    store.take_predictions(predictions_directory(project, "m"), PROFILES.get, "event")
    store.take_feedback(feedback_directory(project, "m"), PROFILES)


def figures(store: SketchStore) -> dict[Any, Any]:
    counted: dict[Any, Any] = {}
    for window in store.windows(HOURS):
        profile = PROFILES[window.version]
        parts = store.sketches(window, profile)
        scores = store.scores(window, profile)
        bins, _ = store.sample(window, 100)
        counted[window.version, window.start] = {
            "rows": window.rows,
            "labelled": window.labelled,
            "counts": {(p, n): s.counts.tolist() for p, c in parts.items() for n, s in c.items()},
            "totals": {(p, n): round(s.total, 6) for p, c in parts.items() for n, s in c.items()},
            "scores": scores.counts.tolist(),
            "brier": round(float(scores.sums[0]), 6),
            "sample": sorted(bins.tolist()),
        }
    return counted


@given(
    files=st.lists(FILE, min_size=1, max_size=3),
    feedback=st.lists(FEEDBACK, min_size=1, max_size=2),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_and_any_pieces_count_the_same(
    files: list[list[Any]],
    feedback: list[list[Any]],
    order: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    project = Project(tmp_path_factory.mktemp("log"), {})
    logs: list[tuple[Path, list[str]]] = []
    for kind, rows, line in (
        (predictions_directory, files, prediction_line),
        (feedback_directory, feedback, label_line),
    ):
        folder = kind(project, "m")
        folder.mkdir(parents=True)
        logs += [(folder / f"{i}.jsonl", [line(r) for r in file]) for i, file in enumerate(rows)]
    appends = [path for path, lines in logs for _ in lines]
    order.shuffle(appends)
    waiting = {path: list(lines) for path, lines in logs}
    with SketchStore(project.root / "a.db", sampled=True) as store:
        for path in appends:
            with path.open("a") as file:
                file.write(waiting[path].pop(0))
            if order.random() < 0.5:
                take(store, project)
        take(store, project)
        piecemeal = figures(store)
    with SketchStore(project.root / "b.db", sampled=True) as store:
        take(store, project)
        at_once = figures(store)
    assert piecemeal == at_once
    agrees_with_the_reader(project, at_once)


def test_versions_that_disagree_on_a_columns_kind_are_each_counted_by_their_own(
    tmp_path: Path,
) -> None:
    texts = pd.Series(["1.5", "-2.0", "lots"] * 60)
    columns = columns_of({"x": ("category", texts.to_numpy(dtype=object))}, None)
    profiles = {1: PROFILES[1], 3: Profile(3, "labels", 180, columns, None, {})}
    rows = [
        (0, 0, 0, 1, 1.5, "red", 0.5),
        (1, 1, 0, 1, -2, "blue", 0.25),
        (2, 2, 0, 3, 1.5, "red", "late"),
        (3, 3, 0, 3, -2, "red", "late"),
    ]
    project = Project(tmp_path, {})
    folder = predictions_directory(project, "m")
    folder.mkdir(parents=True)
    (folder / "0.jsonl").write_text("".join(prediction_line(row) for row in rows))
    with SketchStore(tmp_path / "a.db", sampled=True) as store:
        store.take_predictions(folder, profiles.get, "event")
        number, category = store.windows(HOURS)
        sketch = store.sketches(number, profiles[1])[""]["x"]
        assert (sketch.present, sketch.total, sketch.low) == (2, -0.5, -2.0)
        sketch = store.sketches(category, profiles[3])[""]["x"]
        assert sketch.counts.tolist() == columns[0].binning.sketch(["1.5", "-2.0"]).counts.tolist()


def agrees_with_the_reader(project: Project, counted: dict[Any, Any]) -> None:
    rows = read_log(project, "m").rows
    groups = {
        (version, start.to_pydatetime()): group
        for (version, start), group in rows.groupby(["version", "moment"])
    }
    assert set(groups) == set(counted)
    for key, group in groups.items():
        labelled = group.dropna(subset="label")
        error = labelled["prediction"] - labelled["label"].astype(float)
        window = counted[key]
        assert (window["rows"], window["labelled"]) == (len(group), len(labelled))
        assert window["brier"] == round(float((error**2).sum()), 6)
        version, start = key
        frame, rows = sampled_rows(
            predictions_directory(project, "m"),
            PROFILES[version],
            [(start, start + timedelta(hours=1))],
            "event",
            100,
        )
        assert len(frame) == rows == len(group)
        assert round(float(frame["x"].sum()), 6) == window["totals"]["", "x"]
