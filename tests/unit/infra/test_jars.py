from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.embedded import jars
from infra.embedded.jars import Jar, digest, ensure_jars, read_lock
from infra.errors import ExitCode, MachineError, WatchfloorError

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = b"a jar, as it was released" * 100


@dataclass
class Repository:
    """A Maven repository on loopback. failures: how many requests break off first."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failures: int = 0
    url: str = ""


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            data = served.files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if served.failures:
                served.failures -= 1
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
                return
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield served
    server.shutdown()
    server.server_close()
    thread.join()
    # jgo leaves a response that broke off to the collector: here, where its warning is expected.
    gc.collect()


@pytest.fixture
def lock(tmp_path: Path, repository: Repository) -> Path:
    """A lock of two jars, which the repository has."""
    lines = []
    for name in ("one", "two"):
        data = CONTENT + name.encode()
        repository.files[f"/org/example/{name}/1.0/{name}-1.0.jar"] = data
        sha = hashlib.sha256(data).hexdigest()
        lines.append(Jar("org.example", name, "1.0", len(data), sha).line())
    path = tmp_path / "jars.lock"
    path.write_text("# a comment\n\n" + "\n".join(lines) + "\n")
    return path


def test_the_committed_lock_is_complete() -> None:
    locked = read_lock()
    names = {jar.artifact for jar in locked}
    assert {"kafka_2.13", "kafka-clients", "scala-library", "slf4j-simple"} <= names
    assert len({jar.filename for jar in locked}) == len(locked) == 46
    for coordinate in jars.COORDINATES:
        assert any(f"{j.group}:{j.artifact}:{j.version}" == coordinate for j in locked)


@pytest.mark.parametrize("line", ["a:b:1", "a:b:1 12 sha256:xyz", "http://x 1 sha256:" + "0" * 64])
def test_bad_lock_names_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.lock"
    path.write_text(f"# head\n{line}\n")
    with pytest.raises(WatchfloorError, match=r"bad\.lock:2"):
        read_lock(path)


def test_downloads_once_and_counts(tmp_path: Path, lock: Path, repository: Repository) -> None:
    told: list[tuple[int, int]] = []
    cache = tmp_path / "cache"
    found = ensure_jars(
        cache, lambda done, total: told.append((done, total)), lock=lock, repository=repository.url
    )
    assert [path.read_bytes() for path in found] == [CONTENT + b"one", CONTENT + b"two"]
    total = sum(len(path.read_bytes()) for path in found)
    assert told[0] == (0, total)
    assert max(told) == (total, total)

    asked = len(repository.asked)
    assert ensure_jars(cache, lock=lock, repository=repository.url) == found
    assert len(repository.asked) == asked
    # Nothing of the download is left lying about.
    assert {p.name for p in found[0].parent.iterdir()} == {
        *(p.name for p in found), ".complete", ".lock",
    }  # fmt: skip


def test_what_is_not_the_locks_is_refused(
    tmp_path: Path, lock: Path, repository: Repository
) -> None:
    path = "/org/example/two/1.0/two-1.0.jar"
    repository.files[path] = repository.files[path][::-1]  # of the right size
    with pytest.raises(WatchfloorError, match=r"org\.example:two:1\.0: its sha256 is"):
        ensure_jars(tmp_path / "cache", lock=lock, repository=repository.url)
    assert not list((tmp_path / "cache").rglob("*two*"))
    assert not list((tmp_path / "cache").rglob(".complete"))


def test_a_download_that_breaks_off_is_tried_again(
    tmp_path: Path, lock: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "RETRY_S", 0)
    repository.failures = 2
    found = ensure_jars(tmp_path / "cache", lock=lock, repository=repository.url)
    assert found[1].read_bytes() == CONTENT + b"two"


def test_a_half_written_file_does_not_count(
    tmp_path: Path, lock: Path, repository: Repository
) -> None:
    cache = tmp_path / "cache"
    folder = cache / "kafka" / digest(read_lock(lock))
    folder.mkdir(parents=True)
    (folder / read_lock(lock)[0].filename).write_bytes(CONTENT)
    found = ensure_jars(cache, lock=lock, repository=repository.url)
    assert found[0].read_bytes() == CONTENT + b"one"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "missing"])
def test_no_way_out_says_so(
    tmp_path: Path, lock: Path, repository: Repository, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "RETRY_S", 0)
    if url == "missing":
        repository.files.clear()
        url = repository.url
    with pytest.raises(MachineError) as caught:
        ensure_jars(tmp_path / "cache", lock=lock, repository=url)
    assert "cannot be downloaded" in caught.value.message
    assert "WATCHFLOOR_MAVEN_URL" in str(caught.value.hint)
    assert caught.value.exit_code == ExitCode.MACHINE


def test_another_lock_is_another_folder() -> None:
    one = [Jar("g", "a", "1", 1, "0" * 64)]
    two = [Jar("g", "a", "1", 1, "1" * 64)]
    assert digest(one) != digest(two)
