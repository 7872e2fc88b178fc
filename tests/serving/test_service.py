"""A real BentoML service with two workers: traffic, new champions, deaths, wrong requests."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from gristmill.errors import Conflict, NotFound
from gristmill.predictions import predictions_directory
from gristmill.predictions._reader import read_log
from gristmill.project import Project
from gristmill.registry import Registry
from gristmill.serving._process import Served
from gristmill.serving._serve import serving
from gristmill.serving._settings import TOKEN
from gristmill.warm import runtime_dir
from tests.conftest import copied
from tests.serving.conftest import SETTINGS, champion, frame, row
from tests.waiting import ended, eventually

pytestmark = pytest.mark.slow
GUARDED = ("/model", "/metrics", "/docs.json")


@pytest.fixture
def served(project: Project) -> Iterator[Served]:
    with serving(project, "delay", port=0) as running:
        yield running


@pytest.fixture(scope="module")
def shared(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, Served]]:
    """One service for the tests that leave it as they found it; starting takes seconds."""
    root = tmp_path_factory.mktemp("shared") / "project"
    shutil.copytree(template, root)
    project = Project.load(root)
    with serving(project, "delay", port=0) as running:
        yield project, running


class Traffic(threading.Thread):
    """Sends single rows until told to stop; keeps each reply, and each failure."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.replies: dict[str, tuple[int, float]] = {}
        self.failures: list[str] = []
        self.halt = threading.Event()

    def last(self, count: int) -> list[int]:
        """The versions that answered last."""
        return [version for version, _ in list(self.replies.values())[-count:]]

    def run(self) -> None:
        session = requests.Session()
        while not self.halt.is_set():
            try:
                answer = session.post(f"{self.url}/predict", json={"row": row()}, timeout=30)
            except requests.RequestException as error:
                self.failures.append(repr(error))
                session = requests.Session()
                continue
            if answer.status_code != 200:
                self.failures.append(answer.text)
                continue
            reply = answer.json()
            (one,) = reply["predictions"]
            self.replies[one["request_id"]] = (reply["version"], one["prediction"])


def start(url: str, clients: int = 4) -> list[Traffic]:
    threads = [Traffic(url) for _ in range(clients)]
    for thread in threads:
        thread.start()
    return threads


def finish(threads: list[Traffic]) -> dict[str, tuple[int, float]]:
    for thread in threads:
        thread.halt.set()
    for thread in threads:
        thread.join(60)
    return {key: value for thread in threads for key, value in thread.replies.items()}


def logged(project: Project) -> dict[str, tuple[int, float]]:
    rows = read_log(project, "delay").rows
    return {
        i: (v, p) for i, v, p in zip(rows.request_id, rows.version, rows.prediction, strict=True)
    }


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    names = {int(c): Path(f"/proc/{c}/cmdline").read_bytes() for c in children}
    return [c for c, name in names.items() if b"worker" in name]


def test_a_new_champion_takes_over_without_a_lost_request(shared: tuple[Project, Served]) -> None:
    project, served = shared
    threads = start(served.url)
    eventually(lambda: sum(len(t.replies) for t in threads) > 50)
    champion(project, 2)
    eventually(lambda: sum(v == 2 for t in threads for v, _ in list(t.replies.values())) > 50)
    champion(project, 1)
    eventually(lambda: all(set(t.last(20)) == {1} for t in threads))
    replies = finish(threads)
    assert [f for t in threads for f in t.failures] == []
    assert {version for version, _ in replies.values()} == {1, 2}
    assert len({prediction for _, prediction in replies.values()}) == 2
    written = logged(project)
    assert {key: written.get(key) for key in replies} == replies
    info = requests.get(f"{served.url}/model", timeout=10).json()
    assert info["version"] == 1
    assert info["refused"] is None


