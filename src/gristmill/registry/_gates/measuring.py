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
    trouble: str,
    progress: Callable[[str], None],
) -> Mapping[str, Any]:
    """What each measuring gate found, by its `repr`; a GristmillError where it could not.

    `pyfunc` is the loaded model and `rows` the hold-out's features, None when there are none; the
    input example stands in for them. Any other error of a gate becomes Invalid with its text: one
    broken gate keeps none from judging.
    """
    asking = [g for g in gates if hasattr(g, "measure")]
    if not asking:
        return {}
    model = None
    if pyfunc is not None:
        try:
            model = predictor_of(
                version.model, version.version, version.digest, pyfunc, settings.time
            )
        except Invalid as error:
            trouble = trouble or error.message
    if model is not None and rows is None:
        rows = pyfunc.input_example
    subject = Subject(
        root=registry.project.root,
        now=utc_now(),
        model=model,
        rows=rows,
        packages=read(registry.evidence(version, SBOM)) if SBOM in version.evidence else None,
        trouble=trouble,
        progress=progress,
    )
    found: dict[str, Any] = {}
    for gate in asking:
        progress(f"measuring {gate.kind}")
        try:
            found[repr(gate)] = gate.measure(subject)
        except GristmillError as error:
            found[repr(gate)] = error
        except Exception as error:  # noqa: BLE001 - other packages' gates may raise anything
            found[repr(gate)] = Invalid(
                "gate.measure", f"the gate {gate.kind} failed: {type(error).__name__}: {error}"
            )
    return found
