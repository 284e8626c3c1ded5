"""What only a server can show: it is away, it refuses, its bucket is not there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from minio import Minio

from infra.blob.open import drop_store, open_store
from infra.blob.s3 import S3Store, parse_blob_url
from infra.blob.store import BlobAwayError
from infra.settings import Settings
from tests.integration.blob.conftest import BUILD_S, USER

pytestmark = pytest.mark.timeout(BUILD_S + 60)
"""Whichever test comes first may wait for MinIO to be built."""


def test_away(minio: str) -> None:
    store = S3Store(parse_blob_url("http://key:hidden@127.0.0.1:1/bucket"))
    for action in (lambda: store.put("a", b"x"), lambda: store.get("a"), lambda: store.exists("a")):
        with pytest.raises(BlobAwayError) as caught:
            action()
        assert "hidden" not in str(caught.value)
        assert "127.0.0.1:1" in caught.value.message


def test_wrong_credentials(bucket_url: str) -> None:
    place = bucket_url.split("@", 1)[1]
    store = S3Store(parse_blob_url(f"http://{USER}:not-the-secret@{place}"))
    with pytest.raises(BlobAwayError, match="SignatureDoesNotMatch") as e:
        store.put("a", b"x")
    assert "not-the-secret" not in str(e.value)


def test_a_bucket_that_somebody_removed_is_made_again(bucket_url: str) -> None:
    store = S3Store(parse_blob_url(bucket_url))
    store.put("a", b"x")
    parts = urlsplit(bucket_url)
    client = Minio(
        endpoint=f"{parts.hostname}:{parts.port}", access_key=USER, secret_key=USER, secure=False
    )
    client.remove_object(bucket_name=parts.path[1:], object_name="a")
    client.remove_bucket(bucket_name=parts.path[1:])
    with pytest.raises(BlobAwayError, match="NoSuchBucket"):
        store.put("a", b"x")
    store.put("a", b"y")
    assert store.get("a") == b"y"


def test_age_is_the_buckets_own_rule_as_well(bucket_url: str) -> None:
    S3Store(parse_blob_url(bucket_url), age=timedelta(days=2, hours=1)).put("a", b"x")
    parts = urlsplit(bucket_url)
    client = Minio(
        endpoint=f"{parts.hostname}:{parts.port}", access_key=USER, secret_key=USER, secure=False
    )
    config = client.get_bucket_lifecycle(bucket_name=parts.path[1:])
    assert config is not None
    assert [rule.expiration and rule.expiration.days for rule in config.rules] == [3]


def test_the_settings_name_the_bucket(bucket_url: str, tmp_path: Path) -> None:
    live = Settings(state_dir=tmp_path, blob_url=bucket_url)
    open_store(live).put("a", b"live")
    replay = live.in_namespace("replay-1")
    open_store(replay).put("a", b"replay")
    assert open_store(live).get("a") == b"live"
    drop_store(replay)
    assert list(open_store(replay).list()) == []
    assert open_store(live).get("a") == b"live"
    with pytest.raises(ValueError, match="live"):
        drop_store(live)


def test_credentials_by_secret(
    bucket_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_SECRET_BLOB_ACCESS_KEY", USER)
    monkeypatch.setenv("WATCHFLOOR_SECRET_BLOB_SECRET_KEY", USER)
    place = bucket_url.split("@", 1)[1]
    store = open_store(Settings(state_dir=tmp_path, blob_url=f"http://{place}"))
    store.put("a", b"x")
    assert store.get("a") == b"x"