@pytest.mark.kill
def test_only_the_service_listens_on_a_port_of_the_machine(
    shared: tuple[Project, Served],
) -> None:
    """BentoML's supervisor would start any command for who reaches it."""
    _, served = shared
    leader = psutil.Process(served.process.pid)
    processes = [leader, *leader.children(recursive=True)]
    assert len(processes) > 1
    listening = {
        c.laddr.port
        for process in processes
        for c in process.net_connections("inet")
        if c.status == psutil.CONN_LISTEN or c.type == socket.SOCK_DGRAM
    }
    assert listening == {int(served.url.rsplit(":", 1)[1])}
    folders = [p for p in runtime_dir().glob(f".bentoml.{leader.pid}.*") if p.is_dir()]
    assert [(p.stat().st_mode & 0o777, len(list(p.iterdir()))) for p in folders] == [(0o700, 2)]


def test_every_reply_is_in_the_log_after_kill_9(project: Project, served: Served) -> None:
    threads = start(served.url)
    eventually(lambda: sum(len(t.replies) for t in threads) > 50)
    first, second = workers_of(served.process.pid)
    os.kill(first, signal.SIGKILL)
    assert ended(first)
    alive = requests.post(f"{served.url}/predict", json={"row": row()}, timeout=30)
    assert alive.status_code == 200
    os.kill(served.process.pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{second}").exists())
    replies = finish(threads)
    written = logged(project)
    assert {key: written.get(key) for key in replies} == replies
    assert len(replies) > 50


def test_an_altered_champion_does_not_serve_and_the_old_one_does(
    project: Project, served: Served
) -> None:
    pids = workers_of(served.process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    champion(project, 2)
    registry = Registry(project)
    with (registry.fetch(registry.version("delay", 2)) / "MLmodel").open("a") as file:
        file.write("\n")
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    seen: list[dict[str, Any]] = []

    def refused() -> bool:  # each worker looks for itself: judge the one that has looked
        seen.append(requests.get(f"{served.url}/model", timeout=10).json())
        return bool(seen[-1]["refused"] == 2)

    eventually(refused)
    assert seen[-1]["version"] == 1
    assert seen[-1]["problem"]["code"] == "model.altered"
    assert requests.post(f"{served.url}/predict", json={"row": row()}, timeout=30).ok
    eventually(
        lambda: (
            'gristmill_model_refused{model="delay",version="2"} 1.0'
            in requests.get(f"{served.url}/metrics", timeout=10).text
        )
    )


def test_wrong_requests_are_told_what_is_wrong(shared: tuple[Project, Served]) -> None:
    project, served = shared

    def post(body: bytes, path: str = "/predict") -> tuple[int, dict[str, str]]:
        answer = requests.post(served.url + path, data=body, timeout=30)
        return answer.status_code, answer.json()

    before = logged(project)
    many = json.dumps({"rows": [row()] * 501}).encode()
    table = {
        b"{": (422, "request.json"),
        b'{"rows": [{"hour": 1}]}': (422, "request.missing-column"),
        json.dumps({"row": row(wet=1)}).encode(): (422, "request.type"),
        json.dumps({"row": row(extra=1)}).encode(): (422, "request.unknown-column"),
        json.dumps({"row": row(hour=None)}).encode(): (422, "request.null"),
        many: (422, "request.rows"),
        b" " * (8 * 2**20 + 1): (413, "request.too-large"),
    }
    for body, (status, code) in table.items():
        got, record = post(body)
        assert (got, record["code"]) == (status, code)
        assert set(record) == {"code", "message", "hint"}
    assert post(b"{}", "/feedback")[0] == 422
    assert requests.get(f"{served.url}/predict", timeout=10).status_code == 405
    assert logged(project) == before
    metrics = requests.get(f"{served.url}/metrics", timeout=10).text
    assert 'gristmill_request_errors_total{code="request.type",model="delay"} 1.0' in metrics


def test_rows_predict_as_the_model_does_and_labels_join(shared: tuple[Project, Served]) -> None:
    project, served = shared
    table = frame(40, seed=9)
    rows = [
        {**{k: None if v != v else v for k, v in r.items()}, "request_id": f"row-{n}"}
        for n, r in enumerate(table.to_dict("records"))
    ]
    rows[0]["scheduled"] = "2013-07-01T06:00:00"
    answer = requests.post(f"{served.url}/predict", json={"rows": rows}, timeout=30).json()
    registry = Registry(project)
    truth = registry.load(registry.version("delay", 1)).predict(table)[:, 1]
    assert [p["prediction"] for p in answer["predictions"]] == pytest.approx(truth.tolist())
    labels = [{"request_id": f"row-{n}", "label": n % 2 == 0} for n in range(10)]
    for _ in range(2):
        stored = requests.post(f"{served.url}/feedback", json={"labels": labels}, timeout=30)
        assert stored.json() == {"stored": 10}
    log = read_log(project, "delay")
    assert log.rows["label"].notna().sum() == 10
    assert log.rows.set_index("request_id").loc["row-0", "event_time"].year == 2013
    mine = log.features[log.rows["request_id"].str.startswith("row-")]
    assert sorted(mine["age"].dropna()) == pytest.approx(sorted(table["age"].dropna()))


def test_a_full_disk_refuses_and_then_recovers(shared: tuple[Project, Served]) -> None:
    """The workers' file size limit stands for the disk: writes stop fitting, then fit again."""
    project, served = shared
    before = len(logged(project))
    pids = workers_of(served.process.pid)
    infinite = resource.RLIM_INFINITY

    def limit(size: int) -> None:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, infinite))

    limit(10)
    answer = requests.post(f"{served.url}/predict", json={"row": row()}, timeout=30)
    assert answer.status_code == 503
    assert answer.json()["code"] == "serving.log"
    limit(infinite)
    replies = [
        requests.post(f"{served.url}/predict", json={"row": row()}, timeout=30) for _ in range(10)
    ]
    assert all(r.ok for r in replies)
    log = read_log(project, "delay")
    assert len(log.rows) == before + 10
    assert log.torn == 0


