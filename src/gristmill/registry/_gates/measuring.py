"""What gates measure themselves, on the version as it is kept and as it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gristmill.errors import GristmillError, Invalid
from gristmill.predictor import predictor_of
from gristmill.registry._gates.base import Gate, Subject
from gristmill.registry._ledger.ledger import utc_now
from gristmill.registry._settings import ModelSettings
from gristmill.registry._supply.sbom import SBOM, read
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


def measure(
    registry: Registry,
    settings: ModelSettings,
    version: Version,
    gates: Sequence[Gate],
    pyfunc: Any,
    rows: Any,
    problem: str,
    progress: Callable[[str], None],
) -> Mapping[str, Any]:
    """What each measuring gate measured, by its `repr`; a GristmillError where it could not.

    `pyfunc` is the loaded model and `rows` the hold-out's features, None when there are none; the
    input example stands in for them. Any other error of a gate becomes Invalid with its text: one
    broken gate keeps none from being evaluated.
    """
    measuring = [g for g in gates if hasattr(g, "measure")]
    if not measuring:
        return {}
    model = None
    if pyfunc is not None:
        try:
            model = predictor_of(
                version.model, version.version, version.digest, pyfunc, settings.time
            )
        except Invalid as error:
            problem = problem or error.message
    if model is not None and rows is None:
        rows = pyfunc.input_example
    subject = Subject(
        root=registry.project.root,
        now=utc_now(),
        model=model,
        rows=rows,
        packages=read(registry.evidence(version, SBOM)) if SBOM in version.evidence else None,
        problem=problem,
        progress=progress,
    )
    measured: dict[str, Any] = {}
    for gate in measuring:
        progress(f"measuring {gate.kind}")
        try:
            measured[repr(gate)] = gate.measure(subject)
        except GristmillError as error:
            measured[repr(gate)] = error
        except Exception as error:  # noqa: BLE001 - other packages' gates may raise anything
            measured[repr(gate)] = Invalid(
                "gate.measure", f"the gate {gate.kind} failed: {type(error).__name__}: {error}"
            )
    return measured
