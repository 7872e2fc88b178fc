"""The model card of a version: one content, as Markdown and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.project import Project
from gristmill.registry.formats import declared
from gristmill.registry.reports import report_of
from gristmill.registry.review import standing_of
from gristmill.registry.settings import ModelSettings, model_settings
from gristmill.registry.store import Registry
from gristmill.registry.version import Version

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;margin:.5rem 0}"
    "th,td{border-bottom:1px solid #8886;padding:.3rem .8rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}"
)


@dataclass(frozen=True)
class Section:
    """A title, a paragraph, and a table when there is a head."""

    title: str
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()


def card(project: Project, model: str, version: int | str, *, as_html: bool = False) -> str:
    """The card of a version, from the ledger and the verified files; nothing is loaded."""
    registry = Registry(project)
    found = registry.version(model, version)
    settings = model_settings(project, model)
    sections = [
        _about(found, settings),
        _features(registry, found),
        Section("Metrics", "As recorded by the run.", ("metric", "value"), _pairs(found.metrics)),
        *_gates(registry, found),
        Section("Parameters", "", ("name", "value"), _pairs(found.params)),
        _lineage(found),
        _history(registry, found),
    ]
    title = f"{model} version {found.version}"
    return _html(title, sections) if as_html else _markdown(title, sections)


def _about(version: Version, settings: ModelSettings) -> Section:
    standing = f"Holds {', '.join(version.aliases)}." if version.aliases else "Holds no alias."
    rows = (
        ("owner", settings.owner or version.author),
        ("author", version.author),
        ("created", f"{version.created:%Y-%m-%d %H:%M} UTC"),
        ("predicts", settings.target or "-"),
        ("digest (sha256)", version.digest),
        ("MLflow run", version.run_id),
    )
    return Section("About", standing, ("", ""), rows)


def _features(registry: Registry, version: Version) -> Section:
    import json

    said = declared(registry.fetch(version))
    inputs = json.loads((said.get("signature") or {}).get("inputs") or "[]")
    rows = tuple(
        (i.get("name", n), i.get("type", "tensor"), "yes" if i.get("required", True) else "no")
        for n, i in enumerate(inputs)
    )
    flavors = ", ".join(sorted(said.get("flavors") or {}))
    words = f"Saved as {flavors}." if rows else f"Saved as {flavors}; it declares no inputs."
    return Section("Features", words, ("name", "type", "required") if rows else (), rows)


def _gates(registry: Registry, version: Version) -> list[Section]:
    found = report_of(registry, version)
    if found is None:
        return [Section("Gates", "This version was never judged.")]
    digest, report = found
    rival = report.about.get("champion")
    against = f"version {rival}" if rival else "nobody"
    rows = tuple((r.verdict, r.kind, r.message) for r in report.results)
    text = f"Judged against {against}: {report.verdict}. Report {digest[:12]}."
    sections = [Section("Gates", text, ("verdict", "gate", "finding"), rows)]
    for result in report.results:
        if result.kind == "calibration" and "bins" in result.numbers:
            bins = tuple((f"{p:.3f}", f"{q:.3f}", n) for p, q, n in result.numbers["bins"])
            sections.append(
                Section("Calibration", result.message, ("predicted", "observed", "rows"), bins)
            )
        if result.kind == "slices" and result.numbers.get("groups"):
            groups = tuple(
                (name, g["rows"], *(f"{g[k]:+.4f}" for k in ("difference", "lower", "upper")))
                for name, g in result.numbers["groups"].items()
            )
            head = ("group", "rows", "better by", "at least", "at most")
            sections.append(Section(f"Slices: {result.name}", result.message, head, groups))
        if result.kind == "fairness" and "rates" in result.numbers:
            rates = tuple((k, f"{v:.3f}") for k, v in result.numbers["rates"].items())
            sections.append(
                Section(f"Fairness: {result.name}", result.message, ("group", "rate"), rates)
            )
    standing = standing_of(registry, version)
    if standing.required:
        sections.append(Section("Approvals", standing.sentence()))
    return sections


def _lineage(version: Version) -> Section:
    line = version.lineage
    dirty = {True: " with uncommitted changes", False: "", None: " (tree unknown)"}[line.dirty]
    rows: tuple[tuple[Any, ...], ...] = (
        ("commit", f"{line.commit or 'unknown'}{dirty}"),
        ("notebook", line.notebook or "unknown"),
        ("step", line.step),
        ("code and modules", line.source or "unknown"),
        ("environment", line.environment or "unknown"),
        *((f"input {k}", v) for k, v in sorted(line.inputs.items())),
        *((f"evidence {k}", v) for k, v in sorted(version.evidence.items())),
    )
    missing = line.missing()
    text = f"Unknown: {', '.join(missing)}." if missing else "Complete."
    return Section("Lineage", text, ("part", "value"), rows)


def _history(registry: Registry, version: Version) -> Section:
    rows = tuple(
        (f"{e.at:%Y-%m-%d %H:%M:%S} UTC", e.actor, e.action, e.alias or "", e.reason)
        for e in registry.ledger.entries(version.model, version=version.version)
    )
    return Section("History", "", ("when", "who", "what", "alias", "why"), rows)


def _pairs(values: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((k, f"{v:.6g}" if isinstance(v, float) else v) for k, v in sorted(values.items()))


def _markdown(title: str, sections: Sequence[Section]) -> str:
    def row(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(_cell(c) for c in cells) + " |"

    parts = [f"# {_cell(title)}"]
    for section in sections:
        parts.append(f"## {_cell(section.title)}")
        if section.text:
            parts.append(_cell(section.text))
        if section.head:
            rule = "|" + " --- |" * len(section.head)
            parts.append("\n".join([row(section.head), rule, *map(row, section.rows)]))
    return "\n\n".join(parts) + "\n"


def _cell(value: Any) -> str:
    """A value that neither breaks a table nor smuggles markup in."""
    text = html.escape(str(value), quote=False)
    for mark in "\\`*_[]|#":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def _html(title: str, sections: Sequence[Section]) -> str:
    def row(tag: str, cells: Sequence[Any]) -> str:
        inside = "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells)
        return f"<tr>{inside}</tr>"

    parts = [f"<h1>{html.escape(title)}</h1>"]
    for section in sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        if section.text:
            parts.append(f"<p>{html.escape(section.text)}</p>")
        if section.head:
            body = "".join(row("td", r) for r in section.rows)
            head = row("th", section.head) if any(section.head) else ""
            parts.append(f"<table>{head}{body}</table>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style>{''.join(parts)}</html>\n"
    )
