"""The blob store that the settings name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.blob.folder import FolderStore
from infra.blob.store import BlobStore
from infra.secrets import lookup

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["drop_store", "open_store"]

ACCESS_SECRET: Final = "blob-access-key"  # noqa: S105 - the secret's name
SECRET_SECRET: Final = "blob-secret-key"  # noqa: S105


def open_store(settings: Settings) -> BlobStore:
    """A bucket where WATCHFLOOR_BLOB_URL names one, else a folder under the state directory.

    A namespace has a folder, or a bucket, of its own. A URL without key or secret takes them from
    the secrets `blob-access-key` and `blob-secret-key`. Connects to nothing yet.
    """
    if settings.blob_url is None:
        return FolderStore(_folder(settings))
    # Here, because who has a folder need not pay for the client's import.
    from infra.blob.s3 import S3Store, parse_blob_url

    bucket = parse_blob_url(settings.blob_url)
    if settings.namespace:
        bucket = replace(bucket, name=f"{bucket.name}-{settings.namespace}"[:63].rstrip("-"))
    if bucket.access_key is None:
        access = lookup(ACCESS_SECRET, state_dir=settings.state_dir)
        bucket = replace(bucket, access_key=access.reveal())
    if bucket.secret_key is None:
        secret = lookup(SECRET_SECRET, state_dir=settings.state_dir)
        bucket = replace(bucket, secret_key=secret)
    return S3Store(bucket, age=settings.blob_age)


def drop_store(settings: Settings) -> None:
    """Remove a namespace's blobs. Raises ValueError for the live ones."""
    if not settings.namespace:
        raise ValueError("the live blobs are not dropped")
    if settings.blob_url is None:
        shutil.rmtree(_folder(settings), ignore_errors=True)
        return
    store = open_store(settings)
    for entry in list(store.list()):
        store.delete(entry.key)


def _folder(settings: Settings) -> Path:
    name = f"blobs-{settings.namespace}" if settings.namespace else "blobs"
    return settings.state_dir / name
