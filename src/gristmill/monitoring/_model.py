"""A model as the monitor sees it: settings, contract, registered versions, files; read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.monitoring._settings import MonitoringSettings, directory, monitoring_settings
from gristmill.monitoring._store.store import SketchStore
from gristmill.notify import alert_settings
from gristmill.predictions import feedback_directory, predictions_directory
from gristmill.project import Project
from gristmill.records import parse_duration

if TYPE_CHECKING:
    from gristmill.registry import Contract, ModelSettings, Registry, Version


@dataclass(frozen=True)
class MonitoredModel:
    """What one run of the monitor works on.

    Attributes
    ----------
    project, name
        The project and the model's name in it.
    declared, settings
        The model's own settings, and how it is monitored.
    contract
        What its rows must look like; None without one.
    registry, versions
        The registry, and the model's registered versions by number.
    champion
        The version that the alias names; None without one.
    patience
        How long an alert may wait for somebody before it is escalated; None: for ever.
    directory, predictions, feedback
        Where the monitor keeps its files, and the two logs that it reads.
    """

    project: Project
    name: str
    declared: ModelSettings
    settings: MonitoringSettings
    contract: Contract | None
    registry: Registry
    versions: Mapping[int, Version]
    champion: int | None
    patience: timedelta | None
    directory: Path
    predictions: Path
    feedback: Path

    @property
    def owners(self) -> tuple[str, ...]:
        """Who hears of every alert: the declared owner, else the champion's author."""
        if self.declared.owner:
            return (self.declared.owner,)
        champion = self.versions.get(self.champion) if self.champion else None
        return (champion.author,) if champion else ()

    @property
    def contract_digest(self) -> str:
        return self.contract.digest if self.contract else ""

    def open_store(self) -> SketchStore:
        """The counts of its log, opened for this process alone."""
        return SketchStore(
            self.directory / "sketches.db",
            f"{self.settings.by} {self.settings.segments}",
            sampled=self.settings.joint,
            contract=self.contract,
        )


def load_monitored_model(
    project: Project, model: str, *, window: str | None = None, start: str | None = None
) -> MonitoredModel:
    """Read what the monitor needs to know of a model.

    Parameters
    ----------
    project
        The project that declares it.
    model
        The model's name.
    window, start
        Used instead of the settings' when given.

    Raises
    ------
    NotFound
        The project declares no such model.
    Invalid
        A setting has a bad value.
    """
    from gristmill.registry import CHAMPION, Contract, Registry, model_settings

    declared = model_settings(project, model)
    registry = Registry(project)
    escalate = alert_settings(project).escalate
    return MonitoredModel(
        project=project,
        name=model,
        declared=declared,
        settings=monitoring_settings(project, model, window=window, start=start),
        contract=Contract.load(project, declared.contract),
        registry=registry,
        versions={v.version: v for v in registry.versions(model)},
        champion=registry.ledger.aliases(model).get(CHAMPION),
        patience=parse_duration(escalate, "alerts.escalate") if escalate else None,
        directory=directory(project, model),
        predictions=predictions_directory(project, model),
        feedback=feedback_directory(project, model),
    )
