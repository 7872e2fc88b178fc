"""Parquet and CSV files as streams of Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 50_000


def file_kind(path: Path) -> str:
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("parquet", "csv"):
        raise Invalid(
            "score.format",
            f"{path}: neither a .parquet nor a .csv file.",
            hint="Give a Parquet or CSV file.",
        )
    return kind


@contextmanager
def reading(path: Path, kind: str) -> Iterator[Iterator[pa.Table]]:
    """Tables of at least a row each; an empty file gives one without rows. CSV stays text."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if kind == "parquet":
            with parquet.ParquetFile(path) as file:
                empty = file.schema_arrow.empty_table()
                parts = (
                    pa.Table.from_batches([b]) for b in file.iter_batches(batch_size=CHUNK_ROWS)
                )
                yield _some(parts, empty)
        else:
            with path.open(encoding="utf-8", newline="") as head:
                names = _header(head.readline(), path)
            convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
            parse = csv.ParseOptions(newlines_in_values=True)
            with csv.open_csv(path, parse_options=parse, convert_options=convert) as reader:
                yield _some(
                    (pa.Table.from_batches([b]) for b in reader), reader.schema.empty_table()
                )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise Invalid("score.input", f"{path}: {error}", hint=f"It must be {kind}.") from error


def _header(line: str, path: Path) -> list[str]:
    import csv

    names = next(csv.reader([line.removeprefix("\ufeff")]), [])
    if not names or len(set(names)) != len(names):
        raise Invalid(
            "score.header",
            f"{path}: the first line must name each column once.",
            hint="Give each column a name of its own.",
        )
    return names


def _some(tables: Iterator[pa.Table], empty: pa.Table) -> Iterator[pa.Table]:
    seen = False
    for table in tables:
        if table.num_rows:
            seen = True
            yield table
    if not seen:
        yield empty


class Sink:
    """Writes tables to one file; the first one fixes the types."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._writer: Any = None

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, table: pa.Table) -> None:
        import pyarrow as pa
        from pyarrow import csv, parquet

        try:
            if self._writer is None:
                kind = parquet.ParquetWriter if self._kind == "parquet" else csv.CSVWriter
                self._writer = kind(self._path, table.schema)
            self._writer.write_table(table)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise Invalid(
                "score.output", f"{self._path.name}: {error}", hint="Write Parquet instead."
            ) from error
