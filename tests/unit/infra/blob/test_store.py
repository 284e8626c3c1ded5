"""The URL of a bucket, and secrets in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.blob.folder import FolderStore
from infra.blob.open import drop_store, open_store
from infra.blob.s3 import Bucket, parse_blob_url
from infra.errors import SettingsError
from infra.secrets import Secret, SecretNotFoundError
from infra.settings import Settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "http://key:s%40cret@127.0.0.1:9000/pictures",
            Bucket(
                endpoint="127.0.0.1:9000",
                name="pictures",
                secure=False,
                access_key="key",
                secret_key=Secret("s@cret"),
            ),
        ),
        (
            "https://s3.example.org/pictures?region=eu-central-1",
            Bucket(endpoint="s3.example.org", name="pictures", secure=True, region="eu-central-1"),
        ),
        # TLS, except where nobody is in between
        ("s3://s3.example.org/p", Bucket(endpoint="s3.example.org", name="p", secure=True)),
        ("s3://localhost:9000/p", Bucket(endpoint="localhost:9000", name="p", secure=False)),
        ("s3://[::1]:9000/p", Bucket(endpoint="[::1]:9000", name="p", secure=False)),
    ],
)
def test_a_buckets_url(url: str, expected: Bucket) -> None:
    assert parse_blob_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://key:hidden@host/bucket",
        "http://key:hidden@host",
        "http://key:hidden@host/",
        "http://key:hidden@host/bucket/below",
        "http://key:hidden@host:port/bucket",
        "http://key:hidden@[host/bucket",
        "/a/folder",
        "",
    ],
)
def test_what_is_no_buckets_url(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_blob_url(url)
    assert "hidden" not in caught.value.message


def test_a_bucket_does_not_show_its_secret() -> None:
    assert "hidden" not in repr(parse_blob_url("http://key:hidden@host/bucket"))


def test_a_folder_a_namespace(tmp_path: Path) -> None:
    live = Settings(state_dir=tmp_path)
    replay = live.in_namespace("replay-1")
    assert isinstance(open_store(live), FolderStore)
    open_store(live).put("a", b"live")
    open_store(replay).put("a", b"replay")
    drop_store(replay)
    assert not open_store(replay).exists("a")
    assert open_store(live).get("a") == b"live"
    with pytest.raises(ValueError, match="live"):
        drop_store(live)


def test_a_bucket_without_credentials_names_the_secret(tmp_path: Path) -> None:
    with pytest.raises(SecretNotFoundError, match="blob-access-key"):
        open_store(Settings(state_dir=tmp_path, blob_url="http://127.0.0.1:9000/bucket"))
