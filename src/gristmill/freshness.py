"""Whether there is nothing to do, answered from file times, like git's index, in milliseconds.

A run that ends with every step fresh leaves `.gristmill/fresh.json`: each file and directory its
plan looked at. `unchanged_steps` compares them with the disk. A notebook or module that was saved
again is read: when its code is the same (markdown, comments, formatting, outputs), its new hash
goes into `dvc.lock` and the answer stands. Whatever else changed, the answer is "ask the planner".

The interpreter starts in half of the time that a no-op may take, so this module imports only what
an interpreter has loaded anyway, and C modules.
"""

from __future__ import annotations

import os
import sys

from gristmill._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INDEX = ".gristmill/fresh.json"
LOCK = "dvc.lock"
FORMAT = f"{__version__} on {sys.version}"
# A file touched this shortly before it was looked at could change again without its times showing.
RACY_NS = 50_000_000
LARGEST = 64 << 20  # bytes hashed at once; more is the planner's work, which shows progress
FILE_TYPE, REGULAR = 0o170000, 0o100000
ONLY_AST = 0x400  # PyCF_ONLY_AST


class Changed(Exception):
    """Something differs, or this module cannot tell."""


def unchanged_steps(root: str) -> int | None:
    """How many steps are fresh, when all of them are.

    Never raises for what the disk holds; a corrupt index is the same as none.

    Parameters
    ----------
    root
        The project's root.

    Returns
    -------
    int or None
        None when the planner must look.
    """
    try:
        import _json  # noqa: F401
        import _md5  # type: ignore[import-not-found]  # noqa: F401
        import fcntl
    except ImportError:
        return None
    try:
        state = f"{root}/.gristmill"
        if os.path.islink(state) or os.path.islink(f"{state}/lock"):
            return None
        with open(f"{root}/{INDEX}", encoding="utf-8") as file:
            index = from_json(file.read())
        if index["format"] != FORMAT:
            return None
        with open(f"{root}/.gristmill/lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _Check(root, index).all()
            return int(index["steps"])
    except (Changed, OSError, ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None


class Json:
    """The options that the C scanner reads."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


class _Check:
    """Compares an index with the disk and brings it up to date. Every method raises Changed."""

    def __init__(self, root: str, index: dict[str, Any]) -> None:
        self.root = root
        self.index = index
        self.dirty = False
        self.lock_edits: list[tuple[bytes, bytes]] = []

    def all(self) -> None:
        import time

        for path, entry in self.index["directories"].items():
            self._directory(path, entry, time.time_ns())
        for path, entry in self.index["files"].items():
            self._file(path, entry, time.time_ns())
        if self.lock_edits:
            self._edit_lock(time.time_ns())
        if self.dirty:
            write_aside(f"{self.root}/{INDEX}", to_json(self.index).encode())

    def _directory(self, path: str, entry: list[Any], read_at: int) -> None:
        full = f"{self.root}/{path}"
        stat = os.stat(full)
        key = [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        if entry[:3] == key and key[1] < entry[3] - RACY_NS:
            return
        if sorted(os.listdir(full)) != entry[4]:
            raise Changed(path)
        entry[:4] = [*key, read_at]
        self.dirty = True

    def _file(self, path: str, entry: list[Any], read_at: int) -> None:
        full = f"{self.root}/{path}"
        stat = os.stat(full)
        key = stat_key(stat)
        same = entry[:4] == key
        if same and key[2] < entry[4] - RACY_NS:
            return
        code = self.index["code"].get(path)
        if (stat.st_size != entry[0] and code is None) or stat.st_size > LARGEST:
            raise Changed(path)
        if stat.st_mode & FILE_TYPE != REGULAR:  # a pipe would be waited for
            raise Changed(path)
        with open(full, "rb") as file:
            content = file.read()
        digest = md5(content)
        if digest != entry[5]:
            if code is None or len(content) != stat.st_size:
                raise Changed(path)
            self.index["code"][path] = same_code(path, content.decode(), code)
            self.lock_edits.append(
                (
                    b"md5: %s\n      size: %d\n" % (entry[5].encode(), entry[0]),
                    b"md5: %s\n      size: %d\n" % (digest.encode(), len(content)),
                )
            )
        entry[:] = [*key, read_at, digest]
        self.dirty = True

    def _edit_lock(self, read_at: int) -> None:
        """Write the new hashes of notebooks and modules with the same code into `dvc.lock`."""
        full = f"{self.root}/{LOCK}"
        with open(full, "rb") as file:
            content = file.read()
        entry = self.index["files"][LOCK]
        if md5(content) != entry[5]:
            raise Changed(LOCK)
        for old, new in self.lock_edits:
            if content.count(old) != 1:
                raise Changed(LOCK)
            content = content.replace(old, new)
        write_aside(full, content)
        entry[:] = [*stat_key(os.stat(full)), read_at, md5(content)]


def stat_key(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def md5(content: bytes) -> str:
    import _md5

    digest: str = _md5.md5(content, usedforsecurity=False).hexdigest()
    return digest


def same_code(path: str, text: str, reference: list[Any]) -> list[Any]:
    """The digests of the code in `text`; Changed when it is not that of `reference`."""
    head, cells = digests = code_digests(path, text, reference)
    reference_head, reference_cells = reference
    if head != reference_head or [[tags, tree] for tags, _, tree in cells] != [
        [tags, tree] for tags, _, tree in reference_cells
    ]:
        raise Changed(path)
    return digests


def code_digests(path: str, text: str, reference: list[Any] | None = None) -> list[Any]:
    """What the planner reads of a notebook or module: `[head, [[tags, raw, tree], ...]]`.

    `head` is the kernel and language, `raw` the digest of a code cell's text and `tree` that of its
    syntax tree (of its text when it is not plain Python).

    Parameters
    ----------
    path
        The file's path; `.ipynb` tells a notebook.
    text
        Its text.
    reference
        Earlier digests; the tree of a cell with the same text is taken over.

    Raises
    ------
    ValueError, KeyError
        When it is not a notebook.
    """
    if not path.endswith(".ipynb"):
        return ["", [["", md5(text.encode()), tree_digest(text)]]]
    notebook = from_json(text.lstrip())
    metadata = notebook.get("metadata") or {}
    head = repr([metadata.get("kernelspec"), (metadata.get("language_info") or {}).get("name")])
    trees = {raw: tree for _, raw, tree in reference[1]} if reference else {}
    cells = []
    for cell in notebook["cells"]:
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        source = source if isinstance(source, str) else "".join(source)
        raw = md5(source.encode())
        tags = repr(sorted((cell.get("metadata") or {}).get("tags") or ()))
        cells.append([tags, raw, trees.get(raw) or tree_digest(source)])
    return [head, cells]


def tree_digest(source: str) -> str:
    """The digest of what a cell does, as far as Python's parser alone can tell."""
    try:
        tree = compile(source, "<cell>", "exec", ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "text " + md5(source.encode())
    parts: list[str] = []
    _spell(tree, parts)
    return md5("\0".join(parts).encode("utf-8", "surrogatepass"))


def _spell(node: object, parts: list[str]) -> None:
    fields: tuple[str, ...] | None = getattr(node, "_fields", None)
    if fields is not None:
        parts.append(type(node).__name__)
        for name in fields:
            _spell(getattr(node, name, None), parts)
    elif isinstance(node, list):
        parts.append(f"[{len(node)}")
        for item in node:
            _spell(item, parts)
    else:
        parts.append(repr(node))


def from_json(text: str) -> Any:
    """What `json.loads` gives for text without leading space, without importing json. ValueError
    or StopIteration for anything else."""
    from _json import make_scanner

    try:
        value, _ = make_scanner(Json)(text, 0)  # type: ignore[arg-type]
    except SystemError as error:  # its own error is in a module that is not imported
        raise ValueError("not JSON") from error
    return value


def to_json(value: object) -> str:
    """What `json.dumps` gives without spaces, without importing json."""
    from _json import encode_basestring_ascii, make_encoder

    encode = make_encoder(None, repr, encode_basestring_ascii, None, ":", ",", False, False, True)
    return "".join(encode(value, 0))


def write_aside(path: str, content: bytes) -> None:
    """What `files.replacing` does, without its imports."""
    folder, name = os.path.split(path)
    pid = os.getpid()
    aside = f"{folder}/.{name}.{pid}.{pid}.tmp"
    try:
        with open(aside, "wb") as file:
            file.write(content)
        os.replace(aside, path)
    except OSError:
        if os.path.exists(aside):
            os.unlink(aside)
        raise
