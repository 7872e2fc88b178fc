"""A model version as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from gristmill.lineage import Lineage
from gristmill.records import from_record, to_record


@dataclass(frozen=True)
class Version:
    """A registered model version.

    REFERENCE and HOLDOUT name tables kept with it as evidence: what it was trained on, and the rows
    it is judged by.

    Attributes
    ----------
    model
        The model it is a version of.
    version
        Its number, from 1.
    run_id
        The MLflow run that keeps its files.
    digest
        sha256 of the model directory (`directory_digest`).
    metrics, params
        As recorded when it was registered.
    lineage
        What it was made from.
    created
        When it was registered, in UTC.
    author
        Who made it: git's author when its step ran, "unknown" when no record of that run is left.
    source
        The step that made it.
    location
        The folder of its files among the run's artifacts.
    evidence
        sha256 of each file kept with it, by file name.
    upstream
        What the steps before its own were run with, from the nearest on.
    unrecorded
        Steps before its own of whose runs no record was left when it was registered.
    aliases
        Those it holds now.
    """

    REFERENCE: ClassVar[str] = "reference.parquet"
    HOLDOUT: ClassVar[str] = "holdout.parquet"

    model: str
    version: int
    run_id: str
    digest: str
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    lineage: Lineage
    created: datetime
    author: str
    source: str
    location: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    upstream: tuple[Lineage, ...] = ()
    unrecorded: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How messages name it: `MODEL version N`."""
        return f"{self.model} version {self.version}"

    @property
    def origins(self) -> dict[str, Lineage]:
        """Its own step and those before it, by name."""
        return {line.step: line for line in (self.lineage, *self.upstream)}

    def missing(self) -> tuple[str, ...]:
        """The parts of the lineage, of all steps, without which it cannot be reproduced."""
        earlier = [
            f"{part} of step {line.step}" for line in self.upstream for part in line.missing()
        ]
        runs = [f"run of step {step}" for step in self.unrecorded]
        return (*self.lineage.missing(), *earlier, *runs)

    def record(self) -> dict[str, Any]:
        """The version as plain JSON values."""
        return dict(to_record(self))

    @classmethod
    def from_record(cls, record: Mapping[str, Any], aliases: tuple[str, ...]) -> Version:
        """The version that `record` returned.

        Parameters
        ----------
        record
            Plain JSON values.
        aliases
            Those it holds now; what the record says of them is out of date.

        Raises
        ------
        Invalid
            `record.invalid`: a value has another type.
        """
        return replace(from_record(cls, record, "version record"), aliases=aliases)