def test_taken_port_and_second_service_are_conflicts(shared: tuple[Project, Served]) -> None:
    project, served = shared
    with pytest.raises(Conflict) as caught, serving(project, "delay", port=0):
        pass
    assert caught.value.code == "serving.running"
    assert served.url in caught.value.message


def test_a_busy_port_and_a_missing_champion_say_what_to_do(
    project: Project, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(Conflict, match=str(port)), serving(project, "delay", port=port):
            pass
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "gristmill.toml").write_text(SETTINGS)
    with (
        pytest.raises(NotFound) as caught,
        serving(Project.load(tmp_path / "empty"), "delay", port=0),
    ):
        pass
    assert "promote" in caught.value.hint


@pytest.fixture(scope="module")
def ended_service(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, dict[tuple[str, str], int]]:
    """A project whose service has ended, and what it answered by path and token."""
    project = Project.load(copied(template, tmp_path_factory.mktemp("ended") / "project"))
    answers = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN, "s3cret")
        with serving(project, "delay", port=0, workers=1) as served:
            for path in ("/readyz", *GUARDED):
                for token in ("", "s3cre", "s3cret"):
                    headers = {"Authorization": f"Bearer {token}"} if token else {}
                    answer = requests.get(served.url + path, headers=headers, timeout=10)
                    answers[path, token] = answer.status_code
    return project, answers


def test_a_token_is_asked_for_everywhere_but_health(
    ended_service: tuple[Project, dict[tuple[str, str], int]],
) -> None:
    _, answers = ended_service
    assert {answers["/readyz", token] for token in ("", "s3cre", "s3cret")} == {200}
    for path in GUARDED:
        assert [answers[path, token] for token in ("", "s3cre", "s3cret")] == [401, 401, 200]


def test_bentoml_alone_serves_what_was_left_behind(
    ended_service: tuple[Project, dict[tuple[str, str], int]],
) -> None:
    project, _ = ended_service
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    bentoml = shutil.which("bentoml", path=str(Path(sys.executable).parent))
    process = subprocess.Popen(
        [str(bentoml), "serve", "service:service", "--host", "127.0.0.1", "--port", str(port)],
        cwd=project.state / "serving" / "delay",
        env={**os.environ, "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(project.state)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            try:
                return requests.post(f"{url}/predict", json={"row": row()}, timeout=30).ok
            except requests.RequestException:
                return False

        eventually(answers)
        assert len(list(predictions_directory(project, "delay").iterdir())) == 1
    finally:
        process.terminate()
        process.wait(30)
