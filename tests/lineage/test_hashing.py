"""Hashes agree with DVC's and are never stale."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.lineage import HashCache

NAME = st.text("abz01é -_", min_size=1, max_size=6).filter(lambda n: n.strip() == n and n != ".")


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.lists(NAME, min_size=1, max_size=2).map("/".join), st.binary()))
def test_a_directory_hashes_as_dvc_hashes_it(files: dict[str, bytes]) -> None:
    import tempfile

    from dvc.fs import LocalFileSystem
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db.local import LocalHashFileDB

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        top = root / "d"
        top.mkdir()
        for path, content in files.items():
            target = top / path
            if any((top / p).is_file() for p in _parents(path)) or target.is_dir():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        odb = LocalHashFileDB(LocalFileSystem(), str(root / "odb"))
        _, _, theirs = build(odb, str(top), LocalFileSystem(), "md5", dry_run=True)
        ours = HashCache(root, root / "index.json").md5("d")
        assert ours == theirs.hash_info.value


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts))]


def test_a_change_within_the_same_second_and_size_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("aaaa")
    stat = file.stat()
    cache = HashCache(tmp_path, tmp_path / "index.json")
    first = cache.md5("x")
    cache.save()
    file.write_text("bbbb")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert cache.md5("x") != first
    assert HashCache(tmp_path, tmp_path / "index.json").md5("x") != first


def test_a_corrupt_cache_is_the_same_as_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a")
    (tmp_path / "index.json").write_text("{")
    assert HashCache(tmp_path, tmp_path / "index.json").md5("x")
    assert HashCache(tmp_path, tmp_path / "index.json").md5("absent") is None
