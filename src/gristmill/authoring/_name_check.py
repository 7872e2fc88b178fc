"""Ruff, asked for undefined names and syntax errors of many texts in one process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gristmill.authoring._rules.names import PREDEFINED, Diagnostic, PythonSource
from gristmill.errors import Unavailable

UNDEFINED_NAME = "F821"
SYNTAX_ERROR = "invalid-syntax"
KNOWN_VERSIONS = range(7, 15)  # of Python 3, those that our oldest ruff knows
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Checked:
    """The diagnostics of one text, in its order.

    Attributes
    ----------
    undefined
        Places of undefined names.
    syntax_errors
        Syntax errors; with one of them there are no undefined names.
    """

    undefined: tuple[Diagnostic, ...] = ()
    syntax_errors: tuple[Diagnostic, ...] = ()


def check_names(sources: Sequence[PythonSource]) -> list[Checked]:
    """Ask ruff about every text.

    Parameters
    ----------
    sources
        Modules, each checked by itself.

    Returns
    -------
    list of Checked
        One for each source. A text with syntax errors has no undefined names.

    Raises
    ------
    Unavailable
        When ruff cannot be run.
    """
    if not sources:
        return []
    with tempfile.TemporaryDirectory(prefix="gristmill-lint-") as folder:
        root = Path(folder)
        (root / "ruff.toml").write_text(_configuration(sources), encoding="utf-8")
        for number, source in enumerate(sources):
            text = source.text.encode("utf-8", errors="replace")
            (root / f"{number}.py").write_bytes(text)
        output = _run(root)
    undefined: list[list[Diagnostic]] = [[] for _ in sources]
    errors: list[list[Diagnostic]] = [[] for _ in sources]
    for item in json.loads(output):
        number = int(Path(item["filename"]).stem)
        start, end = item["location"], item["end_location"]
        diagnostic = Diagnostic(start["row"], start["column"], end["column"], item["message"])
        if item["code"] == UNDEFINED_NAME:
            undefined[number].append(diagnostic)
        elif item["code"] in {SYNTAX_ERROR, None}:
            errors[number].append(diagnostic)
    pairs = zip(undefined, errors, strict=True)
    return [Checked(tuple(names), tuple(wrong)) for names, wrong in pairs]


def _configuration(sources: Sequence[PythonSource]) -> str:
    versions = "".join(
        f'"{number}.py" = "{_target(source.version)}"\n' for number, source in enumerate(sources)
    )
    return (
        f"builtins = {json.dumps(PREDEFINED)}\nrespect-gitignore = false\n"
        f"[per-file-target-version]\n{versions}"
        f'[lint]\nselect = ["{UNDEFINED_NAME}"]\n'
    )


def _target(version: tuple[int, int] | None) -> str:
    major, minor = version or sys.version_info[:2]
    last = KNOWN_VERSIONS[-1] if major >= 3 else KNOWN_VERSIONS[0]
    return f"py3{min(max(minor, KNOWN_VERSIONS[0]), last)}"


def _run(root: Path) -> str:
    from ruff import find_ruff_bin

    hint = "Install it again: pip install --force-reinstall ruff"
    options = ["--no-cache", "--ignore-noqa", "--exit-zero", "--output-format", "json"]
    try:
        process = subprocess.run(
            [find_ruff_bin(), "check", *options, "."],
            cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_S,
            check=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        what = f"ruff failed: {error.stderr.strip()[-500:]}"
        raise Unavailable("lint.ruff", what, hint=hint) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable("lint.ruff", f"ruff did not run: {error}", hint=hint) from error
    return process.stdout
