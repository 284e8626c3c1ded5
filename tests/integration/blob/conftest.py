"""A real MinIO: from the PATH, from Docker where that answers, or built from its source."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from infra.blob.folder import FolderStore
from infra.blob.s3 import S3Store, parse_blob_url
from infra.blob.store import BlobStore
from infra.settings import load

MODULE = "github.com/minio/minio@latest"
BUILD_S = 1200
START_S = 60
USER = "watchfloor-test"


@pytest.fixture(scope="session")
def minio_binary() -> Path:
    """MinIO's server. Building takes minutes, once; another run that builds is waited for."""
    if found := shutil.which("minio"):
        return Path(found)
    binary = load().cache_dir / "bin" / "minio"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        pytest.skip("no MinIO: neither minio nor go is on the PATH")
    binary.parent.mkdir(parents=True, exist_ok=True)
    with (binary.parent / ".minio.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            building = binary.parent / ".minio-build"
            try:
                subprocess.run(
                    ["nice", "-n", "10", go, "install", "-trimpath", MODULE],
                    env=os.environ | {"GOBIN": str(building), "GOFLAGS": "-buildvcs=false"},
                    check=True,
                    capture_output=True,
                    text=True,
                    timeout=BUILD_S,
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                words = (getattr(error, "stderr", "") or "").strip().splitlines()[-1:]
                pytest.skip(f"no MinIO: go install {MODULE} failed: {words or error}")
            (building / "minio").replace(binary)
            building.rmdir()
    return binary


@pytest.fixture(scope="session")
def minio(minio_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a server on loopback, with its data in a temporary folder."""
    folder = tmp_path_factory.mktemp("minio")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    log = (folder / "log").open("wb")
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "MINIO_ROOT_USER": USER,
        "MINIO_ROOT_PASSWORD": USER,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    server = subprocess.Popen(
        [minio_binary, "server", "--quiet", "--address", place, str(folder / "data")],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                url = f"http://{place}/minio/health/ready"
                if urllib3.request("GET", url, retries=False, timeout=2).status == 200:
                    break
            except urllib3.exceptions.HTTPError:
                pass
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "MinIO did not come up"
            time.sleep(0.05)
        yield place
    finally:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.fixture
def bucket_url(minio: str) -> str:
    """A bucket that does not exist yet."""
    return f"http://{USER}:{USER}@{minio}/wf-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["folder", "minio"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """One store of each kind."""
    if request.param == "folder":
        return FolderStore(tmp_path / "blobs")
    return S3Store(parse_blob_url(request.getfixturevalue("bucket_url")))
