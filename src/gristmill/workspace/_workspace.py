"""A project as it is on disk now: its steps, their sources, parameters and content."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from gristmill.errors import Invalid, NotFound
from gristmill.files import write_atomic
from gristmill.lineage import HashCache, LockFile, YamlLoader, project_modules, text_md5
from gristmill.pipeline import (
    STEP_FILES,
    Dag,
    StepSpec,
    StepState,
    build_dag,
    locked_state,
    params_path,
    parse_notebook,
    parse_step,
    source_path,
    stage_command,
    step_name,
    step_source,
)
from gristmill.project import Project
from gristmill.workspace._settings import StepPolicy, step_policies

DEFAULT_PARAMS = "params.yaml"
NO_PARAMETERS = "no cell is tagged `parameters`"


@dataclass(frozen=True)
class Workspace:
    """Steps joined to a DAG with everything a plan needs.

    `notebooks` are all notebooks by path and `texts` those of the steps by name, as read (a run
    executes these and not a later edit), `sources` the normalised sources, `modules` the project
    files each step imports with their digests, `params` the resolved parameters, `not_steps`
    notebooks that are no step with the reason.
    """

    project: Project
    dag: Dag
    notebooks: Mapping[str, str]
    texts: Mapping[str, str]
    sources: Mapping[str, str]
    modules: Mapping[str, Mapping[str, str]]
    params: Mapping[str, Mapping[str, Any]]
    not_steps: Mapping[str, str]
    environment: str
    params_files: tuple[str, ...]
    hashes: HashCache

    @cached_property
    def policies(self) -> Mapping[str, StepPolicy]:
        """The policy of every step. Raises Invalid for an unknown step or key and a bad value."""
        return step_policies(self.project, self.dag.steps)

    def state(self, name: str) -> StepState:
        """The step as it is now."""
        step = self.dag.steps[name]
        inputs: dict[str, str | None] = {p: self.hashes.md5(p) for p in step.inputs}
        inputs[source_path(name)] = text_md5(self.sources[name])
        if self.environment:
            inputs[self.environment] = self.hashes.md5(self.environment)
        return StepState(
            cmd=stage_command(step),
            inputs=inputs,
            params=self.params[name],
            outputs={o.path: self.hashes.md5(o.path) for o in step.outputs},
            source=source_path(name),
            environment=self.environment,
        )

    def states(self) -> dict[str, StepState]:
        return {name: self.state(name) for name in self.dag.steps}

    def locked(self, lock: LockFile | None = None) -> dict[str, StepState]:
        """What `dvc.lock` (read anew, or `lock`) recorded of these steps."""
        stages = (lock or LockFile(self.project.root)).stages
        return {
            name: locked_state(stages[name], name, self.environment)
            for name in self.dag.steps
            if name in stages
        }

    def source_files(self) -> list[str]:
        """What the step files are made from."""
        notebooks = [s.notebook for s in self.dag.steps.values()]
        modules = {path for found in self.modules.values() for path in found}
        default = [DEFAULT_PARAMS] if (self.project.root / DEFAULT_PARAMS).is_file() else []
        return sorted({*notebooks, *modules, *default})

    def step_files(self) -> dict[str, str]:
        """Path -> text of every normalised source and parameter file."""
        files: dict[str, str] = {}
        for name in self.dag.steps:
            files[source_path(name)] = self.sources[name]
            values = json.dumps(self.params[name], indent=2, sort_keys=True, ensure_ascii=False)
            files[params_path(name)] = values + "\n"
        return files

    def write_step_files(self) -> bool:
        """Bring `.gristmill/steps` up to date; whether anything changed."""
        files = self.step_files()
        root = self.project.root
        changed = False
        for path, text in files.items():
            target = root / path
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if target.read_text(encoding="utf-8") == text:
                    continue
            target.unlink(missing_ok=True)  # DVC may have linked it to its cache
            write_atomic(target, text)
            changed = True
        for extra in set(os.listdir(root / STEP_FILES)) - {Path(p).name for p in files}:
            stray = root / STEP_FILES / extra
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
            changed = True
        for step in self.dag.steps.values():
            for output in step.outputs:
                (root / output.path).parent.mkdir(parents=True, exist_ok=True)
        return changed

    @cached_property
    def preload(self) -> tuple[str, ...]:
        """Third-party modules that the steps and the project modules they use import."""
        from gristmill.warm import third_party_imports

        cells = (c.source for t in self.texts.values() for c in parse_notebook(t, "").cells)
        paths = {path for found in self.modules.values() for path in found}
        code = ((self.project.root / p).read_text("utf-8", errors="replace") for p in sorted(paths))
        return third_party_imports([*cells, *code], self.project.root)

    def missing_inputs(self, names: set[str]) -> None:
        """Raise NotFound when a step of `names` reads a file that no step writes and is absent."""
        for path, readers in self.dag.external_inputs().items():
            waiting = [r for r in readers if r in names]
            if waiting and not (self.project.root / path).exists():
                step = self.dag.steps[waiting[0]]
                raise NotFound(
                    "input.not-found",
                    f"{step.location()} reads {path}: there is no such file and no step writes it.",
                    hint="Put the file there, fetch it with `dvc pull`, or mend the path.",
                )


def load_workspace(
    project: Project,
    params: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Workspace:
    """Read the project: notebooks, modules, parameters.

    `params` names a parameter set (`params.NAME.yaml`); `overrides` maps `step.name` to a value,
    text being read by the parameter's type. Raises Invalid naming file and cell.
    """
    prefixes = glob_prefixes(project.settings.notebooks)
    steps: list[StepSpec] = []
    notebooks: dict[str, str] = {}
    texts: dict[str, str] = {}
    not_steps: dict[str, str] = {}
    for path in project.notebooks():
        notebooks[path] = text = _read(project.root / path, path)
        step = parse_step(notebook := parse_notebook(text, path), step_name(path, prefixes))
        if step is None:
            foreign = notebook.parameters_cell is not None
            not_steps[path] = f"its language is {notebook.language}" if foreign else NO_PARAMETERS
            continue
        steps.append(step)
        texts[step.name] = text
    dag = build_dag(steps)
    modules = {s.name: project_modules(project.root, s.imports) for s in steps}
    values, files = _parameters(project, dag, params, overrides or {})
    environment = project.environment_file()
    return Workspace(
        project=project,
        dag=dag,
        notebooks=notebooks,
        texts=texts,
        sources={s.name: step_source(s, modules[s.name]) for s in steps},
        modules=modules,
        params=values,
        not_steps=not_steps,
        environment=environment.relative_to(project.root).as_posix() if environment else "",
        params_files=files,
        hashes=HashCache(project.root, project.state / "index.json"),
    )


def glob_prefixes(globs: tuple[str, ...]) -> tuple[str, ...]:
    """The literal directories that globs begin with, dropped from step names."""
    found = []
    for glob in globs:
        literal = glob.split("*", 1)[0].split("?", 1)[0]
        if "/" in literal:
            found.append(literal[: literal.rindex("/") + 1])
    return tuple(found)


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("notebook.encoding", f"{name}: not UTF-8: {error}") from error


def _parameters(
    project: Project, dag: Dag, chosen: str | None, overrides: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    files = [DEFAULT_PARAMS] if (project.root / DEFAULT_PARAMS).is_file() else []
    if chosen and chosen != "default":
        name = f"params.{chosen}.yaml"
        if not (project.root / name).is_file():
            sets = sorted(p.name.split(".")[1] for p in project.root.glob("params.*.yaml"))
            raise NotFound(
                "params.not-found",
                f"there is no parameter set `{chosen}` ({name}).",
                hint=f"Sets: {', '.join(['default', *sets])}.",
            )
        files.append(name)
    values: dict[str, dict[str, Any]] = {name: {} for name in dag.steps}
    for file in files:
        for step, given in notebook_sections(project.root / file, file).items():
            if step not in dag.steps:
                steps = ", ".join(dag.steps)
                raise Invalid(
                    "params.unknown-step", f"{file}: no step `{step}`.", hint=f"Steps: {steps}."
                )
            dag.steps[step].resolve(given, file)
            values[step].update(given)
    for key, value in overrides.items():
        step, name, read = _override(dag, key, value)
        values[step][name] = read
    resolved = {n: dag.steps[n].resolve(values[n], "parameters") for n in dag.steps}
    return resolved, tuple(files)


def notebook_sections(path: Path, name: str) -> dict[str, dict[str, Any]]:
    """The values a parameter file gives, by step. Raises Invalid when it is no such file."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=YamlLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid("params.syntax", f"{name}: {error}", hint="It must be YAML.") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(v, dict | None) for v in raw.values()):
        raise Invalid(
            "params.format",
            f"{name} must map each step to its parameters.",
            hint="For example:\n  train:\n    max_depth: 8",
        )
    return {str(step): dict(given or {}) for step, given in raw.items()}


def _override(dag: Dag, key: str, value: Any) -> tuple[str, str, Any]:
    step, dot, name = key.rpartition(".")
    if not dot:
        raise Invalid(
            "params.override",
            f"`{key}` does not name a step and a parameter.",
            hint="Write step.parameter=value, for example train.max_depth=8.",
        )
    spec = dag.steps[dag.find(step)]
    parameter = next((p for p in spec.parameters if p.name == name), None)
    if parameter is not None and isinstance(value, str):
        with contextlib.suppress(ValueError):  # `resolve` names the wrong type
            value = parameter.type.parse(value)
    spec.resolve({name: value}, "-p")
    return spec.name, name, value
