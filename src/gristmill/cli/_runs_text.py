"""Runs as text: a table of many, one in full, two compared."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gristmill.cli import _out as out
from gristmill.project import Project
from gristmill.runs import Change, RunDiff, RunRecord, RunRow, parse_where, split_key

LOOKS = {
    "succeeded": "green", "failed": "red", "cancelled": "yellow", "blocked": "yellow",
    "waiting": "yellow",
}  # fmt: skip
LINES = {"+": "green", "-": "red", "@": "cyan"}
HASH = 10


def columns(project: Project, where: str, sort: str, more: Sequence[str]) -> list[str]:
    """The requested keys; without any, the metrics that the project's gates judge."""
    conditions = parse_where(where) if where.strip() else ()
    requested = [*(c.key for c in conditions), *filter(None, [sort]), *more]
    keys = [k for k in requested if k not in {"run", "status"}]
    if not keys:
        gates = (g for m in project.models for g in project.table("models", m).get("gates") or ())
        keys = [f"metrics.{g['metric']}" for g in gates if isinstance(g, dict) and "metric" in g]
    for key in keys:
        split_key(key)
    return list(dict.fromkeys(keys))


def listing(rows: Sequence[RunRow], keys: Sequence[str]) -> str:
    """A table of runs, with a column for each of `keys`."""
    if not rows:
        return "no run matches"
    table = [
        (
            r.run,
            r.status,
            _when(r.started),
            _seconds(r.seconds),
            *(_number(r.value(k)) for k in keys),
        )
        for r in rows
    ]
    return out.table(table, ("run", "status", "started", "took", *keys))


def show(run: RunRecord, files: Sequence[str]) -> str:
    """One run in full: steps, parameters, metrics, data and files."""
    status = out.style(run.status, "bold", LOOKS.get(run.status, "dim"))
    lines = [f"{out.style(run.run, 'bold')}  {status}  {_when(run.started)}"]
    facts = {
        "trigger": run.trigger,
        "parameter set": run.set,
        "commit": _commit(run),
        "author": run.author,
        "environment": _short(run.environment),
        "MLflow run": run.mlflow_run,
    }
    width = max(map(len, facts))
    lines += [f"  {k.ljust(width)}  {v}" for k, v in facts.items() if v]
    steps = [
        (name, s.status, _seconds(s.seconds) if s.seconds else None, s.reason)
        for name, s in run.steps.items()
    ]
    lines += ["", out.table(steps, ("step", "status", "took", "why"))]
    for name, step in run.steps.items():
        if step.error:
            look = LOOKS.get(step.status, "red")
            lines += [
                "",
                out.style(f"{name} {step.status}", "bold", look),
                f"  {step.error['message']}",
            ]
            lines += [f"  hint: {step.error['hint']}"] if step.error.get("hint") else []
    values = [(s, n, v) for s, r in run.steps.items() for n, v in r.params.items()]
    if values:
        lines += ["", out.table([(s, n, _text(v)) for s, n, v in values], _head("parameter"))]
    metrics = [(s, n, v) for s, r in run.steps.items() for n, v in r.metrics.items()]
    if metrics:
        lines += ["", out.table(metrics, _head("metric"))]
    data = [
        (name, word, path, _short(digest))
        for name, step in run.steps.items()
        for word, paths in (("reads", step.inputs), ("writes", step.outputs))
        for path, digest in paths.items()
    ]
    if data:
        lines += ["", out.table(data, ("step", "", "data", "hash"))]
    if files:
        lines += ["", out.style("files", "bold"), *(f"  {f}" for f in files)]
    return "\n".join(lines)


def _head(title: str) -> tuple[str, str, str]:
    return ("step", title, "value")


def diff(comparison: RunDiff) -> str:
    """What differs between two runs."""
    lines = [f"{out.style(comparison.one, 'bold')} -> {out.style(comparison.other, 'bold')}"]
    if comparison.empty:
        return "\n".join([*lines, "the same parameters, metrics, code, data and environment"])
    lines += _changes("steps", comparison.steps)
    lines += _changes("parameters", comparison.params)
    if comparison.metrics:
        rows = [
            (k, c.before, c.after, None if c.delta is None else f"{c.delta:+.4g}")
            for k, c in comparison.metrics.items()
        ]
        lines += ["", out.table(rows, ("metric", "before", "after", "delta"))]
    for step, cells in comparison.cells.items():
        lines += ["", out.style(f"code of {step}", "bold")]
        for cell in cells:
            lines.append(out.style(f"  {cell.title}", "dim"))
            lines += [_styled(line) for line in cell.lines]
    for step in comparison.unknown:
        lines += ["", f"the code of {step} differs, but its cells were not kept"]
    shown = {k: Change(_short(c.before), _short(c.after)) for k, c in comparison.lineage.items()}
    lines += _changes("lineage", shown)
    return "\n".join(lines)


def _changes(title: str, changes: Mapping[str, Change]) -> Iterable[str]:
    if not changes:
        return []
    rows = [(k, _text(c.before), _text(c.after)) for k, c in changes.items()]
    return ["", out.table(rows, (title, "before", "after"))]


def _styled(line: str) -> str:
    look = LINES.get(line[:1])
    return "    " + (out.style(line, look) if look else line)


def _commit(run: RunRecord) -> str | None:
    if run.commit is None:
        return None
    dirty = " with uncommitted changes" if run.dirty else ""
    return f"{run.commit[:HASH]}{f' on {run.branch}' if run.branch else ''}{dirty}"


def _short(value: Any) -> str | None:
    """A hash shortened, and what follows it kept."""
    if value is None:
        return None
    digest, _, rest = str(value).partition(" ")
    kept = digest[:HASH] + (".dir" if digest.endswith(".dir") else "")
    return f"{kept} {rest}".strip()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else out.as_json(value).replace("\n", " ")


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"
