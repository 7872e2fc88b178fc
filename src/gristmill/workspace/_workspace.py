"""A project as it is on disk now: its steps, their sources, parameters and content."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gristmill.containment import contained
from gristmill.documents import too_deep
from gristmill.errors import Invalid, NotFound
from gristmill.files import write_atomic
from gristmill.lineage import HashCache, LockFile, project_modules, text_md5
from gristmill.pipeline import (
    STEP_FILES,
    Dag,
    StepSpec,
    StepState,
    build_dag,
    locked_state,
    overlaps,
    params_path,
    parse_notebook,
    parse_step,
    source_path,
    stage_command,
    step_name,
    step_source,
)
from gristmill.project import Project
from gristmill.workspace._parameters import DEFAULT_PARAMS, resolve_parameters
from gristmill.workspace._settings import StepPolicy, step_policies

NO_PARAMETERS = "no cell is tagged `parameters`"


@dataclass(frozen=True)
class Workspace:
    """Steps joined to a DAG, with everything that a plan needs.

    Attributes
    ----------
    project
        The project.
    dag
        Its steps.
    notebooks
        All notebooks as read, by path; a run executes these and not a later edit.
    texts
        Those that are steps, by step.
    sources
        Normalised sources by step.
    modules
        By step, the digest of each project module that it imports, by path.
    params
        Resolved parameters by step.
    not_steps
        Notebooks that are not steps, with the reason.
    errors
        Notebooks that cannot be read, with what is wrong.
    environment
        The environment's lock file relative to the root, "" when there is none.
    params_files
        The parameter files that were read.
    hashes
        Content hashes.
    """

    project: Project
    dag: Dag
    notebooks: Mapping[str, str]
    texts: Mapping[str, str]
    sources: Mapping[str, str]
    modules: Mapping[str, Mapping[str, str]]
    params: Mapping[str, Mapping[str, Any]]
    not_steps: Mapping[str, str]
    errors: Mapping[str, Invalid]
    environment: str
    params_files: tuple[str, ...]
    hashes: HashCache

    @cached_property
    def policies(self) -> Mapping[str, StepPolicy]:
        """The policy of every step. Raises Invalid for an unknown step or key and a bad value."""
        return step_policies(self.project, self.dag.steps)

    def state(self, name: str) -> StepState:
        """A step as it is now.

        Parameters
        ----------
        name
            The step's name.
        """
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
        """Every step as it is now."""
        return {name: self.state(name) for name in self.dag.steps}

    def locked(self, lock: LockFile | None = None) -> dict[str, StepState]:
        """What `dvc.lock` recorded of these steps.

        Parameters
        ----------
        lock
            The lock file; None reads it anew.

        Returns
        -------
        dict
            By step; a step that has not run is left out.
        """
        stages = (lock or LockFile(self.project.root)).stages
        return {
            name: locked_state(stages[name], name, self.environment)
            for name in self.dag.steps
            if name in stages
        }

    def source_files(self) -> list[str]:
        """What the step files are made from."""
        notebooks = [s.notebook for s in self.dag.steps.values()]
        modules = {path for paths in self.modules.values() for path in paths}
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
            is_folder = stray.is_dir() and not stray.is_symlink()
            shutil.rmtree(stray) if is_folder else stray.unlink()
            changed = True
        for step in self.dag.steps.values():
            for output in step.outputs:
                contained(root, output.path).parent.mkdir(parents=True, exist_ok=True)
        return changed

    @cached_property
    def preload(self) -> tuple[str, ...]:
        """Third-party modules that the steps and the project modules they use import."""
        from gristmill.warm import third_party_imports

        cells = (c.source for t in self.texts.values() for c in parse_notebook(t, "").cells)
        paths = {path for paths in self.modules.values() for path in paths}
        code = ((self.project.root / p).read_text("utf-8", errors="replace") for p in sorted(paths))
        return third_party_imports([*cells, *code], self.project.root)

    def find_step(self, name_or_path: str) -> str:
        """The name of a step, as `Dag.find` has it.

        Parameters
        ----------
        name_or_path
            A step's name, or its notebook's path relative to the root.

        Raises
        ------
        Invalid
            When its notebook cannot be read.
        NotFound
            `step.not-found`.
        """
        for path, name in step_names(self.project, self.errors).items():
            if name_or_path.removeprefix("./") in {path, name}:
                raise self.errors[path]
        return self.dag.find(name_or_path)

    def require_readable(self, names: Iterable[str] | None = None) -> None:
        """Refuse to run what notebooks that cannot be read belong to.

        Parameters
        ----------
        names
            The steps that a run of some needs, none of which may read what `dvc.lock` says such a
            notebook wrote; None for a run of everything.

        Raises
        ------
        Invalid
            What is wrong with the notebook.
        """
        if names is None:
            for error in self.errors.values():
                raise error
            return
        stages = LockFile(self.project.root).stages
        names_by_path = step_names(self.project, self.errors)
        for path, error in self.errors.items():
            if names_by_path[path] not in stages:
                continue
            written = locked_state(stages[names_by_path[path]], names_by_path[path], "").outputs
            for name in names:
                if any(overlaps(i, o) for i in self.dag.steps[name].inputs for o in written):
                    raise error

    def missing_inputs(self, names: set[str]) -> None:
        """Refuse to run steps whose inputs are absent and written by no step.

        Parameters
        ----------
        names
            The steps about to run.

        Raises
        ------
        NotFound
            `input.not-found`, naming the first such input.
        """
        for path, readers in self.dag.external_inputs().items():
            affected = [r for r in readers if r in names]
            if affected and not (self.project.root / path).exists():
                step = self.dag.steps[affected[0]]
                raise NotFound(
                    "input.not-found",
                    f"{step.location()} reads {path}, which does not exist and no step writes.",
                    hint="Create the file, fetch it with `dvc pull`, or correct the path.",
                )


def load_workspace(
    project: Project,
    params: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Workspace:
    """Read the project: notebooks, modules, parameters.

    Parameters
    ----------
    project
        The project.
    params
        A parameter set (`params.NAME.yaml`); None for `params.yaml` alone.
    overrides
        Values by `step.name`; text is read by the parameter's type.

    Returns
    -------
    Workspace
        The project as it is now.

    Raises
    ------
    Invalid
        Naming file and cell, when a step, a parameter or the pipeline is wrong. A notebook that
        cannot be read is an entry in `errors`.
    NotFound
        For an unknown parameter set or step.
    """
    steps: list[StepSpec] = []
    notebooks: dict[str, str] = {}
    texts: dict[str, str] = {}
    not_steps: dict[str, str] = {}
    errors: dict[str, Invalid] = {}
    for path, name in step_names(project).items():
        try:
            text = project.notebook_text(path)
            notebook = parse_notebook(text, path)
        except Invalid as error:
            errors[path] = error
            continue
        try:
            step = parse_step(notebook, name)
        except RecursionError:
            errors[path] = too_deep(path)
            continue
        notebooks[path] = text
        if step is None:
            foreign = notebook.parameters_cell is not None
            not_steps[path] = f"its language is {notebook.language}" if foreign else NO_PARAMETERS
            continue
        steps.append(step)
        texts[step.name] = text
    dag = build_dag(steps)
    modules = {s.name: project_modules(project.root, s.imports) for s in steps}
    values, files = resolve_parameters(project, dag, params, overrides or {})
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
        errors=errors,
        environment=environment.relative_to(project.root).as_posix() if environment else "",
        params_files=files,
        hashes=HashCache(project.root, project.state / "index.json"),
    )


def step_names(project: Project, notebooks: Iterable[str] | None = None) -> dict[str, str]:
    """The step's name that each notebook has or would have.

    Parameters
    ----------
    project
        The project.
    notebooks
        Paths relative to the root; all of the project's when None.

    Returns
    -------
    dict
        Names by path.
    """
    prefixes = _glob_prefixes(project.settings.notebooks)
    paths = project.notebooks() if notebooks is None else notebooks
    return {path: step_name(path, prefixes) for path in paths}


def _glob_prefixes(globs: tuple[str, ...]) -> tuple[str, ...]:
    """The literal directories that globs begin with, dropped from step names."""
    prefixes = []
    for glob in globs:
        literal = glob.split("*", 1)[0].split("?", 1)[0]
        if "/" in literal:
            prefixes.append(literal[: literal.rindex("/") + 1])
    return tuple(prefixes)
