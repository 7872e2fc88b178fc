"""Which version serves: follows an alias (`champion`), swaps only to what verified and loaded.

A registered version, fetched, verified and ready to predict.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError, Invalid, Unavailable
from gristmill.files import write_json
from gristmill.predictor import LoadedModel, predictor_of
from gristmill.project import Project
from gristmill.serving._settings import ServiceFiles

if TYPE_CHECKING:
    from gristmill.registry import Registry, Version

POLL_SECONDS = 1.0
RETRY_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class State:
    """`model` answers requests; `refused` is a champion that did not verify or load, and `problem`
    why, also when the alias itself could not be read (`refused` is None then)."""

    model: LoadedModel | None = None
    refused: int | None = None
    problem: dict[str, str] | None = None


class ServedModel:
    """Holds the state of one process. `state` is replaced as a whole: read it once a request."""

    def __init__(self, project: Project, model: str, files: ServiceFiles) -> None:
        from gristmill.registry import Registry

        self.project = project
        self.name = model
        self._files = files
        self.state = State()
        self._registry: Registry = Registry(project)
        self._retry_at = 0.0

    def refresh(self, now: float) -> bool:
        """Look at the alias, and load its version when it is another one; True when it changed.

        `now` is a monotonic time in seconds. A version that was refused is tried again after
        RETRY_SECONDS. Never raises a GristmillError: what is wrong is in `state`.
        """
        before = self.state
        try:
            version = self._registry.version(self.name, self._files.ref)
        except GristmillError as problem:
            self.state = replace(before, refused=None, problem=problem.record())
            return self.state != before
        if before.model is not None and before.model.version == version.version:
            self.state = State(before.model)
            return self.state != before
        if before.refused == version.version and now < self._retry_at:
            return False
        try:
            loaded = load_served_model(self.project, self._registry, version)
        except GristmillError as problem:
            log.warning("%s version %s refused: %s", self.name, version.version, problem)
            self._retry_at = now + RETRY_SECONDS
            self.state = State(before.model, version.version, problem.record())
            return self.state != before
        self.state = State(loaded)
        self._remember(version.version)
        log.info("serving %s version %s", self.name, version.version)
        return True

    def start(self) -> None:
        """First look; when the champion is refused, serve what this project served last."""
        self.refresh(time.monotonic())
        last = self._recall()
        if self.state.model is None and self.state.refused is not None and last is not None:
            try:
                loaded = load_served_model(
                    self.project, self._registry, self._registry.version(self.name, last)
                )
            except GristmillError as problem:
                log.warning("%s version %s refused too: %s", self.name, last, problem)
            else:
                self.state = replace(self.state, model=loaded)

    def current(self) -> LoadedModel:
        """The model that answers now. Raises Unavailable with the reason when there is none."""
        state = self.state
        if state.model is not None:
            return state.model
        why = state.problem or {"message": "it is still loading", "hint": ""}
        raise Unavailable(
            "serving.no-model",
            f"no version of {self.name} can be served: {why['message']}",
            hint=why["hint"],
        )

    def describe(self) -> dict[str, Any]:
        """What GET /model answers."""
        state = self.state
        model = self.current()
        return {
            "model": self.name,
            "version": model.version,
            "digest": model.digest,
            "since": model.since.isoformat(),
            "signature": [
                {"name": c.name, "type": c.type, "required": not c.missable}
                for c in model.schema.columns
            ],
            "time": model.schema.time or None,
            "refused": state.refused,
            "problem": state.problem,
        }

    def _remember(self, version: int) -> None:
        write_json(self._files.memory, {"version": version})

    def _recall(self) -> int | None:
        try:
            return int(json.loads(self._files.memory.read_text(encoding="utf-8"))["version"])
        except FileNotFoundError:
            return None


class Watcher:
    """A thread that refreshes the champion, and ends the process when its parent died."""

    def __init__(self, champion: ServedModel, tick: Any) -> None:
        self._champion = champion
        self._tick = tick
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self._champion.refresh(time.monotonic())
            except Exception:  # the thread must outlive an error nobody foresaw, which is logged
                log.exception("looking for a new champion of %s", self._champion.name)
            self._tick()


def load_served_model(project: Project, registry: Registry, version: Version) -> LoadedModel:
    """Fetch, verify and load a version, and let it predict its own input example.

    Parameters
    ----------
    project
        The project.
    registry
        Its registry.
    version
        The version.

    Raises
    ------
    Forbidden
        Its bytes are not the registered ones.
    Invalid
        It cannot be loaded or cannot predict.
    """
    from gristmill.registry import model_settings

    try:
        pyfunc = registry.load(version)
    except GristmillError:
        raise
    except Exception as error:  # any library's error while it reads its own files
        raise Invalid(
            "serving.load",
            f"{version.model} version {version.version} cannot be loaded: {error}",
            hint="Load it by hand with mlflow.pyfunc.load_model in this environment.",
        ) from error
    time = model_settings(project, version.model).time
    loaded = predictor_of(version.model, version.version, version.digest, pyfunc, time)
    example = pyfunc.input_example
    if example is not None:
        loaded.predict(example)
    return loaded
