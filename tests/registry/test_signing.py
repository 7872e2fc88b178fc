"""What is loaded is what somebody signed, and it runs no code unless the settings say so."""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.exceptions import MlflowException

from gristmill.errors import Forbidden
from gristmill.project import Project
from gristmill.registry import Registry, gate
from gristmill.registry import register as register_promotion
from gristmill.registry._ledger.keys import P256, key_path, public_p256
from gristmill.registry._loading.digest import directory_digest
from gristmill.registry._loading.formats import code_in
from gristmill.registry._loading.loading import PREFIX
from gristmill.registry._loading.loading import load as load_files
from gristmill.registry._loading.signing import KEY, sign

from .conftest import SETTINGS, Models, fails_with, frame, lineage, put

ACTOR = "ada@example.org"


def register(project: Project, source: Path, step: str = "train") -> Registry:
    put(project, source)
    register_promotion(project, "delay", lineage=lineage(step), actor=ACTOR)
    return Registry(project)


def test_the_standard_tool_verifies_what_was_registered(project: Project, models: Models) -> None:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    registry = register(project, models.weak)
    version = registry.version("delay", 1)
    key = load_pem_private_key(key_path(ACTOR, P256).read_bytes(), None)
    public = project.root / "ada.pub"
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    command = [sys.executable, "-m", "model_signing", "verify", "key"]
    command += ["--signature", str(registry.evidence(version, "model.sig"))]
    command += ["--public_key", str(public), "--no-ignore-git-paths"]
    done = subprocess.run([*command, str(registry.fetch(version))], check=False)
    assert done.returncode == 0
    assert registry.load(version).predict(frame(3, 1)[["a", "b", "c"]]).shape == (3, 2)


def test_a_model_signed_by_another_key_does_not_load(
    project: Project, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with the right digest and a signature of their own, but not the declared key."""
    registry = register(project, models.weak)
    version = registry.version("delay", 1)
    folder = project.root / "forged"
    shutil.copytree(registry.fetch(version), folder)
    monkeypatch.setenv("GRISTMILL_KEYS", str(project.root / "eve"))
    sign(folder, project.root / "forged.sig", ACTOR)
    entry = registry.ledger.entries("delay", "register")[-1]
    with fails_with("model.signature"):
        load_files(folder, project.root / "forged.sig", entry, {}, allow_code=False)


def test_declared_keys_are_the_only_ones_believed(project: Project, models: Models) -> None:
    registry = register(project, models.weak)
    entry = registry.ledger.entries("delay", "register")[-1]
    ours = entry.detail[KEY]
    assert ours == public_p256(key_path(ACTOR, P256))
    for keys, fine in (([entry.key, ours], True), ([entry.key, P256 + "AAAA"], False)):
        listed = f"[roles.keys]\n{json.dumps(ACTOR)} = {json.dumps(keys)}\n"
        (project.root / "gristmill.toml").write_text(SETTINGS + listed)
        declared = Registry(Project.load(project.root))
        if fine:
            declared.load(declared.version("delay", 1))
        else:
            with pytest.raises(Forbidden, match=r"not one of ada@example\.org.s keys"):
                declared.load(declared.version("delay", 1))


def test_an_unsigned_version_does_not_load_and_is_signed_by_registering_again(
    project: Project, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gristmill.registry._versions import store

    def unsigned(staged: Path, actor: str, *rest: Any) -> tuple[dict[str, str], str]:
        (staged / "evidence").mkdir()
        return {}, ""

    with monkeypatch.context() as before:
        before.setattr(store, "stage", unsigned)
        registry = register(project, models.weak)
    with fails_with("model.unsigned"):
        registry.load(registry.version("delay", 1))
    register(project, models.weak)
    registry.load(registry.version("delay", 2))


def test_files_that_change_after_the_check_are_not_what_is_loaded(
    project: Project, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy that was verified is private: swapping the shared one in between is too late."""
    from gristmill.registry._loading import loading

    registry = register(project, models.weak)
    version = registry.version("delay", 1)
    shared = registry.fetch(version)
    rows = frame(50, 1)[["a", "b", "c"]]
    expected = registry.load(version).predict(rows)
    real = loading.require_safe

    def swap(directory: Path, name: str, *, allowed: bool) -> None:
        assert directory.stat().st_mode & 0o077 == 0 or directory.parent.stat().st_mode & 0o077 == 0
        for file in models.strong.iterdir():
            shutil.copy(file, shared / file.name)
        real(directory, name, allowed=allowed)

    monkeypatch.setattr(loading, "require_safe", swap)
    assert (registry.load(version).predict(rows) == expected).all()
    with fails_with("model.altered"):
        registry.load(version)


def test_private_copies_go(project: Project, models: Models, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(project.root))
    registry = register(project, models.weak)
    dead = project.root / f"{PREFIX}dead"
    dead.mkdir()
    (dead / ".lock").touch()
    model = registry.load(registry.version("delay", 1))
    assert not dead.exists()
    assert len(list(project.root.glob(f"{PREFIX}*"))) == 1
    if os.fork() == 0:
        del model
        gc.collect()
        os._exit(0)
    os.wait()
    assert len(list(project.root.glob(f"{PREFIX}*"))) == 1
    del model
    gc.collect()
    assert not list(project.root.glob(f"{PREFIX}*"))


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path(os.environ["BOMB"]),))


