from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra import endpoints, verification
from infra.embedded.process import LOOPBACK
from infra.embedded.supervisor import ProcessInfo
from infra.errors import ExitCode
from infra.logs import ScrubbedFormatter
from infra.probes import answers_ok, component, name_of
from infra.settings import Settings


def info(name: str, state: str, pid: int = 7) -> ProcessInfo:
    return ProcessInfo(
        name=name, state=state, pid=pid, uptime_s=3, exit_status=0, detail="Exited too quickly"
    )


@pytest.mark.parametrize(
    ("state", "shown", "detail"),
    [
        ("RUNNING", "starting", "it does not listen yet"),
        ("STARTING", "starting", "it does not listen yet"),
        ("BACKOFF", "failing", "Exited too quickly"),
        ("FATAL", "failing", "Exited too quickly"),
        ("STOPPED", "stopped", "stopped"),
        ("STOPPING", "stopped", "stopping"),
    ],
)
def test_component_without_a_port(settings: Settings, state: str, shown: str, detail: str) -> None:
    found = component(settings, info("detect", state))
    assert (found.state, found.detail, found.ready) == (shown, detail, False)
    assert found.to_json()["ready"] is False


def test_a_failing_process_tells_its_own_reason(settings: Settings) -> None:
    logs = settings.state_dir / "logs"
    logs.mkdir(parents=True)
    (logs / "postgres.log").write_text(
        "LOG: something\nwatchfloor: /x: the disk is full\n            Free some.\n"
    )
    (logs / "detect.log").write_text("Traceback\nValueError: no model\n")
    assert component(settings, info("postgres", "BACKOFF")).detail == "/x: the disk is full"
    assert component(settings, info("detect", "BACKOFF")).detail == "ValueError: no model"


def test_a_role_is_asked_at_the_port_that_it_wrote_down(settings: Settings) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        note = settings.state_dir / "run" / "live" / "detect.json"
        note.parent.mkdir(parents=True)
        note.write_text(json.dumps({"role": "detect", "port": port}))
        server.close()
        found = component(settings, info("detect", "RUNNING"))
    assert found.port == port
    assert found.detail == "it does not answer yet"
    for odd in ('{"port": "x"}', "[1]", "{", ""):
        note.write_text(odd)
        assert component(settings, info("detect", "RUNNING")).port is None


def test_a_server_is_asked_for_more_than_a_connection(settings: Settings) -> None:
    # Somebody listens there, and is no broker.
    with socket.create_server((LOOPBACK, 0)) as server:
        endpoints.write(settings.state_dir, {"kafka": server.getsockname()[1]})
        assert component(settings, info("kafka", "RUNNING")).state == "starting"


def test_answers_ok_survives_what_is_no_server() -> None:
    for url in ("http://127.0.0.1:9/readyz", "http://[", "ftp://127.0.0.1:9/"):
        assert answers_ok(url) is False


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("python -m supervisor.supervisord -c x", "supervisor"),
        ("java -cp x kafka.Kafka y", "kafka"),
        ("python -m infra.cli --state=x worker act", "act"),
        ("python -m infra.cli --state=x api", "api"),
        ("/x/bin/postgres -D y", "postgres"),
        ("postgres: checkpointer ", "postgres"),
        ("/usr/bin/tail -f x", "tail"),
        ("", "?"),
    ],
)
def test_name_of(line: str, name: str) -> None:
    assert name_of(line.split()) == name


def test_logs_are_scrubbed_also_in_tracebacks() -> None:
    try:
        raise ValueError("rtsp://admin:hunter2@10.0.0.4/ went away")
    except ValueError:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "password=%s", ("hunter2",), sys.exc_info()
        )
    text = ScrubbedFormatter("%(asctime)s %(message)s").format(record)
    assert "hunter2" not in text
    assert "rtsp://admin:***@10.0.0.4/ went away" in text
    assert text.partition(" ")[0].endswith("Z")


def test_verify_names_what_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {"good": list, "bad": lambda: ["it is bad"]}
    monkeypatch.setattr(verification, "CHECKS", checks)
    assert dict(verification.verify()) == {"good": [], "bad": ["it is bad"]}
    from infra.cli.main import main

    assert main(["verify", "--json"]) == ExitCode.FAILED
    checks.pop("bad")
    assert main(["verify"]) == ExitCode.OK


@pytest.mark.parametrize("name", ["settings", "topics", "migrations"])
def test_what_this_tree_must_hold(name: str) -> None:
    assert verification.CHECKS[name]() == []


@pytest.mark.parametrize(
    ("said", "detail", "progress"),
    [
        (
            {"state": "recovering", "done": 411_000, "total": 1_000_000, "rows_per_s": 98_000},
            "it reads its tables: 41 %, 98,000 rows/s",
            41,
        ),
        ({"state": "recovering", "done": 0, "total": 0, "rows_per_s": 0}, "", None),
        ({"state": "ready", "done": 5, "total": 5, "rows_per_s": 9}, "", None),
        ({"state": "recovering", "done": "x"}, "", None),
        ("something else", "", None),
        (None, "", None),
    ],
)
def test_a_role_that_reads_its_tables_says_how_far_it_is(
    settings: Settings, said: object, detail: str, progress: int | None
) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ready": False, "tables": said}).encode()
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer((LOOPBACK, 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        note = settings.state_dir / "run" / "live" / "decide.json"
        note.parent.mkdir(parents=True)
        note.write_text(json.dumps({"role": "decide", "port": server.server_port}))
        found = component(settings, info("decide", "RUNNING"))
        server.shutdown()
        thread.join()
    assert (found.state, found.progress) == ("starting", progress)
    assert found.detail == (detail or "it does not answer yet")
