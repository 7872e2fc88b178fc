"""A contract to begin with, from the reference of a model: a module for a person to edit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Conflict, NotFound
from gristmill.files import write_atomic
from gristmill.registry.version import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

    from gristmill.project import Project

PREDICTION = "prediction"
FOLDER = "contracts"
NAME = "CONTRACT"
FEW = 40


def infer_contract(project: Project, model: str) -> tuple[Path, str]:
    """Write a contract from the model's reference into the project. Returns its file, and what to
    put into the settings as `contract`.

    The reference is that of the newest version, or the project's own when there is no version.
    Raises NotFound without one, Conflict when the file is there.
    """
    from gristmill.registry.settings import model_settings

    settings = model_settings(project, model)
    stem = re.sub(r"\W", "_", model)
    target = project.root / FOLDER / f"{stem}.py"
    if target.exists():
        raise Conflict(
            "contract.exists",
            f"{target.relative_to(project.root)} is there, and a person may have edited it.",
            hint="Remove it to have it inferred anew.",
        )
    frame = _reference(project, model, settings.reference)
    aside = {settings.target, settings.time, PREDICTION}
    columns = [c for c in frame.columns if c not in aside]
    text = contract_text(frame[columns], model)
    target.parent.mkdir(exist_ok=True)
    (target.parent / "__init__.py").touch()
    write_atomic(target, text)
    return target, f"{FOLDER}.{stem}:{NAME}"


def _reference(project: Project, model: str, own: str) -> pd.DataFrame:
    import pandas as pd

    from gristmill.registry.store import Registry

    registry = Registry(project)
    for version in reversed(registry.versions(model)):
        if REFERENCE in version.evidence:
            return pd.read_parquet(registry.evidence(version, REFERENCE))
    if own and (project.root / own).is_file():
        return pd.read_parquet(project.root / own)
    raise NotFound(
        "contract.reference",
        f"{model} has no reference to infer a contract from.",
        hint="Name its file as `reference` of the model, and run the step that writes it.",
    )


def contract_text(frame: pd.DataFrame, model: str) -> str:
    """A module with the contract that all rows of `frame` keep. Pure.

    Numbers may lie half their span beyond what was seen, but not below 0 when none did; texts of
    few values are those values. What was never missing may not be.
    """
    lines = [f"    {str(n)!r}: {_column(frame[n])},\n" for n in frame.columns]
    return (
        f'"""What the inputs of {model} must look like.\n\n'
        f"Inferred from {len(frame):,} rows of its reference, and yours to change: numbers may lie "
        "half their\nspan beyond what was seen there, texts of few values are those.\n"
        '"""\n\n'
        "import pandera.pandas as pa\n\n"
        f"{NAME} = pa.DataFrameSchema({{\n{''.join(lines)}}}, name={model!r})\n"
    )


def _column(series: pd.Series[Any]) -> str:
    from pandas.api import types

    nullable = ", nullable=True" if series.isna().any() or not len(series.dropna()) else ""
    if types.is_bool_dtype(series.dtype):
        return f"pa.Column(bool{nullable})"
    if types.is_numeric_dtype(series.dtype):
        seen = series.dropna().astype("float64")
        kind = "int" if types.is_integer_dtype(series.dtype) and not nullable else "float"
        if seen.empty:
            return f"pa.Column(float{nullable})"
        low, high = float(seen.min()), float(seen.max())
        half = (high - low) / 2 or abs(high) / 2 or 1.0
        least = max(0.0, low - half) if low >= 0 else low - half
        bounds = f"{_short(least)}, {_short(high + half)}"
        return f"pa.Column({kind}, pa.Check.in_range({bounds}){nullable})"
    if types.is_datetime64_any_dtype(series.dtype):
        return f"pa.Column('datetime64[us, UTC]'{nullable})"
    words = sorted({str(v) for v in series.dropna()})
    if 0 < len(words) <= FEW:
        return f"pa.Column(str, pa.Check.isin({words!r}){nullable})"
    return f"pa.Column(str{nullable})"


def _short(value: float) -> str:
    """Four digits, rounded away from the middle far less than the slack."""
    return repr(float(f"{value:.4g}"))
