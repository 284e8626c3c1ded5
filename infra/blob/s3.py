"""Blobs in a bucket of MinIO, or of whatever speaks S3."""

from __future__ import annotations

import contextlib
import io
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from infra.blob.store import (
    MAX_BLOB,
    BlobAwayError,
    BlobInfo,
    BlobNotFoundError,
    Usage,
    check_key,
)
from infra.errors import SettingsError
from infra.secrets import Secret

__all__ = ["Bucket", "S3Store", "parse_blob_url"]

CONNECT_S: Final = 5.0
READ_S: Final = 20.0
MISSING: Final = frozenset({"NoSuchKey", "NoSuchObject", "ResourceNotFound"})
LIFECYCLE_RULE: Final = "watchfloor-age"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where the bucket is, and who we are there. secure: TLS."""

    endpoint: str
    name: str
    secure: bool
    region: str | None = None
    access_key: str | None = None
    secret_key: Secret | None = field(default=None, repr=False)


def parse_blob_url(url: str) -> Bucket:
    """`http[s]://KEY:SECRET@host:port/bucket[?region=R]`; `s3://` is TLS except on this machine.

    Without key or secret those are looked up as secrets by who opens the store. Raises
    SettingsError, which never shows the URL's secret.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError("blob_url: not a URL") from None
    host, bucket = parts.hostname, parts.path.strip("/")
    if parts.scheme not in ("http", "https", "s3") or not host or not bucket or "/" in bucket:
        raise SettingsError(
            "blob_url: not http://, https:// or s3:// with a host and one bucket",
            hint="For example http://KEY:SECRET@127.0.0.1:9000/watchfloor",
        )
    shown = f"[{host}]" if ":" in host else host
    region = parse_qs(parts.query).get("region", [None])[0]
    return Bucket(
        endpoint=shown if port is None else f"{shown}:{port}",
        name=bucket,
        secure=parts.scheme == "https" or (parts.scheme == "s3" and not _loopback(host)),
        region=region,
        access_key=unquote(parts.username) if parts.username else None,
        secret_key=Secret(unquote(parts.password)) if parts.password else None,
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class S3Store:
    """A bucket, made where it is missing. One object serves many threads.

    age: objects of that age expire by the bucket's own lifecycle as well, so that they go even
    while nothing of ours runs; lifecycles count whole days, so theirs is rounded up.
    """

    def __init__(self, bucket: Bucket, *, age: timedelta | None = None) -> None:
        self._bucket = bucket
        self._age = age
        self._ready = threading.Event()
        self._lock = threading.Lock()
        try:
            self._client = Minio(
                endpoint=bucket.endpoint,
                access_key=bucket.access_key,
                secret_key=None if bucket.secret_key is None else bucket.secret_key.reveal(),
                secure=bucket.secure,
                region=bucket.region,
                http_client=urllib3.PoolManager(
                    timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                    maxsize=16,
                    retries=urllib3.Retry(total=1, backoff_factor=0.1, status_forcelist=[503]),
                ),
            )
        except ValueError as error:
            raise SettingsError(f"blob_url: {error}") from None

    def put(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """See BlobStore."""
        check_key(key)
        if len(data) > MAX_BLOB:
            raise ValueError(f"a blob of {len(data)} bytes, {MAX_BLOB} is the limit")
        with self._explained(key):
            self._ensure_bucket()
            self._client.put_object(
                bucket_name=self._bucket.name,
                object_name=key,
                data=io.BytesIO(data),
                length=len(data),
                content_type=content_type,
            )

    def get(self, key: str) -> bytes:
        """See BlobStore."""
        check_key(key)
        with self._explained(key):
            self._ensure_bucket()
            response = self._client.get_object(bucket_name=self._bucket.name, object_name=key)
            try:
                data: bytes = response.read(MAX_BLOB + 1)
            finally:
                response.close()
                response.release_conn()
        if len(data) > MAX_BLOB:
            raise BlobAwayError(f"blob {key}: larger than {MAX_BLOB} bytes")
        return data

    def exists(self, key: str) -> bool:
        """See BlobStore."""
        check_key(key)
        try:
            with self._explained(key):
                self._ensure_bucket()
                self._client.stat_object(bucket_name=self._bucket.name, object_name=key)
        except BlobNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        """See BlobStore."""
        check_key(key)
        with self._explained(key), contextlib.suppress(BlobNotFoundError):
            self._ensure_bucket()
            self._client.remove_object(bucket_name=self._bucket.name, object_name=key)

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        with self._explained(prefix):
            self._ensure_bucket()
            found: Any = self._client.list_objects(
                bucket_name=self._bucket.name, prefix=prefix, recursive=True
            )
            for item in found:
                if not item.is_dir:
                    yield BlobInfo(item.object_name, item.size or 0, item.last_modified)

    def usage(self) -> Usage:
        """See BlobStore."""
        sizes = [entry.size for entry in self.list()]
        return Usage(blobs=len(sizes), bytes=sum(sizes))

    def _ensure_bucket(self) -> None:
        """Not at construction: a store that is away then must not stop anybody from starting."""
        if self._ready.is_set():
            return
        with self._lock:
            if self._ready.is_set():
                return
            name = self._bucket.name
            if not self._client.bucket_exists(bucket_name=name):
                try:
                    self._client.make_bucket(bucket_name=name)
                except S3Error as error:
                    if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                        raise
            if self._age is not None:
                rule = Rule(
                    rule_id=LIFECYCLE_RULE,
                    status=ENABLED,
                    rule_filter=Filter(prefix=""),
                    expiration=Expiration(days=max(1, math.ceil(self._age / timedelta(days=1)))),
                )
                self._client.set_bucket_lifecycle(bucket_name=name, config=LifecycleConfig([rule]))
            self._ready.set()

    @contextlib.contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        place = f"{self._bucket.endpoint}/{self._bucket.name}"
        try:
            yield
        except S3Error as error:
            if error.code in MISSING:
                raise BlobNotFoundError(key) from None
            if error.code == "NoSuchBucket":
                self._ready.clear()
            raise BlobAwayError(f"{place}: {error.code}: {error.message}") from error
        except ServerError as error:
            raise BlobAwayError(f"{place}: HTTP {error.status_code}") from error
        except (InvalidResponseError, MinioException) as error:
            raise BlobAwayError(f"{place}: {type(error).__name__}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise BlobAwayError(
                f"{place}: {type(error).__name__}", hint="Does the server run?"
            ) from error
