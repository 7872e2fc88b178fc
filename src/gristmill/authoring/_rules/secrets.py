"""Credentials in source and output: known shapes, and random text under a name for a secret.

A remark names the kind and the length and never shows a character of it.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from gristmill.authoring._cells import Cell, Parsed
from gristmill.authoring._rules.finding import Remark

SHAPES = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_\-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}",
    "a Slack webhook": r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}",
    "an API key of a language model": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_\-]{20,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_\-]{35}\b",
    "a Google access token": r"\bya29\.[0-9A-Za-z_\-]{20,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a Databricks token": r"\bdapi[0-9a-f]{32}\b",
    "a PyPI token": r"\bpypi-AgE[A-Za-z0-9_\-]{50,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a Stripe key": r"\b[sr]k_live_[A-Za-z0-9]{16,}",
    "a SendGrid key": r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    "an Azure storage key": r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a JSON web token": r"\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}",
    "a password in an address": r"\b[a-z][a-z0-9+.\-]*://[^\s:/@{}$<]+:(?!/)[^\s/@{}$<*]{3,}@",
}
KNOWN = {kind: re.compile(shape) for kind, shape in SHAPES.items()}
NAMED = re.compile(
    r"(?:^|_)(?:passwd|password|pwd|secret|token|api_?key|access_?key|private_?key|"
    r"auth_?key|credential)s?$",
    re.IGNORECASE,
)
PLACEHOLDER = re.compile(r"your|xxx|example|change.?me|placeholder|dummy|<|\{|\$|\*\*|\s", re.I)
HINT = "Read it from the environment, withdraw this one, and clear it from git's history."
MIN_LENGTH = 8
MIN_ENTROPY = 3.0  # bits a character; English words have 2 to 2.7, random text 3.3 and more


def secret_remarks(cells: Sequence[Cell], parsed: Sequence[Parsed]) -> list[Remark]:
    """At most one remark for a line of source or an output."""
    remarks = []
    trees = {p.index: p.tree for p in parsed}
    for cell in cells:
        lines: dict[int, str] = {}
        for number, line in enumerate(cell.source.splitlines(), 1):
            if kind := shaped(line):
                lines[number] = kind
        tree = trees.get(cell.index)
        if tree is not None:
            for name, value, line_number in _assigned(tree):
                if NAMED.search(name) and random_looking(value):
                    text = f"what looks like a secret under the name `{name}`"
                    lines.setdefault(line_number, f"{text} ({len(value)} characters)")
        for number, kind in sorted(lines.items()):
            text = f"the source holds {kind}."
            remarks.append(Remark("secret-in-source", cell.index, number, text, HINT))
        kinds = {kind: None for output in cell.outputs if (kind := shaped(output))}
        for kind in kinds:
            text = f"a saved output shows {kind}."
            hint = f"Clear the output. {HINT}"
            remarks.append(Remark("secret-in-output", cell.index, 0, text, hint))
    return remarks


def shaped(text: str) -> str | None:
    """The kind of credential `text` holds, with its length, None for none."""
    for kind, shape in KNOWN.items():
        credential = shape.search(text)
        if credential and not PLACEHOLDER.search(credential[0]):
            return f"{kind} ({len(credential[0])} characters)"
        if credential and kind == "a private key":
            return kind
    return None


def random_looking(value: str) -> bool:
    """Whether text may be a secret: long and varied enough, and no placeholder."""
    if len(value) < MIN_LENGTH or PLACEHOLDER.search(value):
        return False
    if value.isalpha() and (value.islower() or value.isupper()):
        return False
    return entropy(value) >= min(MIN_ENTROPY, math.log2(len(value)) * 0.85)


def entropy(text: str) -> float:
    """Bits a character, by Shannon's formula over the characters' frequencies."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


def _assigned(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Names with the text they are given: assignments, keywords, dictionary items, subscripts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            pairs = [(_name(t), node.value) for t in node.targets]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(_name(node.target), node.value)]
        elif isinstance(node, ast.keyword):
            pairs = [(node.arg or "", node.value)]
        elif isinstance(node, ast.Dict):
            keys = (k.value if isinstance(k, ast.Constant) else "" for k in node.keys)
            pairs = [(str(k), v) for k, v in zip(keys, node.values, strict=True)]
        else:
            continue
        for name, value in pairs:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and name:
                yield name, value.value, value.lineno


def _name(target: ast.expr) -> str:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""
