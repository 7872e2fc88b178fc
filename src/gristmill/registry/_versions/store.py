"""Model versions: registered in MLflow, recorded in the ledger, fetched as verified copies.

A version's record (digest, metrics, params, lineage) is a document of the ledger, so listing and
showing import no MLflow and survive a deletion there. Bytes live in MLflow's artifact store;
what is loaded is a local copy whose digest is that of the ledger.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Conflict, Forbidden, Invalid, NotFound
from gristmill.files import scratch_directory
from gristmill.lineage import Lineage
from gristmill.project import Project
from gristmill.registry._ledger.chain import Draft, Entry, canonical
from gristmill.registry._ledger.ledger import Ledger, Writer, store_of
from gristmill.registry._loading.digest import check_name, directory_digest, require_plain
from gristmill.registry._loading.signing import KEY
from gristmill.registry._policy import model_policy
from gristmill.registry._roles import Roles, current_actor
from gristmill.registry._settings import model_settings
from gristmill.registry._versions.copies import Copies
from gristmill.registry._versions.evidence import stage
from gristmill.registry._versions.mlflow import create_version, find_version, set_alias
from gristmill.registry._versions.version import Version
from gristmill.workspace_trust import require_trust

if TYPE_CHECKING:
    from mlflow import MlflowClient

ANCHOR = "gristmill.ledger"
UNKNOWN_AUTHOR = "unknown"
LONGEST_NUMBER = 18  # digits that a database's integer holds


class Registry:
    """The model versions of a project.

    Parameters
    ----------
    project
        The project.

    Raises
    ------
    Forbidden
        `role.missing`: the actor may not read.
    """

    def __init__(self, project: Project) -> None:
        Roles.of(project).require_reader(lambda: current_actor(project))
        self.project = project
        self.ledger = Ledger(store_of(project), Roles.of(project).keys)
        self._client: MlflowClient | None = None
        self._copies = Copies(project, lambda: self.client)

    @property
    def client(self) -> MlflowClient:
        """MLflow, connected when first asked for."""
        if self._client is None:
            from gristmill.tracking import mlflow_client

            self._client = mlflow_client(self.project)
        return self._client

    def register(
        self,
        model: str,
        *,
        path: Path,
        metrics: Mapping[str, float],
        reference: Path | None,
        holdout: Path | None,
        lineage: Lineage,
        upstream: Sequence[Lineage] = (),
        unrecorded: Sequence[str] = (),
        run_id: str | None = None,
        actor: str | None = None,
    ) -> Version:
        """Make an MLflow model directory the next version of `model`.

        The MLflow run receives, in a folder of its own, the model under `model/` and, under
        `evidence/`, its signature, the lineage, the metrics, the SBOM with the lock file, and the
        tables. Nothing is loaded or imported.

        Parameters
        ----------
        model
            Its name.
        path
            The directory that MLflow's `save_model` wrote.
        metrics
            What the step measured.
        reference, holdout
            Parquet files to keep with it; None for none.
        lineage
            What it was made from.
        upstream, unrecorded
            What the steps before were run with, and which of them left no record.
        run_id
            The MLflow run that keeps the files; a new one when None.
        actor
            Who registers; the present actor when None.

        Raises
        ------
        NotFound
            A file is missing, or `path` is no MLflow model.
        Invalid
            There is a link in `path`.
        Conflict
            The files changed meanwhile.
        Forbidden
            The actor may not register.
        """
        check_name(model)
        actor = current_actor(self.project, actor)
        Roles.of(model_policy(self.project, model).project).require("register", actor)
        if not (path / "MLmodel").is_file():
            raise NotFound(
                "model.path",
                f"{path} is not an MLflow model: it has no MLmodel file.",
                hint="Save it with mlflow.FLAVOR.save_model(..., path=...) and run the step.",
            )
        require_plain(path)
        with scratch_directory(self.project.state, "register") as staged:
            shutil.copytree(path, staged / "model", symlinks=True)
            digest = directory_digest(staged / "model")
            if directory_digest(path) != digest:
                raise Conflict(
                    "model.changed",
                    f"{path} changed while it was being registered.",
                    hint="Wait until the step that writes it has ended, and register again.",
                )
            evidence, key = stage(
                staged, actor, self.project, model, metrics, reference, holdout, lineage
            )
            run = run_id or self._new_run(model, metrics, (lineage, *upstream))
            location = f"{model}-{secrets.token_hex(4)}"
            self.client.log_artifacts(run, str(staged), location)
        version = Version(
            model=model,
            version=0,
            run_id=run,
            digest=digest,
            metrics=dict(metrics),
            params=dict(lineage.params),
            lineage=lineage,
            created=datetime.now(UTC),
            author=lineage.author or UNKNOWN_AUTHOR,
            source=lineage.step,
            location=location,
            evidence=evidence,
            upstream=tuple(upstream),
            unrecorded=tuple(unrecorded),
        )
        draft = Draft(
            action="register",
            model=model,
            actor=actor,
            digest=digest,
            document=canonical(version.record()),
            detail={KEY: key},
        )
        client = self.client
        with self.ledger.writing() as writer:
            writer.intend(location, draft)
        with self.ledger.writing() as writer:
            number = create_version(client, model, run, location, digest)
            entry = _enter(writer, location, draft, number)
        self._anchor(entry)
        return replace(version, version=number)

    def models(self) -> list[str]:
        """Names of all registered models, sorted."""
        return sorted({entry.model for entry in self.ledger.entries(action="register")})

    def versions(self, model: str | None = None) -> list[Version]:
        """All versions, by two queries however many they are.

        Parameters
        ----------
        model
            Only versions of this model; of all models, sorted by name, when None.

        Returns
        -------
        list
            Oldest first; empty when there is none.
        """
        registrations = self.ledger.documented(model, "register")
        aliases = self.ledger.aliases_by_model(model)
        versions = [_version_of(e, text, aliases.get(e.model, {})) for e, text in registrations]
        return sorted(versions, key=lambda v: v.model)

    def version(self, model: str, ref: int | str) -> Version:
        """One version.

        Parameters
        ----------
        model
            Its model.
        ref
            Its number (3, "3" or "v3"), or an alias that it holds.

        Raises
        ------
        NotFound
            There is no such model, version or alias.
        Forbidden
            `ledger.forged`: the move that gave it the alias was altered.
        """
        aliases = self.ledger.aliases(model)
        text = str(ref).strip()
        number = _number(text)
        if number is None:
            if text not in aliases:
                names = ", ".join(sorted(aliases)) or "none yet"
                raise NotFound(
                    "version.alias",
                    f"no version of {model!r} has the alias {text!r} (aliases: {names}).",
                    hint=f"`gristmill model list {model}` shows its versions.",
                )
            number = aliases[text]
            move = self.ledger.holder(model, text)
            if move is not None:
                self.ledger.require_sound(move)
        registrations = self.ledger.documented(model, "register", number)
        if not registrations:
            raise NotFound(
                "version.not-found",
                f"{model!r} has no version {number}.",
                hint="`gristmill model list` shows the versions; register one with "
                "`gristmill model register`.",
            )
        return _version_of(*registrations[-1], aliases)

    def fetch(self, version: Version) -> Path:
        """A local copy of a version's model directory, to read and copy.

        Parameters
        ----------
        version
            The version.

        Raises
        ------
        Forbidden
            The bytes are not those that were registered, or the ledger's entry was altered.
        """
        return self._copies.verified(version, str(self._registered(version).digest))

    def load(self, version: Version) -> Any:
        """A version as an MLflow pyfunc model, from a private copy that was verified.

        Parameters
        ----------
        version
            The version.

        Raises
        ------
        Forbidden
            Its bytes or its signature are not those that were registered, or loading it would run
            code and the model's settings do not say `allow_code = true`.
        """
        from gristmill.registry._loading.loading import load
        from gristmill.registry._loading.signing import SIGNATURE, key_of

        require_trust(self.project.root)
        entry, trusted = self._registered(version), Roles.of(self.project).keys
        key_of(entry, trusted)
        committed = model_policy(self.project, version.model).project
        declared = version.model in committed.models
        return load(
            self._copies.model(version),
            self._copies.evidence(version, SIGNATURE),
            entry,
            trusted,
            allow_code=declared and model_settings(committed, version.model).allow_code,
        )

    def evidence(self, version: Version, name: str) -> Path:
        """A local, verified copy of a file kept with a version.

        Parameters
        ----------
        version
            The version.
        name
            The file's name, for instance `Version.REFERENCE`.

        Raises
        ------
        NotFound
            It was not kept, or MLflow has lost it.
        Forbidden
            It is not the file that was registered.
        """
        return self._copies.evidence(version, name)

    def reconcile(self) -> int:
        """Finish what a crash interrupted: registrations that MLflow has and the ledger does not,
        and aliases that the ledger moved and MLflow did not. Returns how many aliases moved."""
        if self.ledger.unsettled():
            self._finish_registrations()
        if not self.ledger.behind():
            return 0
        client = self.client  # connecting takes seconds: never while the ledger's lock is held
        return self.ledger.project(lambda entry: self._apply(client, entry))

    def _finish_registrations(self) -> None:
        """Versions are made in MLflow under the ledger's lock only: one that is there while this
        holds the lock and the intent stands was made by a process that died."""
        client = self.client
        entered = []
        with self.ledger.writing() as writer:
            for location, draft in writer.intents().items():
                number = find_version(client, draft.model, location)
                if number is not None:
                    entered.append(_enter(writer, location, draft, number))
        for entry in entered:
            self._anchor(entry)

    def _apply(self, client: MlflowClient, entry: Entry) -> None:
        if entry.alias is None or entry.after is None:
            raise Invalid(
                "ledger.move", f"entry {entry.seq} of the ledger moves no alias to a version."
            )
        set_alias(client, entry.model, entry.alias, entry.after)
        self._anchor(entry)

    def _anchor(self, entry: Entry) -> None:
        """Keep the entry's number and hash in MLflow, so that a cut at the ledger's end shows."""
        self.client.set_registered_model_tag(entry.model, ANCHOR, f"{entry.seq}:{entry.hash}")

    def _registered(self, version: Version) -> Entry:
        entries = self.ledger.entries(version.model, "register", version.version)
        if not entries or entries[-1].digest is None:
            raise Forbidden(
                "model.unregistered",
                f"{version.label} is not in the ledger.",
                hint="Register it with `gristmill model register`.",
            )
        self.ledger.require_sound(entries[-1])
        return entries[-1]

    def _new_run(self, model: str, metrics: Mapping[str, float], steps: Sequence[Lineage]) -> str:
        """A run in MLflow for a version: a child of the pipeline's, with its parameters."""
        from gristmill.tracking import record_registration

        return record_registration(self.project, self.client, model, metrics, steps)


def _version_of(entry: Entry, text: str, aliases: Mapping[str, int]) -> Version:
    """The version that `entry` registered; `aliases` are the model's, with who holds them."""
    own = sorted(alias for alias, version in aliases.items() if version == entry.version)
    return Version.from_record(json.loads(text), tuple(own))


def _enter(writer: Writer, location: str, draft: Draft, number: int) -> Entry:
    """Write the registration begun as `draft` down as version `number`."""
    document = canonical({**json.loads(str(draft.document)), "version": number})
    entry = writer.append(replace(draft, version=number, document=document))
    writer.settle(location)
    return entry


def _number(text: str) -> int | None:
    digits = text[1:] if text[:1] in "vV" else text
    numeric = digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER
    return int(digits) if numeric else None
