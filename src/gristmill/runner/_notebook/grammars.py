"""Keeps an import out of our own processes that takes longer than a run."""

from __future__ import annotations

import sys


def skip_grammar_import() -> None:
    """jsonschema imports `rfc3987_syntax` where it is installed, for a format that notebooks do not
    use, and that builds 39 grammars when it is imported. Call before nbformat is."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
