"""What the data must look like: one range for each number, wherever it appears."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa

from flightlib.data import LATE_MINUTES
from flightlib.features import CATEGORIES, NUMBERS

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
ORIGINS = ["EWR", "JFK", "LGA"]
RANGES: dict[str, tuple[float, float]] = {
    "hour": (0, 24),
    "distance": (10, 6000),  # miles
    "dest_lat": (-90, 90),
    "dest_lon": (-180, 180),
    "plane_age": (0, 80),
    "built": (1930, 2014),
    "seats": (1, 600),
    "temp": (-40, 130),  # degrees Fahrenheit
    "humid": (0, 101),  # percent
    "wind_speed": (0, 120),  # miles an hour
    "precip": (0, 5),  # inches
    "pressure": (900, 1100),  # millibars
    "visib": (0, 10),  # miles
}
REQUIRED = {"hour", "distance"}
RULES = {
    "multiple_fields_uniqueness": "a flight may appear once",
    "column_in_dataframe": "a column is missing",
    "column_in_schema": "a column is not in the contract",
}


class ContractError(ValueError):
    """Data that break the contract; the message lists each broken rule with an example."""


def _number(name: str) -> pa.Column:
    return pa.Column(float, pa.Check.in_range(*RANGES[name]), nullable=name not in REQUIRED)


def _text(pattern: str) -> pa.Column:
    return pa.Column(str, pa.Check.str_matches(pattern))


TEXT = {
    "carrier": _text("^[0-9A-Z]{2}$"),
    "origin": pa.Column(str, pa.Check.isin(ORIGINS)),
    "dest": _text("^[A-Z]{3}$"),
    "weekday": pa.Column(str, pa.Check.isin(WEEKDAYS)),
}
TIMESTAMP = pa.Column("datetime64[us, UTC]")

FEATURES = pa.DataFrameSchema(
    {name: TEXT[name] for name in CATEGORIES} | {name: _number(name) for name in NUMBERS},
    name="features",
)

FLIGHTS = pa.DataFrameSchema(
    {name: TEXT[name] for name in ("carrier", "origin", "dest")}
    | {name: _number(name) for name in RANGES if name not in ("hour", "plane_age")}
    | {
        "scheduled": TIMESTAMP,
        "observed": pa.Column("datetime64[us, UTC]", nullable=True),
        "flight": pa.Column(int, pa.Check.ge(1)),
        "tailnum": pa.Column(str, nullable=True),
        "arr_delay": pa.Column(float, pa.Check.in_range(-180, 2000)),
        "late": pa.Column(bool),
    },
    checks=[
        pa.Check(
            lambda t: (t["observed"] < t["scheduled"]) | t["observed"].isna(),
            name="weather was observed before departure",
        ),
        pa.Check(
            lambda t: t["late"] == (t["arr_delay"] > LATE_MINUTES), name="late follows arr_delay"
        ),
    ],
    unique=["scheduled", "origin", "carrier", "flight"],
    strict=True,
    name="flights",
)


def check(schema: pa.DataFrameSchema, table: pd.DataFrame) -> pd.DataFrame:
    """`table`, when it keeps `schema`. Raises ContractError that lists every broken rule."""
    try:
        return schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise ContractError(_explain(schema, table, error.failure_cases)) from None


def _explain(schema: pa.DataFrameSchema, table: pd.DataFrame, cases: Any) -> str:
    lines = [f"The {schema.name} table ({len(table):,} rows) breaks its contract:"]
    subject = cases["column"].where(cases["schema_context"] == "Column", "table")
    for (name, rule), group in cases.groupby([subject, "check"], dropna=False, sort=False):
        rows = group["index"].nunique()
        extent = f", {rows:,} row{'s' if rows != 1 else ''}" if rows else ""
        example = f", for instance {group['failure_case'].iloc[0]!r}" if name != "table" else ""
        if name == "table" and not rows:
            example = f": {group['failure_case'].iloc[0]!r}"
        lines.append(f"  {name}: {RULES.get(rule, rule)}{extent}{example}")
    return "\n".join(lines)
