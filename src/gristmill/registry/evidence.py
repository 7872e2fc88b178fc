"""The files kept with a version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from gristmill.errors import NotFound
from gristmill.lineage.record import Lineage
from gristmill.registry.chain import canonical
from gristmill.registry.digest import file_digest


def stage(
    directory: Path,
    metrics: Mapping[str, float],
    reference: Path | None,
    holdout: Path | None,
    lineage: Lineage,
) -> dict[str, str]:
    """Write the evidence files into `directory`; returns their sha256 by name."""
    directory.mkdir()
    (directory / "lineage.json").write_text(lineage.to_json(), encoding="utf-8")
    (directory / "metrics.json").write_text(canonical(dict(metrics)), encoding="utf-8")
    for name, source in (("reference.parquet", reference), ("holdout.parquet", holdout)):
        if source is None:
            continue
        if not source.is_file():
            raise NotFound(
                "evidence.source",
                f"{source} does not exist.",
                hint="Run the step that writes it, or mend the model's table in gristmill.toml.",
            )
        shutil.copyfile(source, directory / name)
    return {p.name: file_digest(p) for p in sorted(directory.iterdir())}
