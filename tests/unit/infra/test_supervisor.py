from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from infra.embedded.supervisor import Program, Supervisor, render, socket_path
from infra.layout import ROLES, STEADY, choose_ports, programs
from infra.settings import Settings, load


def parse(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    parser.read_string(text)
    return parser


def silent(_text: str) -> None: ...


def rendered(settings: Settings) -> configparser.RawConfigParser:
    ports = choose_ports(settings, api=True, report=silent)
    return parse(render(settings.state_dir, programs(settings, ports, ROLES, api=True)))


def test_servers_come_first_and_stop_last(tmp_path: Path) -> None:
    config = rendered(Settings(state_dir=tmp_path))
    names = [n.partition(":")[2] for n in config.sections() if n.startswith("program:")]
    by_priority = sorted(names, key=lambda n: config.getint(f"program:{n}", "priority"))
    assert by_priority == ["kafka", "postgres", *ROLES, "api"]
    starts = {n: config.getboolean(f"program:{n}", "autostart") for n in names}
    # Roles wait until the database and the topics are at this version.
    assert [n for n, auto in starts.items() if auto] == ["kafka", "postgres"]


def test_nothing_is_given_up_and_logs_are_bounded(tmp_path: Path) -> None:
    config = rendered(Settings(state_dir=tmp_path))
    for section in config.sections():
        if not section.startswith("program:"):
            continue
        assert config.get(section, "autorestart") == "true"
        assert config.getint(section, "startretries") > 10_000
        assert config.getint(section, "stdout_logfile_maxbytes") <= 50 * 1024**2
        assert config.getint(section, "stdout_logfile_backups") <= 10
        log = Path(config.get(section, "stdout_logfile"))
        assert log.parent == tmp_path / "logs"


def test_postgres_is_stopped_fast_not_smart(tmp_path: Path) -> None:
    config = rendered(Settings(state_dir=tmp_path))
    # SIGTERM would wait until the last client has gone.
    assert config.get("program:postgres", "stopsignal") == "INT"
    assert config.get("program:kafka", "stopsignal") == "TERM"


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    env = {
        "WATCHFLOOR_KAFKA_URL": "broker:9092",
        "WATCHFLOOR_KAFKA_SASL_PASSWORD": "hunter2",
        "WATCHFLOOR_POSTGRES_URL": "postgresql://kim:hunter2@db/w",
    }
    settings = load(env=env, state=tmp_path)
    ports = choose_ports(settings, api=True, report=silent)
    text = render(tmp_path, programs(settings, ports, ("detect",), api=True))
    assert "hunter2" not in text
    # Servers of theirs: none of ours.
    assert "program:kafka" not in text
    assert "program:postgres" not in text
    assert set(ports) == {"api"}
    assert settings.environment()["WATCHFLOOR_KAFKA_SASL_PASSWORD"] == "hunter2"


def test_only_on_a_broker_of_our_own_roles_keep_their_place(tmp_path: Path) -> None:
    config = rendered(Settings(state_dir=tmp_path))
    member = 'WATCHFLOOR_STATIC_MEMBER="1"'
    assert member in config.get("program:decide", "environment").split(",")
    assert config.get("program:detect", "environment") == member
    assert config.get("program:api", "environment") == ""
    elsewhere = load(env={"WATCHFLOOR_KAFKA_URL": "broker:9092"}, state=tmp_path)
    config = rendered(elsewhere)
    assert member not in config.get("program:decide", "environment")
    assert config.get("program:detect", "environment") == ""


def test_roles_with_tables_give_memory_back_and_roles_with_pictures_keep_it(
    tmp_path: Path,
) -> None:
    config = rendered(Settings(state_dir=tmp_path))
    steady = {f'{name}="{value}"' for name, value in STEADY.items()}
    for role in ROLES:
        told = set(config.get(f"program:{role}", "environment").split(","))
        assert (steady <= told) == (role in {"decide", "act"}), role


def test_odd_characters_in_the_path_survive(tmp_path: Path) -> None:
    state = tmp_path / "50% of 'it' ü"
    config = rendered(Settings(state_dir=state))
    command = config.get("program:kafka", "command").replace("%%", "%")
    assert f"--dir={state / 'kafka'}" in shlex.split(command)
    logfile = config.get("supervisord", "logfile")
    assert Path(logfile.replace("%%", "%")) == state / "logs" / "supervisord.log"
    # supervisord expands this one twice.
    logfile = config.get("program:kafka", "stdout_logfile")
    assert Path(logfile.replace("%%%%", "%")) == state / "logs" / "kafka.log"


def test_socket_is_private_to_the_state_directory(tmp_path: Path) -> None:
    assert socket_path(Path("/srv/wf")) == Path("/srv/wf/run/supervisor.sock")
    long = tmp_path / ("x" * 120)
    other = tmp_path / ("y" * 120)
    assert len(str(socket_path(long))) < 104
    assert socket_path(long) != socket_path(other)
    assert socket_path(long) == socket_path(long)
    config = parse(render(long, []))
    assert config.get("unix_http_server", "chmod") == "0600"
    assert "inet_http_server" not in config.sections()


def test_nobody_answers_where_nothing_runs(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    assert supervisor.pid is None
    assert supervisor.processes() == []
    supervisor.shutdown()
    supervisor.stop("kafka")


@pytest.mark.parametrize("name", ["detect", "api"])
def test_processes_can_be_told_apart_by_their_command_line(tmp_path: Path, name: str) -> None:
    settings = Settings(state_dir=tmp_path)
    ports = choose_ports(settings, api=True, report=silent)
    found: dict[str, Program] = {
        p.name: p for p in programs(settings, ports, ("detect",), api=True)
    }
    assert f"--state={tmp_path}" in found[name].command
