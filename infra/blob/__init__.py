"""Pictures and other large things, under keys: a folder, or a bucket."""

from __future__ import annotations

from infra.blob.open import drop_store, open_store
from infra.blob.store import (
    BlobAwayError,
    BlobError,
    BlobInfo,
    BlobKeyError,
    BlobNotFoundError,
    BlobStore,
    Usage,
    sweep,
)

__all__ = [
    "BlobAwayError",
    "BlobError",
    "BlobInfo",
    "BlobKeyError",
    "BlobNotFoundError",
    "BlobStore",
    "Usage",
    "drop_store",
    "open_store",
    "sweep",
]
