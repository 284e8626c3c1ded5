"""What a document changes, and waiting for the roles that work by it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra import applied
from infra.errors import TimeLimitError
from infra.settings import Settings
from schemas.document_reader import read

BEFORE = read(
    """
    sites:
      - site_id: north
        cameras: [{camera_id: gate}, {camera_id: fence}]
        zones: [{zone_id: yard, camera_ids: [gate], severity: high}]
      - {site_id: south}
    route: {receiver: soc}
    receivers: [{name: soc, channels: [{kind: log}]}]
    """
)
ONE_SITE = """
    sites:
      - site_id: north
        cameras: [{camera_id: dock}, {camera_id: gate}]
        zones: [{zone_id: yard, camera_ids: [gate], severity: low}]
    """


def lines(text: str, **options: Any) -> list[str]:
    return [str(c) for c in applied.changes(BEFORE, read(text), **{"prune": False, **options})]


def test_the_same_again_changes_nothing() -> None:
    assert applied.changes(BEFORE, BEFORE, prune=True) == []


def test_changes_are_named_by_id() -> None:
    assert lines(ONE_SITE) == [
        "+ sites[north].cameras[dock]",
        "- sites[north].cameras[fence]",
        "~ sites[north].zones[yard].severity: high becomes low",
    ]


def test_what_is_not_named_stays_unless_pruned() -> None:
    assert lines(ONE_SITE, prune=True)[3:] == [
        "- sites[south]: 0 cameras, 0 zones, 0 devices",
        "- route",
        '- receivers: [{"name": "soc", "channels": [{"kind": "log"}]}]',
    ]


def test_everything_is_new_where_nothing_is_known() -> None:
    found = applied.changes(None, read(ONE_SITE), prune=False)
    assert [str(change) for change in found] == ["+ sites[north]: 2 cameras, 1 zones, 0 devices"]


class Role:
    """A role's health server, with a revision that the test sets."""

    def __init__(self, settings: Settings, name: str, pid: int) -> None:
        self.body: dict[str, Any] = {}
        self.status = 200
        self.asked = threading.Event()
        role = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = json.dumps(role.body).encode()
                self.send_response(role.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                role.asked.set()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        folder = settings.state_dir / "run" / "live"
        folder.mkdir(parents=True, exist_ok=True)
        note = {"role": name, "pid": pid, "port": self.server.server_port}
        (folder / f"{name}.json").write_text(json.dumps(note))
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def decide(settings: Settings) -> Iterator[Role]:
    role = Role(settings, "decide", os.getpid())
    yield role
    role.close()


def test_no_role_is_nobody_to_wait_for(settings: Settings) -> None:
    assert applied.wait_for_roles(settings, 5, 0, print) == []


def test_a_role_that_is_not_ready_still_says_its_revision(settings: Settings, decide: Role) -> None:
    decide.status, decide.body = 503, {"config_revision": 7}
    (found,) = applied.wait_for_roles(settings, 7, 0, print)
    assert (found.name, found.revision) == ("decide", 7)


def test_waits_until_the_role_has_it(settings: Settings, decide: Role) -> None:
    decide.body = {"config_revision": 4}

    def take_up() -> None:
        assert decide.asked.wait(10)
        decide.body = {"config_revision": 5}

    threading.Thread(target=take_up, daemon=True).start()
    told: list[str] = []
    (found,) = applied.wait_for_roles(settings, 5, 20, told.append)
    assert found.revision == 5
    assert told[0] == "Waiting for decide"


@pytest.mark.parametrize("body", [{"config_revision": 4}, {}, {"config_revision": "5"}])
def test_gives_up_with_the_name_of_who_is_behind(
    settings: Settings, decide: Role, body: dict[str, Any]
) -> None:
    decide.body = body
    with pytest.raises(TimeLimitError, match="not taken up yet by decide"):
        applied.wait_for_roles(settings, 5, 0, print)


def test_notes_of_dead_and_broken_processes_are_passed_over(settings: Settings) -> None:
    folder = settings.state_dir / "run" / "live"
    folder.mkdir(parents=True)
    (folder / "act.json").write_text(json.dumps({"role": "act", "pid": 2**22 + 1, "port": 1}))
    (folder / "detect.json").write_text("{")
    (folder / "capture.json").write_text("[]")
    assert applied.roles(settings) == []
