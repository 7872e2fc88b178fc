"""Whether a step succeeded: how its notebook ended, what it read, what it wrote."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from gristmill.containment import contained
from gristmill.errors import GristmillError, StepFailed
from gristmill.pipeline import StepSpec, StepState
from gristmill.runner._notebook.execute import Failure
from gristmill.tracking import flat_metrics


def failure_of(step: StepSpec, result: Any, log: Path) -> Failure | None:
    """What a worker thread returned or raised, as a failure; None when the notebook ran through."""
    if result is None or isinstance(result, Failure):
        return result
    if isinstance(result, GristmillError):
        return Failure(result)
    return Failure(
        StepFailed(
            "step.engine-failed",
            f"{step.name}: {type(result).__name__}: {result}",
            hint=f"The kernel's log: {log}",
        )
    )


def require_unchanged(step: StepSpec, before: StepState, after: StepState) -> None:
    """Raise StepFailed when an input changed while the step ran."""
    changed = sorted(p for p in before.inputs if before.inputs[p] != after.inputs[p])
    if changed:
        raise StepFailed(
            "step.input-changed",
            f"{step.name}: {', '.join(changed)} changed while the step ran.",
            hint="Run the step again: its outputs may mix old and new data.",
        )


def require_outputs(root: Path, step: StepSpec) -> None:
    """Raise StepFailed when an output is absent or metrics are not JSON."""
    for output in step.outputs:
        if not (root / output.path).exists():
            raise StepFailed(
                "step.output-missing",
                f"{step.notebook} finished without writing {output.path}.",
                hint=f"`{output.name}` is declared in {step.location()}: write the file, or remove "
                "the declaration.",
            )
    metrics_of(root, step)


def metrics_of(root: Path, step: StepSpec) -> dict[str, float]:
    """The numbers in the step's metrics files by dotted name."""
    metrics: dict[str, float] = {}
    for output in step.outputs:
        if output.kind != "metrics":
            continue
        text = (root / output.path).read_text(encoding="utf-8", errors="replace")
        try:
            metrics.update(flat_metrics(json.loads(text)))
        except ValueError as error:
            raise StepFailed(
                "step.metrics-format",
                f"{output.path} is not JSON: {error}",
                hint=f"Write the metrics declared in {step.location()} as a JSON object of "
                "numbers.",
            ) from error
    return metrics


def plots_of(root: Path, step: StepSpec) -> dict[str, Path]:
    """Plot files by the artifact folder they go to."""
    return {f"plots/{o.name}": root / o.path for o in step.outputs if o.kind == "plots"}


def clear_outputs(root: Path, step: StepSpec) -> None:
    """Remove what an abandoned execution wrote."""
    for output in step.outputs:
        path = contained(root, output.path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
