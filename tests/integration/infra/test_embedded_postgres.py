"""A real server as a child: as root and as an ordinary user, killed, and started again."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from infra.embedded.buffers import LEAST_BUFFERS, buffers_for, memory
from infra.embedded.postgres import answers, embedded_postgres, postgres_child
from infra.embedded.privileges import CANDIDATES
from infra.errors import WatchfloorError
from infra.setting_values import ROOT

pytestmark = pytest.mark.postgres


def test_kill_and_start_again_keeps_what_was_committed(tmp_path: Path) -> None:
    with postgres_child(tmp_path / "pg") as (url, server):
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 100)")
        server.kill()
        # Its pid is another process's the next time: ours, as it happens.
        lock = tmp_path / "pg" / "server" / "data" / "postmaster.pid"
        rest = lock.read_text().partition("\n")[2]
        lock.write_text(f"{os.getpid()}\n{rest}")

    with embedded_postgres(tmp_path / "pg") as url, psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*), sum(n) FROM kept").fetchone()
        assert row == (100, 5050)


def test_it_wants_its_password_and_listens_on_loopback_only(postgres_url: str) -> None:
    assert answers(postgres_url)
    user, _, rest = postgres_url.partition("@")
    with pytest.raises(WatchfloorError, match="password"):
        answers(f"{user.rpartition(':')[0]}:wrong@{rest}")
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'),"
            " current_setting('unix_socket_directories'), current_setting('password_encryption'),"
            " current_setting('server_encoding'), current_setting('timezone')"
        ).fetchone()
        assert row == ("127.0.0.1", "", "scram-sha-256", "UTF8", "UTC")
        row = connection.execute("SELECT upper('grün'), 'Zebra' < 'apfel'").fetchone()
        assert row == ("GRÜN", True)


@pytest.mark.parametrize(
    ("options", "buffers"),
    [
        ({}, LEAST_BUFFERS),
        ({"buffers": 48 * 1024**2}, 48 * 1024**2),
        ({"durable": True}, buffers_for(memory())),
    ],
)
def test_it_has_the_buffers_that_go_with_it(
    tmp_path: Path, options: dict[str, Any], buffers: int
) -> None:
    with embedded_postgres(tmp_path / "pg", **options) as url, psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
        ).fetchone()
        assert row is not None
        assert 0 <= buffers - row[0] < 8192


def test_the_password_is_private_and_a_lost_one_is_replaced(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path / "pg") as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    secret = tmp_path / "pg" / "secrets" / "postgres-superuser"
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.unlink()
    with embedded_postgres(tmp_path / "pg") as again, psycopg.connect(again) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert url != again


def test_half_made_data_is_made_anew(tmp_path: Path) -> None:
    fresh = tmp_path / "pg" / "server" / "data.new"
    fresh.mkdir(parents=True)
    (fresh / "PG_VERSION").write_text("18\n")
    with embedded_postgres(tmp_path / "pg") as url:
        assert answers(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_gives_itself_up(tmp_path: Path) -> None:
    # Under a folder that others may not pass, as a checkout under /root is.
    (tmp_path / "closed").mkdir(mode=0o700)
    with postgres_child(tmp_path / "closed" / "pg") as (url, server):
        assert answers(url)
        process = psutil.Process(server.pid)
        for one in (process, *process.children(recursive=True)):
            assert one.uids().effective != 0
            assert one.username() in CANDIDATES
            kept = _capabilities(one.pid)
            # To read and to pass, at most: nothing that writes, owns or kills.
            assert kept in (0, 1 << 2)
    assert (tmp_path / "closed").stat().st_mode & 0o777 == 0o700


def _capabilities(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user")
def test_as_an_ordinary_user(tmp_path: Path) -> None:
    entry = pwd.getpwnam("nobody")
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from infra.embedded.privileges import Account, become\n"
        "folder, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])\n"
        "become(Account('nobody', uid, gid), [Path(sys.executable).resolve(), folder])\n"
        "import psycopg\n"
        "from infra.embedded.postgres import embedded_postgres\n"
        "for _ in range(2):\n"
        "    with embedded_postgres(folder / 'pg') as url, psycopg.connect(url) as c:\n"
        "        print(os.geteuid(), c.execute('SELECT 40 + 2').fetchone()[0], flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(entry.pw_uid), str(entry.pw_gid)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == [str(entry.pw_uid), "42"] * 2, done.stderr
    data = folder / "pg" / "server" / "data"
    assert data.stat().st_uid == entry.pw_uid


def test_a_port_that_is_taken_is_told(tmp_path: Path, postgres_url: str) -> None:
    port = int(postgres_url.rpartition(":")[2].partition("/")[0])
    with (
        pytest.raises(WatchfloorError, match=f"port {port} is in use by postgres"),
        postgres_child(tmp_path / "pg", port=port),
    ):
        pass
