"""What the inputs of a model must look like: a Pandera schema in a module of the project.

`[models.NAME] contract = "module:NAME"` names it. Monitoring holds every logged row against it, and
`gristmill score` every row before it is scored.

A contract to begin with, from the reference of a model: a module for a person to edit.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gristmill.errors import Conflict, Invalid, NotFound, Unavailable
from gristmill.files import write_atomic
from gristmill.project import Project
from gristmill.registry._versions.version import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

RULES = {"not_nullable": "is missing", "column_in_dataframe": "the column is missing"}
_IMPORTING = threading.Lock()


@dataclass(frozen=True)
class Broken:
    """A rule that rows break: of which column ("" for one over several), which rows (their places,
    none when the table as a whole breaks it), and the value of one of them."""

    column: str
    rule: str
    rows: NDArray[np.int64]
    example: str

    @property
    def words(self) -> str:
        size = self.rows.size
        extent = f"{size:,} row{'s' if size != 1 else ''}, " if size else ""
        return f"{self.column or 'the table'}: {self.rule} ({extent}for instance {self.example})"


@dataclass(frozen=True)
class Contract:
    """A schema that checks values and not names: columns it does not know are let pass.

    `kinds` says which of its columns hold numbers, `digest` is of the code that it is made of.
    """

    name: str
    schema: Any
    digest: str
    kinds: Mapping[str, Literal["number", "category"]]

    def broken(self, frame: pd.DataFrame) -> list[Broken]:
        """The rules that rows of `frame` break. Values are read as the schema's types first, so
        that what came as text or as a float may be what it says."""
        import pandas as pd
        import pandera.errors

        table = frame.reset_index(drop=True)
        for name, column in self.schema.columns.items():
            if str(column.dtype) == "bool" and name in table and table[name].dtype == object:
                table[name] = table[name].map({"true": True, "false": False})
        try:
            self.schema.validate(table, lazy=True)
        except pandera.errors.SchemaErrors as error:
            cases = error.failure_cases
        else:
            return []
        subject = cases["column"].where(cases["schema_context"] == "Column", "")
        found = []
        for (column, rule), group in cases.groupby([subject, "check"], dropna=False, sort=False):
            places = pd.to_numeric(group["index"].dropna()).unique()
            value = group["failure_case"].iloc[0]
            found.append(
                Broken(
                    "" if pd.isna(column) else str(column),
                    RULES.get(str(rule), str(rule)),
                    np.asarray(places, np.int64),
                    repr(value.item() if hasattr(value, "item") else value),
                )
            )
        return found

    def require(self, frame: pd.DataFrame, where: str) -> None:
        """Raises Invalid that lists what rows of `frame` break."""
        found = self.broken(frame)
        if found:
            text = "".join(f"\n  {b.words}" for b in found)
            raise Invalid(
                "contract.broken",
                f"{where}: rows break the contract {self.name}:{text}",
                hint="Mend the rows, or change the contract where it is too strict.",
            )


def load_contract(project: Project, named: str) -> Contract | None:
    """The contract `named` ("module:NAME", relative to the project's root); None for "".

    Raises NotFound when there is none, Invalid for what is no schema or does not import,
    Unavailable without Pandera.
    """
    if not named:
        return None
    module, _, attribute = named.partition(":")
    if not module or not attribute.isidentifier():
        raise Invalid(
            "contract.name", f"contract = {named!r}.", hint='"module:NAME", of a Pandera schema.'
        )
    try:
        import pandera.pandas as pandera
    except ImportError as error:
        raise Unavailable(
            "contract.pandera",
            f"Pandera is not installed, which the contract {named} needs.",
            hint='pip install "gristmill[monitor]"',
        ) from error
    with _imported(project, named, module) as (loaded, digest):
        found: Any = getattr(loaded, attribute, None)
        if isinstance(found, type) and hasattr(found, "to_schema"):
            found = found.to_schema()
    if not isinstance(found, pandera.DataFrameSchema):
        raise Invalid(
            "contract.kind",
            f"{named} is {'absent' if found is None else 'no Pandera schema'}.",
            hint=f"Define {attribute} = pandera.pandas.DataFrameSchema(...) in {module}.",
        )
    schema = _of_rows(found)
    kinds = {str(n): _kind(c.dtype) for n, c in schema.columns.items() if not c.regex}
    return Contract(named, schema, digest, kinds)


@contextmanager
def _imported(project: Project, named: str, module: str) -> Iterator[tuple[Any, str]]:
    """The project's module, read anew, and a digest of the project's code that it brings."""
    root = str(project.root)
    with _IMPORTING:
        before = dict(sys.modules)
        for name in _inside(project.root, sys.modules):
            del sys.modules[name]
        sys.path.insert(0, root)
        importlib.invalidate_caches()
        try:
            loaded = importlib.import_module(module)
            own = _inside(project.root, sys.modules)
            digest = hashlib.sha256()
            for name in own:
                digest.update(name.encode() + Path(sys.modules[name].__file__ or "").read_bytes())
            yield loaded, digest.hexdigest()
        except ModuleNotFoundError as error:
            raise NotFound(
                "contract.module",
                f"the contract {named} does not import: {error}.",
                hint="`gristmill model contract` writes one from the reference.",
            ) from error
        except Exception as error:
            if isinstance(error, Invalid):
                raise
            raise Invalid(
                "contract.import",
                f"the contract {named} does not import: {error!r}.",
                hint=f"Mend {module.replace('.', '/')}.py or what it imports.",
            ) from error
        finally:
            sys.path.remove(root)
            for name in _inside(project.root, sys.modules):
                del sys.modules[name]
            sys.modules.update({k: v for k, v in before.items() if k not in sys.modules})


def _inside(root: Path, modules: Mapping[str, Any]) -> list[str]:
    """Names of the modules whose file is the project's own, sorted."""
    start = f"{root}{os.sep}"
    files = {n: getattr(m, "__file__", None) for n, m in modules.items()}
    return sorted(
        n for n, f in files.items()
        if isinstance(f, str) and f.startswith(start) and "site-packages" not in f
    )  # fmt: skip


def _of_rows(schema: Any) -> Any:
    """The schema for tables that hold other columns too, with values read as its types.

    Uniqueness is left out: rows of a log come in parts."""
    schema = copy.deepcopy(schema)
    schema.strict, schema.ordered, schema.unique, schema.index = False, False, None, None
    schema.coerce = True
    for column in schema.columns.values():
        column.unique = False
    return schema


def _kind(dtype: Any) -> Literal["number", "category"]:
    words: Sequence[str] = ("int", "uint", "float", "Int", "UInt", "Float")
    return "number" if str(dtype).startswith(tuple(words)) else "category"


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
    from gristmill.registry._settings import model_settings

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

    from gristmill.registry._versions.store import Registry

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
