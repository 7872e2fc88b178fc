"""A stranger's project: what its state, its outputs and its DVC files name stays inside of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from dvc_data.hashfile.tree import Tree

from gristmill.errors import Forbidden, GristmillError, Invalid
from gristmill.files import append_journal, hold_lock
from gristmill.freshness import unchanged_steps
from gristmill.lineage import DvcRepo
from gristmill.project import Project
from gristmill.runner import ParkedKernel, ParkedKernels, sync
from gristmill.runner._smoke import smoke_project
from tests.conftest import shell, write_notebook

MAKE = 'from gristmill import Output\no: Output = "{}"'


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious.json").write_text("{}")
    return folder


def untouched(outside: Path) -> bool:
    return [p.name for p in outside.iterdir()] == ["precious.json"] and (
        outside / "precious.json"
    ).read_text() == "{}"


@pytest.mark.parametrize(
    "place", ["", "steps", "runs", "parked", "parked/connections", "monitoring/model", "lock"]
)
def test_a_link_in_the_state_is_refused(project_root: Path, outside: Path, place: str) -> None:
    link = project_root / ".gristmill" / place
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(Forbidden) as refused:
        sync(Project.find(project_root))
    assert refused.value.code == "state.link"
    assert untouched(outside)


def test_a_link_as_a_journal_or_lock_is_not_written_through(outside: Path, tmp_path: Path) -> None:
    link = tmp_path / "a link"
    link.symlink_to(outside / "precious.json")
    with pytest.raises(Forbidden) as journal:
        append_journal(link, [{"a": 1}])
    with pytest.raises(Forbidden) as lock, hold_lock(link):
        pass
    assert journal.value.code == lock.value.code == "state.link"
    assert untouched(outside)


def test_the_short_way_of_a_run_follows_no_link(project_root: Path, outside: Path) -> None:
    state = project_root / ".gristmill"
    state.mkdir(exist_ok=True)
    (state / "fresh.json").write_text(json.dumps({"format": 0}))
    (state / "lock").unlink(missing_ok=True)
    (state / "lock").symlink_to(outside / "made")
    assert unchanged_steps(str(project_root)) is None
    assert untouched(outside)


def test_a_parked_record_removes_nothing_outside(tmp_path: Path, outside: Path) -> None:
    registry = ParkedKernels(tmp_path / "state")
    registry.folder.mkdir(parents=True)
    kernel = ParkedKernel(
        "a", "run", "a.ipynb", str(outside / "precious.json"), 2**22 + 1, 1.0, 1.0, 0, "x.ipynb",
        (), {}, {}, {}, {}, None, "failed", {},
    )  # fmt: skip
    climbing = "../../outside/precious"
    for number, record in enumerate([
        kernel,
        replace(kernel, connection_file=f"{registry.connections}/../../../outside/precious.json"),
        replace(kernel, step=climbing, connection_file=str(registry.connections / "c.json")),
    ]):  # fmt: skip
        text = json.dumps(record.__dict__)
        (registry.folder / (f"{number}.json" if number else kernel.record_name)).write_text(text)
    assert registry.all() == []
    assert untouched(outside)
    assert not list(registry.folder.glob("*.json"))


def test_an_origin_elsewhere_is_not_believed(project_root: Path, outside: Path) -> None:
    (project_root / ".gristmill").mkdir(exist_ok=True)
    (project_root / ".gristmill/origin").write_text(str(outside))
    assert Project.load(project_root).origin == project_root


def test_the_record_of_a_smoke_double_removes_nothing_outside(
    project_root: Path, outside: Path
) -> None:
    record = project_root / ".gristmill/smoke/.gristmill/mirror.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({str(outside / "precious.json"): True}))
    smoke_project(Project.load(project_root))
    assert untouched(outside)


def test_an_output_behind_a_link_is_refused(project_root: Path, outside: Path) -> None:
    (project_root / "data").symlink_to(outside)
    write_notebook(project_root / "make.ipynb", MAKE.format("data/precious.json"), "pass")
    with pytest.raises(GristmillError) as refused:
        sync(Project.load(project_root))
    assert refused.value.code == "path.outside"
    assert untouched(outside)


@pytest.mark.parametrize("entry", ["../outside/x", "/elsewhere/x", "a/../../x", "", "a\0b"])
def test_a_listing_of_dvc_stays_in_its_directory(
    project_root: Path, outside: Path, entry: str
) -> None:
    (project_root / "parts").mkdir()
    (project_root / "parts/a").write_text("text")
    shell(project_root, "dvc", "add", "-q", "parts")
    cache = project_root / ".dvc/cache/files/md5"
    listing = next(cache.glob("*/*.dir"))
    items = json.loads(listing.read_text())
    text = json.dumps([{**items[0], "relpath": entry}])
    digest = hashlib.md5(text.encode()).hexdigest()
    hostile = cache / digest[:2] / f"{digest[2:]}.dir"
    hostile.parent.mkdir(exist_ok=True)
    hostile.write_text(text)
    hostile.chmod(0o444)
    pointer = project_root / "parts.dvc"
    honest = f"{listing.parent.name}{listing.name}"
    pointer.write_text(pointer.read_text().replace(honest, f"{digest}.dir"))
    shutil.rmtree(project_root / "parts")
    remote = project_root / "remote"
    (remote / "files/md5").mkdir(parents=True)
    shell(project_root, "dvc", "remote", "add", "-q", "-d", "store", str(remote))
    repo = DvcRepo(project_root)
    try:
        with pytest.raises(GristmillError):
            repo.pull(["parts.dvc"])
        with pytest.raises(Invalid) as refused:
            Tree.from_list(json.loads(text))
    finally:
        repo.close()
    assert refused.value.code == "path.entry"
    assert not list(project_root.glob("parts/**/*"))
    assert untouched(outside)