def as_pickle(path: Path) -> None:
    """What `mlflow.sklearn.save_model(..., serialization_format="pickle")` writes, with a bomb."""
    mlmodel = yaml.safe_load((path / "MLmodel").read_text())
    mlmodel["flavors"]["sklearn"] |= {
        "serialization_format": "pickle",
        "pickled_model": "model.bin",
    }
    mlmodel["flavors"]["python_function"]["model_path"] = "model.bin"
    (path / "MLmodel").write_text(yaml.safe_dump(mlmodel))
    (path / "model.skops").unlink()
    (path / "model.bin").write_bytes(pickle.dumps(Bomb()))


def test_a_pickle_needs_a_policy_and_no_byte_of_it_is_read_before(
    project: Project, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = project.root / "exploded"
    monkeypatch.setenv("BOMB", str(bomb))
    evil = project.root / "evil"
    shutil.copytree(models.weak, evil)
    as_pickle(evil)
    registry = register(project, evil)
    version = registry.version("delay", 1)
    with pytest.raises(Forbidden, match=r"model.bin is a pickle.*serialized as pickle"):
        registry.load(version)
    report = gate(project, "delay", 1)
    assert not report.passed
    assert not bomb.exists()
    text = SETTINGS.replace('target = "late"', 'target = "late"\nallow_code = true')
    (project.root / "gristmill.toml").write_text(text)
    registry = Registry(Project.load(project.root))
    with contextlib.suppress(MlflowException):  # the bomb is no model, but it went off
        registry.load(version)
    assert bomb.exists()


def test_what_runs_code_is_told_from_what_does_not(models: Models, tmp_path: Path) -> None:
    import mlflow.pyfunc
    import mlflow.xgboost
    from xgboost import XGBClassifier

    data = frame(60, 1)
    booster = XGBClassifier(n_estimators=2).fit(data[["a", "b"]], data["late"])
    mlflow.xgboost.save_model(booster, tmp_path / "xgb", pip_requirements=["xgboost-cpu"])
    assert code_in(tmp_path / "xgb") == ()
    assert code_in(models.weak) == ()

    class Custom(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: list[str]) -> list[str]:
            return model_input

    mlflow.pyfunc.save_model(tmp_path / "custom", python_model=Custom(), pip_requirements=["x"])
    result = "; ".join(code_in(tmp_path / "custom"))
    assert "python_model.pkl is a pickle" in result
    assert "mlflow.pyfunc.model is not known" in result

    shutil.copytree(models.weak, tmp_path / "trusting")
    mlmodel = yaml.safe_load((tmp_path / "trusting/MLmodel").read_text())
    trusted = ["numpy.dtype", "os.system", "numpy.testing.runstring"]
    mlmodel["flavors"]["sklearn"]["skops_trusted_types"] = trusted
    (tmp_path / "trusting/MLmodel").write_text(yaml.safe_dump(mlmodel))
    assert code_in(tmp_path / "trusting") == (
        "it asks skops to trust os.system",
        "it asks skops to trust numpy.testing.runstring",
    )


def test_models_are_loaded_in_one_place_only() -> None:
    source = Path(__file__).parents[2] / "src" / "gristmill"
    loaders = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
        and (getattr(node, "attr", None) or getattr(node, "id", None))
        in {"load_model", "unpickle", "loads_pickle"}
    }
    assert loaders == {"registry/_loading/loading.py"}


def test_an_empty_git_folder_cannot_hide_a_file(project: Project, models: Models) -> None:
    registry = register(project, models.weak)
    version = registry.version("delay", 1)
    before = directory_digest(registry.fetch(version))
    (registry.fetch(version) / ".gitignore").write_text("*")
    assert directory_digest(registry._copies.model(version)) != before
    with pytest.raises(Forbidden):
        registry.load(version)
