"""What every blob store does: the same suite over a folder and over a real MinIO."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from infra.blob.store import BlobKeyError, BlobNotFoundError, BlobStore, Usage, sweep
from tests.integration.blob.conftest import BUILD_S

pytestmark = pytest.mark.timeout(BUILD_S + 60)
"""Whichever test comes first may wait for MinIO to be built."""

NOW = datetime.now(UTC)  # a store stamps what it takes by its own clock
DAY = timedelta(days=1)


def test_what_is_put_is_got(store: BlobStore) -> None:
    store.put("snapshots/north/a.jpg", b"\x00\xff picture", "image/jpeg")
    assert store.get("snapshots/north/a.jpg") == b"\x00\xff picture"
    assert store.exists("snapshots/north/a.jpg")
    assert not store.exists("snapshots/north/b.jpg")
    assert not store.exists("snapshots/north")


def test_an_empty_store(store: BlobStore) -> None:
    assert list(store.list()) == []
    assert store.usage() == Usage(blobs=0, bytes=0)
    assert not store.exists("a")
    store.delete("a")


def test_putting_again_replaces(store: BlobStore) -> None:
    store.put("a/b", b"long first content")
    store.put("a/b", b"second")
    assert store.get("a/b") == b"second"
    assert store.usage() == Usage(blobs=1, bytes=6)


def test_empty_blob(store: BlobStore) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""


def test_a_blob_that_is_not_there(store: BlobStore) -> None:
    store.put("a/b", b"x")
    for key in ("a/c", "a", "b", "a/b/c"):
        with pytest.raises(BlobNotFoundError, match=key):
            store.get(key)


def test_deleting_is_final_and_repeatable(store: BlobStore) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")
    assert list(store.list()) == []
    store.put("a/b", b"again")
    assert store.get("a/b") == b"again"


def test_listing_by_prefix(store: BlobStore) -> None:
    for key in ("s/north/1", "s/north/2", "s/south/1", "t/1", "s/north-2/1"):
        store.put(key, key.encode())
    assert {e.key for e in store.list("s/north/")} == {"s/north/1", "s/north/2"}
    assert {e.key for e in store.list("s/north")} == {"s/north/1", "s/north/2", "s/north-2/1"}
    assert {e.key: e.size for e in store.list("t")} == {"t/1": 3}
    assert {e.key for e in store.list("nothing")} == set()
    assert all(abs(e.modified - NOW) < DAY for e in store.list())


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../outside",
        "a/../../outside",
        "a/./b",
        "a//b",
        "a/",
        ".hidden",
        "a/.hidden",
        "a\\b",
        "a b",
        "a\n",
        "a\x00b",
        "ä",
        "a/" + "b" * 600,
    ],
)
def test_a_key_that_is_none(store: BlobStore, key: str) -> None:
    for action in (store.get, store.exists, store.delete, lambda k: store.put(k, b"x")):
        with pytest.raises(BlobKeyError):
            action(key)


def test_many_threads(store: BlobStore) -> None:
    keys = [f"t/{number % 7}/{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, key.encode()), keys))
        assert list(pool.map(store.get, keys)) == [key.encode() for key in keys]
        list(pool.map(store.delete, keys[:20]))
    assert {entry.key for entry in store.list()} == set(keys[20:])


def test_a_sweep_keeps_the_newest_within_the_quota(store: BlobStore) -> None:
    for number in range(4):
        store.put(f"q/{number}", b"12345")
    order = [e.key for e in sorted(store.list(), key=lambda e: (e.modified, e.key))]
    swept = sweep(store, now=NOW, max_age=DAY, max_bytes=12)
    assert (swept.deleted, swept.freed, swept.left) == (2, 10, Usage(blobs=2, bytes=10))
    assert {e.key for e in store.list()} == set(order[2:])
    assert sweep(store, now=NOW, max_age=DAY, max_bytes=10).deleted == 0


def test_a_sweep_takes_what_is_too_old(store: BlobStore) -> None:
    store.put("old", b"x")
    assert sweep(store, now=NOW + DAY / 2, max_age=DAY, max_bytes=100).deleted == 0
    assert sweep(store, now=NOW + 2 * DAY, max_age=DAY, max_bytes=100).deleted == 1
    assert list(store.list()) == []
