"""Local copies of what MLflow keeps of a version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import Forbidden, NotFound
from gristmill.files import scratch_directory
from gristmill.project import Project
from gristmill.registry._loading.digest import check_name, file_digest, require_digest
from gristmill.registry._versions.version import Version

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Copies:
    """Downloads into the project's state, once; `client` connects to MLflow when it must."""

    def __init__(self, project: Project, client: Callable[[], MlflowClient]) -> None:
        self._project = project
        self._client = client

    def model(self, version: Version) -> Path:
        """The model's directory, not verified. Raises NotFound when MLflow has lost it."""
        target = self._folder(version) / "model"
        if not target.exists():
            self._download(version, "model", target)
        return target

    def verified(self, version: Version, digest: str) -> Path:
        """The model's directory; raises Forbidden unless it has the digest."""
        target = self.model(version)
        require_digest(target, digest, version.label, target)
        return target

    def evidence(self, version: Version, name: str) -> Path:
        """A file kept with the version, verified. Raises NotFound, Forbidden."""
        if name not in version.evidence:
            names = ", ".join(sorted(version.evidence)) or "none"
            raise NotFound(
                "evidence.not-found",
                f"{version.label} has no evidence file {name!r}.",
                hint=f"Stored with it: {names}.",
            )
        target = self._folder(version) / "evidence" / name
        if not target.exists():
            self._download(version, f"evidence/{name}", target)
        if file_digest(target) != version.evidence[name]:
            raise Forbidden(
                "evidence.altered",
                f"{target} is not the file that was registered with {version.label}.",
                hint="Find out who changed it; delete it to fetch it again.",
            )
        return target

    def _folder(self, version: Version) -> Path:
        """Named by the digest, too: another ledger may have a version of the same number."""
        check_name(version.model)
        number = f"{version.version}-{version.digest[:12]}"
        return self._project.state / "models" / version.model / number

    def _download(self, version: Version, artifact: str, target: Path) -> None:
        from mlflow.exceptions import MlflowException

        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch_directory(self._project.state, "fetch") as folder:
            try:
                downloaded = self._client().download_artifacts(
                    version.run_id, f"{version.location}/{artifact}", str(folder)
                )
            except (MlflowException, OSError) as error:
                raise NotFound(
                    "version.bytes",
                    f"MLflow no longer has {artifact} of {version.label} (run {version.run_id}): "
                    f"{error}",
                    hint="It was deleted there; only its record is left, in the ledger.",
                ) from error
            try:
                Path(downloaded).replace(target)
            except OSError:
                if not target.exists():
                    raise
