"""What the inputs of a model must look like: a Pandera schema in a module of the project.

`[models.NAME] contract = "module:NAME"` names it. Monitoring checks every logged row by it, and
`gristmill score` every row before it is scored. A first contract can be inferred from the model's
reference, for a person to edit.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gristmill.errors import Conflict, Invalid, NotFound, Unavailable
from gristmill.files import write_atomic
from gristmill.project import SETTINGS, Project
from gristmill.registry._versions.version import Version
from gristmill.workspace_trust import require_trust

if TYPE_CHECKING:
    import pandas as pd

RULES = {"not_nullable": "is missing", "column_in_dataframe": "the column is missing"}
_IMPORTING = threading.Lock()
PREDICTION = "prediction"
FOLDER = "contracts"
NAME = "CONTRACT"
FEW_VALUES = 40


@dataclass(frozen=True)
class Broken:
    """A rule that rows break.

    Attributes
    ----------
    column
        Which column's rule; "" for one over several columns.
    rule
        The rule, in words.
    rows
        Positions of the rows; none when the table as a whole breaks it.
    example
        The value of one of them.
    """

    column: str
    rule: str
    rows: NDArray[np.int64]
    example: str

    def sentence(self) -> str:
        """The rule, how many rows break it, and an example, without a full stop."""
        size = self.rows.size
        extent = f"{size:,} row{'s' if size != 1 else ''}, " if size else ""
        return f"{self.column or 'the table'}: {self.rule} ({extent}for instance {self.example})"


@dataclass(frozen=True)
class Contract:
    """A schema that checks values, not names: columns that it does not name are accepted.

    Attributes
    ----------
    name
        `module:NAME`, as the settings have it.
    schema
        The Pandera schema.
    digest
        sha256 of the project's code that the schema is made of.
    kinds
        For each of its columns, whether it holds numbers or categories.
    """

    name: str
    schema: Any
    digest: str
    kinds: Mapping[str, Literal["number", "category"]]

    @classmethod
    def load(cls, project: Project, name: str) -> Contract | None:
        """A project's contract.

        Parameters
        ----------
        project
            The project; its root is where modules are looked for.
        name
            `module:NAME`; "" for none.

        Returns
        -------
        Contract | None
            None when `name` is "".

        Raises
        ------
        NotFound
            `contract.module`: there is no such module.
        Invalid
            `contract.name`, `contract.import` or `contract.kind`: it is not well formed.
        Unavailable
            `contract.pandera`: Pandera is not installed.
        """
        if not name:
            return None
        module, _, attribute = name.partition(":")
        if not module or not attribute.isidentifier():
            raise Invalid(
                "contract.name",
                f"contract = {name!r} does not name a schema.",
                hint='Write "module:NAME", where NAME is a Pandera schema in the module.',
            )
        try:
            import pandera.pandas as pandera
        except ImportError as error:
            raise Unavailable(
                "contract.pandera",
                f"Pandera, which the contract {name} needs, is not installed.",
                hint='pip install "gristmill[monitor]"',
            ) from error
        with _imported(project, name, module) as (imported, digest):
            schema: Any = getattr(imported, attribute, None)
            if isinstance(schema, type) and hasattr(schema, "to_schema"):
                schema = schema.to_schema()
        if not isinstance(schema, pandera.DataFrameSchema):
            problem = "does not exist" if schema is None else "is not a Pandera schema"
            raise Invalid(
                "contract.kind",
                f"the contract {name} {problem}.",
                hint=f"Define {attribute} = pandera.pandas.DataFrameSchema(...) in {module}.",
            )
        schema = _of_rows(schema)
        kinds = {str(n): _kind(c.dtype) for n, c in schema.columns.items() if not c.regex}
        return cls(name, schema, digest, kinds)

    def broken(self, frame: pd.DataFrame) -> list[Broken]:
        """The rules that rows break.

        Values are read as the schema's types first, so that what came as text or as a float may be
        what the schema says.

        Parameters
        ----------
        frame
            A table with the model's input columns.
        """
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
        broken = []
        for (column, rule), group in cases.groupby([subject, "check"], dropna=False, sort=False):
            positions = pd.to_numeric(group["index"].dropna()).unique()
            value = group["failure_case"].iloc[0]
            broken.append(
                Broken(
                    "" if pd.isna(column) else str(column),
                    RULES.get(str(rule), str(rule)),
                    np.asarray(positions, np.int64),
                    repr(value.item() if hasattr(value, "item") else value),
                )
            )
        return broken

    def require(self, frame: pd.DataFrame, where: str) -> None:
        """Raise Invalid (`contract.broken`) with the rules that rows break, if they break any.

        Parameters
        ----------
        frame
            A table with the model's input columns.
        where
            What the rows are of, for the message.
        """
        broken = self.broken(frame)
        if broken:
            lines = "".join(f"\n  {b.sentence()}" for b in broken)
            raise Invalid(
                "contract.broken",
                f"{where}: rows break the contract {self.name}:{lines}",
                hint="Correct the rows, or relax the contract where it is too strict.",
            )


@contextmanager
def _imported(project: Project, contract: str, module: str) -> Iterator[tuple[Any, str]]:
    """The project's module, imported anew, and a digest of the project's code that it imports."""
    require_trust(project.root)
    root = str(project.root)
    with _IMPORTING:
        before = dict(sys.modules)
        for name in _inside(project.root, sys.modules):
            del sys.modules[name]
        sys.path.insert(0, root)
        importlib.invalidate_caches()
        try:
            loaded = importlib.import_module(module)
            digest = hashlib.sha256()
            for name in _inside(project.root, sys.modules):
                digest.update(name.encode() + Path(sys.modules[name].__file__ or "").read_bytes())
            yield loaded, digest.hexdigest()
        except ModuleNotFoundError as error:
            raise NotFound(
                "contract.module",
                f"the contract {contract} cannot be imported: {error}.",
                hint="`gristmill model contract` infers one from the model's reference.",
            ) from error
        except Exception as error:
            if isinstance(error, Invalid):
                raise
            raise Invalid(
                "contract.import",
                f"the contract {contract} cannot be imported: {error!r}.",
                hint=f"Correct {module.replace('.', '/')}.py or what it imports.",
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
    numbers = ("int", "uint", "float", "Int", "UInt", "Float")
    return "number" if str(dtype).startswith(numbers) else "category"


def infer_contract(project: Project, model: str) -> tuple[Path, str]:
    """Write a contract inferred from a model's reference into the project, for a person to edit.

    Parameters
    ----------
    project
        The project.
    model
        The model; the reference is that of its newest version, or the project's own file when it
        has no version.

    Returns
    -------
    tuple
        The file that was written, and the value for `contract` in the model's settings.

    Raises
    ------
    NotFound
        `contract.reference`: there is no reference.
    Conflict
        `contract.exists`: the file exists already.
    """
    from gristmill.registry._settings import model_settings

    settings = model_settings(project, model)
    stem = re.sub(r"\W", "_", model)
    target = project.root / FOLDER / f"{stem}.py"
    if target.exists():
        raise Conflict(
            "contract.exists",
            f"{target.relative_to(project.root)} exists already, perhaps edited by a person.",
            hint="Delete it to have it inferred anew.",
        )
    frame = _reference(project, model, settings.reference)
    excluded = {settings.target, settings.time, PREDICTION}
    columns = [c for c in frame.columns if c not in excluded]
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
        if Version.REFERENCE in version.evidence:
            return pd.read_parquet(registry.evidence(version, Version.REFERENCE))
    if own and (project.root / own).is_file():
        return pd.read_parquet(project.root / own)
    raise NotFound(
        "contract.reference",
        f"{model} has no reference to infer a contract from.",
        hint=f"Set `reference` in {SETTINGS} [models.{model}] and run the step that writes it.",
    )


def contract_text(frame: pd.DataFrame, model: str) -> str:
    """A module with a contract that all rows of `frame` satisfy. Pure.

    Numbers may be half their span beyond what was seen, but not below 0 when none was; texts of
    few values must be one of them. What was never missing may not be missing.
    """
    lines = [f"    {str(n)!r}: {_column(frame[n])},\n" for n in frame.columns]
    return (
        f'"""What the inputs of {model} must look like.\n\n'
        f"Inferred from {len(frame):,} rows of its reference, and yours to change: numbers may be "
        "half their\nspan beyond what was seen there, texts of few values must be one of them.\n"
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
    values = sorted({str(v) for v in series.dropna()})
    if 0 < len(values) <= FEW_VALUES:
        return f"pa.Column(str, pa.Check.isin({values!r}){nullable})"
    return f"pa.Column(str{nullable})"


def _short(value: float) -> str:
    """Four digits: the rounding is far smaller than the slack."""
    return repr(float(f"{value:.4g}"))
