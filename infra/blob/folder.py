"""Blobs as files in a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from infra.blob.store import (
    MAX_BLOB,
    BlobAwayError,
    BlobInfo,
    BlobNotFoundError,
    Usage,
    check_key,
)

__all__ = ["FolderStore"]

TEMPORARY: Final = ".incoming"
"""Begins with a dot, as no key's part does: what is in it is never listed."""

MAX_ATTEMPTS: Final = 5


class FolderStore:
    """A folder. durable: file and folder are flushed to the disk before `put` returns."""

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._root = root
        self._durable = durable
        self._folders = threading.Lock()

    def put(self, key: str, data: bytes, content_type: str = "") -> None:
        """See BlobStore. The content type is the key's ending's."""
        target = self._path(key)
        if len(data) > MAX_BLOB:
            raise ValueError(f"a blob of {len(data)} bytes, {MAX_BLOB} is the limit")
        try:
            incoming = self._root / TEMPORARY
            incoming.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=incoming)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    if self._durable:
                        file.flush()
                        os.fsync(file.fileno())
                self._move(name, target)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
                raise
        except OSError as error:
            raise self._away(error) from error

    def _move(self, name: str, target: Path) -> None:
        # Deleting removes folders that became empty: not between making one and moving into it.
        # Another process may do so all the same, and then it is made again.
        for attempt in range(MAX_ATTEMPTS):
            try:
                with self._folders:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(name, target)
                break
            except FileNotFoundError:
                if attempt == MAX_ATTEMPTS - 1:
                    raise
        if self._durable:
            with contextlib.suppress(FileNotFoundError):
                folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def get(self, key: str) -> bytes:
        """See BlobStore."""
        try:
            with self._path(key).open("rb") as file:
                data = file.read(MAX_BLOB + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobNotFoundError(key) from None
        except OSError as error:
            raise self._away(error) from error
        if len(data) > MAX_BLOB:
            raise BlobAwayError(f"blob {key}: larger than {MAX_BLOB} bytes")
        return data

    def exists(self, key: str) -> bool:
        """See BlobStore."""
        try:
            return self._path(key).is_file()
        except OSError as error:
            raise self._away(error) from error

    def delete(self, key: str) -> None:
        """See BlobStore. Folders that become empty go as well."""
        path = self._path(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise self._away(error) from error
        with self._folders:
            for folder in path.parents:
                if folder == self._root:
                    break
                try:
                    folder.rmdir()
                except OSError:
                    break  # Not empty, or somebody is quicker: both are fine.

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        try:
            yield from self._walk(self._root, "", prefix)
        except OSError as error:
            raise self._away(error) from error

    def _walk(self, folder: Path, base: str, prefix: str) -> Iterator[BlobInfo]:
        try:
            found = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in found:
            key = base + entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                below = key + "/"
                if below.startswith(prefix) or prefix.startswith(below):
                    yield from self._walk(folder / entry.name, below, prefix)
            elif entry.is_file(follow_symlinks=False) and key.startswith(prefix):
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    written = datetime.fromtimestamp(status.st_mtime, UTC)
                    yield BlobInfo(key, status.st_size, written)

    def usage(self) -> Usage:
        """See BlobStore."""
        sizes = [entry.size for entry in self.list()]
        return Usage(blobs=len(sizes), bytes=sum(sizes))

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _away(self, error: OSError) -> BlobAwayError:
        return BlobAwayError(
            f"{self._root}: {error.strerror or type(error).__name__}",
            hint="Free some space, or lower WATCHFLOOR_BLOB_QUOTA." if _full(error) else None,
        )


def _full(error: OSError) -> bool:
    import errno

    return error.errno in (errno.ENOSPC, errno.EDQUOT)
