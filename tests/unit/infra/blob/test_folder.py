"""The folder: nothing half-written, nothing outside it, and what a full disk looks like."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.blob.folder import FolderStore
from infra.blob.store import BlobAwayError, BlobNotFoundError


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.put("a", b"first")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BlobAwayError, match="No space left") as caught:
        store.put("a", b"second")
    assert "WATCHFLOOR_BLOB_QUOTA" in (caught.value.hint or "")
    monkeypatch.undo()
    assert store.get("a") == b"first"
    assert files(tmp_path) == ["a"]


def test_content_is_on_the_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut between the two must not leave a name without its content."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        steps.append("fsync")
        fsync(handle)

    def watched_replace(source: str, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    FolderStore(tmp_path).put("a/b", b"x")
    assert steps == ["fsync", "name", "fsync"]
    steps.clear()
    FolderStore(tmp_path, durable=False).put("a/b", b"x")
    assert steps == ["name"]


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BlobAwayError, match="Not a directory"):
        FolderStore(tmp_path / "file").put("a", b"x")


def test_a_file_where_a_key_has_a_folder(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a", b"x")
    with pytest.raises(BlobAwayError):
        store.put("a/b", b"y")
    with pytest.raises(BlobNotFoundError):
        store.get("a/b")
    assert store.get("a") == b"x"
    assert files(tmp_path) == ["a"]


def test_links_are_neither_listed_nor_counted(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"x" * 100)
    store = FolderStore(tmp_path / "root")
    store.put("a", b"x")
    (tmp_path / "root" / "linked").symlink_to(outside)
    (tmp_path / "root" / "file").symlink_to(outside / "secret")
    assert [entry.key for entry in store.list()] == ["a"]
    assert store.usage().bytes == 1


def test_empty_folders_go(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("snapshots/north/2026/a.jpg", b"x")
    store.put("snapshots/south/2026/a.jpg", b"x")
    store.delete("snapshots/north/2026/a.jpg")
    assert sorted(p.name for p in (tmp_path / "snapshots").iterdir()) == ["south"]
    store.delete("snapshots/south/2026/a.jpg")
    assert tmp_path.exists()
    assert not (tmp_path / "snapshots").exists()


def test_putting_while_a_sweep_empties_the_folder(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, durable=False)

    def churn(name: str) -> None:
        for number in range(200):
            store.put(f"same/folder/{name}", str(number).encode())
            store.delete(f"same/folder/{name}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(churn, ("a", "b")))
    assert list(store.list()) == []
