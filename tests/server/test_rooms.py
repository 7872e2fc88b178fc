"""Past runs, sweeps and models over REST, on a project whose step ran twice."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser.world import trained
from tests.waiting import PATIENCE

from .conftest import Ask

pytestmark = pytest.mark.slow

ROLES = '\n[roles]\nregister = ["eve@example.org"]\napprove = ["eve@example.org"]\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        trained(root / "toy")
    return root


@pytest.fixture
def jp_root_dir(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRISTMILL_KEYS", str(served / "keys"))
    monkeypatch.setenv("GRISTMILL_ACTOR", "ada@example.org")
    return served


async def test_runs_are_listed_and_two_compared(ask: Ask) -> None:
    status, reply = await ask("GET", "history", folder="toy", limit="1")
    assert (status, len(reply["rows"]), reply["more"]) == (200, 1, True)
    assert reply["rows"][0]["params"]["train.columns"] == "ab"
    status, diff = await ask("GET", "history/last~1/diff/last", folder="toy")
    assert diff["diff"]["params"]["train.columns"] == {"before": "a", "after": "ab", "delta": None}
    assert diff["diff"]["metrics"]["train.roc_auc"]["delta"] > 0
    assert diff["plots"] == []
    status, record = await ask("GET", "history/last", folder="toy")
    assert (status, record["steps"]["train"]["status"]) == (200, "succeeded")
    for path, query, expected in (
        ("history/nothing", {}, (404, "runs.not-found")),
        ("history/last/diff/nothing", {}, (404, "runs.not-found")),
        ("history", {"limit": "many"}, (422, "runs.limit")),
        ("history", {"where": "metrics.a >"}, (422, "runs.where")),
        ("sweeps/..%2f..%2fruns", {}, (422, "sweep.name")),
        ("sweeps/none", {}, (404, "sweep.not-found")),
    ):
        status, error = await ask("GET", path, folder="toy", **query)
        assert (status, error["code"]) == expected


async def test_a_sweep_is_checked_then_runs_by_itself(ask: Ask) -> None:
    status, view = await ask("GET", "sweeps", folder="toy")
    assert (status, view["metrics"]) == (200, ["metrics.json:roc_auc"])
    assert view["parameters"] == [{"name": "train.columns", "type": "str", "value": "ab"}]
    request = {"name": "tiny", "parameters": {"train.columns": "c"}, "metric": view["metrics"][0]}
    for wrong, code in (
        ({"metric": "no.json:x"}, "sweep.metric"),
        ({"method": "luck"}, "sweep.method"),
        ({"name": "../x"}, "sweep.name"),
        ({"parameters": {"train.nothing": "1"}}, "parameter.unknown"),
        ({"name": "absent", "parameters": {}}, "sweep.not-found"),
    ):
        status, error = await ask("POST", "sweeps", {**request, **wrong}, folder="toy")
        assert (status // 100, error["code"]) == (4, code)
    status, begun = await ask("POST", "sweeps", request, folder="toy")
    assert (status, begun["total"], begun["alive"]) == (202, 1, True)
    async with asyncio.timeout(PATIENCE):
        while not view["sweeps"] or view["sweeps"][0]["alive"]:
            _, view = await ask("GET", "sweeps", folder="toy")
    assert (view["sweeps"][0]["ended"], view["sweeps"][0]["failed"]) == (1, 0)
    status, error = await ask("POST", "sweeps", request, folder="toy")
    assert (status, error["code"]) == (409, "sweep.exists")
    status, trials = await ask("GET", "history", folder="toy", sweep="tiny")
    assert trials["rows"][0]["params"]["train.columns"] == "c"


async def test_a_model_is_registered_judged_promoted_and_rolled_back(
    ask: Ask, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"folder": "toy"}
    status, view = await ask("GET", "models", **here)
    assert (status, view["models"][0]["versions"], view["actor"]) == (200, [], "ada@example.org")
    _, kept = await ask("GET", "history", **here)
    for run in (kept["rows"][1]["run"], kept["rows"][0]["run"]):
        status, done = await ask("POST", "models/delay/register", {"run": run}, **here)
        assert status == 201, done
    move = {"version": 1, "reason": "the first"}
    status, error = await ask("POST", "models/delay/promote", move, **here)
    assert (status, error["code"]) == (409, "gate.missing")
    for version in (1, 2):
        status, done = await ask("POST", "models/delay/gate", {"version": version}, **here)
        assert status == 200, done
        move = {"version": version, "reason": "better", "expected": version - 1}
        status, done = await ask("POST", "models/delay/promote", move, **here)
        assert (status, await champion(ask)) == (200, version), done
    status, error = await ask(
        "POST", "models/delay/promote", {"version": 1, "reason": "x", "expected": 1}, **here
    )
    assert status == 409
    status, view = await ask("GET", "models", **here)
    model = view["models"][0]
    assert (model["champion"], model["back"]) == (2, 1)
    assert [v["verdict"] for v in model["versions"]] == ["pass", "pass"]
    status, reply = await ask("GET", "models/delay/versions/champion", **here)
    assert (reply["version"], {g["verdict"] for g in reply["gates"]}) == (2, {"pass"})
    for path, query, key in (
        ("models/delay/versions/2/card", {"as_html": "true"}, "text"),
        ("models/delay/champion", {}, "version"),
        ("audit", {}, "entries"),
        ("audit/keys", {}, "ada@example.org"),
    ):
        status, reply = await ask("GET", path, **query, **here)
        assert (status, bool(reply[key])) == (200, True), path
    past = {"at": "2001-01-01"}
    assert await ask("GET", "models/delay/champion", **past, **here) == (200, None)
    _, log = await ask("GET", "audit/log", model="delay", actions="promote", **here)
    assert [entry["version"] for entry in log] == [1, 2]
    status, reply = await ask("GET", "models/delay/compare", versions="1,2", **here)
    assert status == 200 and "ROC" in reply["html"]
    status, done = await ask("POST", "models/delay/rollback", {"reason": "too slow"}, **here)
    assert (status, await champion(ask)) == (200, 1), done
    status, error = await ask("POST", "models/delay/rollback", {"reason": "again"}, **here)
    assert (status, error["code"]) == (409, "rollback.nothing")
    for path, body, expected in (
        ("models/none/register", {}, (404, "model.unknown")),
        ("models/delay/gate", {"version": 9}, (404, "version.not-found")),
        ("models/delay/gate", {"version": "2"}, (422, "settings.type")),
        ("models/delay/promote", {"version": 2, "reason": " "}, (422, "reason.missing")),
        ("models/delay/promote", {"reason": "x"}, (422, "request.version")),
        (
            "models/delay/decision",
            {"version": 2, "decision": "request", "reason": "x"},
            (422, "approval.decision"),
        ),
        ("models/delay/reproduce", {"version": 9}, (404, "version.not-found")),
        ("models/none/monitor", {}, (404, "model.unknown")),
        ("models/delay/monitor", {"now": "soon"}, (422, "monitoring.time")),
        ("models/delay/score", {"source": "no.csv", "target": "x.csv"}, (404, "score.input")),
        ("models/delay/score", {"source": "../x", "target": "y"}, (403, "path.outside")),
        ("models/delay/dashboard/export", {"target": "/etc/x.html"}, (403, "path.outside")),
        ("alerts/none/resolve", {"reason": "gone"}, (404, "alert.unknown")),
    ):
        status, error = await ask("POST", path, body, **here)
        assert (status, error["code"]) == expected
    settings = served / "toy/gristmill.toml"
    text = settings.read_text()
    settings.write_text(text + ROLES)
    try:
        for path, body in (
            ("promote", {"version": 2, "reason": "x"}),
            ("rollback", {"reason": "x"}),
            ("gate", {"version": 2}),
            ("decision", {"version": 2, "decision": "approve", "reason": "x"}),
            ("request", {"version": 2, "reason": "x"}),
        ):
            status, error = await ask("POST", f"models/delay/{path}", body, **here)
            assert (status, error["code"]) == (403, "role.missing"), path
        monkeypatch.setenv("GRISTMILL_ACTOR", "eve@example.org")
        body = {"version": 2, "reason": "please"}
        assert (await ask("POST", "models/delay/request", body, **here))[0] == 200
        status, view = await ask("GET", "models", **here)
        assert (view["may"]["promote"], view["may"]["approve"]) == (False, True)
        assert (view["waiting"][0]["version"], view["waiting"][0]["mine"]) == (2, True)
    finally:
        settings.write_text(text)


async def champion(ask: Ask) -> Any:
    return (await ask("GET", "models/delay/champion", folder="toy"))[1]["version"]


async def test_a_long_verb_is_a_job_that_says_how_it_ended(ask: Ask, served: Path) -> None:
    here = {"folder": "toy"}
    status, job = await ask("POST", "models/delay/monitor", {"now": "2026-01-01"}, **here)
    assert (status, job["verb"], job["state"]) == (202, "monitor", "running")
    ended = await finished(ask, job["job"])
    assert (ended["state"], ended["error"]) == ("succeeded", None), ended
    assert (ended["result"]["model"], ended["result"]["windows"]) == ("delay", [])
    _, jobs = await ask("GET", "jobs", **here)
    assert [j["job"] for j in jobs] == [job["job"]]
    folder = served / "toy/.gristmill/jobs" / job["job"]
    record = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**record, "state": "running", "error": None}))
    gone = await finished(ask, job["job"])  # once its process has ended
    assert (gone["state"], gone["error"]["code"]) == ("failed", "job.died")
    secret = served / "toy/job.json"
    secret.write_text((folder / "job.json").read_text())  # a record, but of no job
    for name in ("nothing", "..%2F..", f"{job['job']}%2F..%2F..%2F.."):
        status, error = await ask("GET", f"jobs/{name}", **here)
        assert (status, error["code"]) == (404, "job.not-found")


async def finished(ask: Ask, job: str) -> Any:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        _, view = await ask("GET", f"jobs/{job}", folder="toy")
        if view["state"] != "running":
            return view
        await asyncio.sleep(0.3)
    raise AssertionError(f"job {job} still runs")


async def test_notebooks_kernels_and_the_pipeline_are_looked_over(ask: Ask, served: Path) -> None:
    here = {"folder": "toy"}
    status, findings = await ask("GET", "lint", steps="train", **here)
    assert (status, all("code" in finding for finding in findings)) == (200, True)
    assert (await ask("GET", "lint", steps="none", **here))[1]["code"] == "step.not-found"
    status, findings = await ask("GET", "doctor", **here)
    assert (status, findings[0]["name"]) == (200, "kernels")
    assert (await ask("POST", "sync", {}, **here))[0] == 200
    assert (await ask("POST", "sync", {"params": "none"}, **here))[0] == 404
    target = {"target": "page.html"}
    assert (await ask("POST", "models/delay/dashboard/export", target, **here))[0] == 200
    assert (served / "toy/page.html").read_text().startswith("<!")
