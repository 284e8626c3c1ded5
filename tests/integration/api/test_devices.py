"""Devices, their history and their uptime, as archive wrote them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from api.device import service
from infra.cli import devices as command
from infra.cli.main import main
from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.errors import ExitCode
from infra.settings import Settings
from schemas.device import Breaker, DeviceHealth, DeviceSeverity, Probe, ProbeKind
from schemas.document import Camera, Device, Document, Site
from tests.integration.api.support import (
    Stack,
    is_ready,
    run_in_thread,
    serving,
    wait_until,
)
from topics.admin import ensure

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NORMAL, SUSPECT, CRITICAL = DeviceSeverity
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)
"""The day before it had 23 hours there."""

SITES = (
    Site(
        site_id="north",
        timezone=ZONE.key,
        devices=(
            Device(device_id="nvr-1", kind="nvr", address="10.0.0.2:80", driver="isapi"),
            Device(device_id="door", kind="service", address="http://10.0.0.9", driver="healthz"),
            Device(device_id="gate", kind="camera", name="Gate", driver="rtsp", parent="nvr-1"),
        ),
        cameras=(
            Camera(camera_id="gate", name="Main gate", nvr_id="nvr-1", stream="rtsp://10.0.0.3/1"),
            Camera(camera_id="fence", nvr_id="nvr-1"),
        ),
    ),
    Site(site_id="south", devices=(Device(device_id="nvr-1", kind="nvr"),)),
    Site(site_id="empty"),
)


def health(
    device: str, severity: DeviceSeverity, since: datetime, at: datetime, **fields: Any
) -> DeviceHealth:
    down = severity is CRITICAL
    return DeviceHealth(
        **{
            "site_id": "north",
            "device_id": device,
            "severity": severity,
            "breaker": Breaker.OPEN if down else Breaker.CLOSED,
            "consecutive_failures": 7 if down else 0,
            "failure_count": 8 if down else 0,
            "load_shed": down,
            "at": at,
            "since": since,
            "next_poll_at": at + timedelta(minutes=1 if down else 4),
            "opened_at": since if down else None,
            **fields,
        }
    )


def changed(device: str, severity: DeviceSeverity, ago: timedelta, **fields: Any) -> DeviceHealth:
    return health(device, severity, NOW - ago, NOW - ago, **fields)


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

TOLD = [
    # The recorder: an hour's outage two days ago, found after 4 min; and one that goes on.
    changed("nvr-1", NORMAL, 9 * DAY),
    changed("nvr-1", SUSPECT, 2 * DAY + 4 * MINUTE, error="timeout"),
    changed("nvr-1", CRITICAL, 2 * DAY, error="timeout"),
    changed("nvr-1", SUSPECT, 2 * DAY - 59 * MINUTE),
    changed("nvr-1", NORMAL, 2 * DAY - 60 * MINUTE),
    changed("nvr-1", SUSPECT, 32 * MINUTE, error="refused"),
    changed("nvr-1", CRITICAL, 30 * MINUTE, error="refused"),
    health("nvr-1", CRITICAL, NOW - 30 * MINUTE, NOW - MINUTE, error="refused"),
    # The camera: polled for the first time an hour ago.
    changed("gate", NORMAL, HOUR),
    health("gate", NORMAL, NOW - HOUR, NOW - 2 * MINUTE),
    # The service: nobody has polled it since the day before yesterday.
    changed("door", NORMAL, 2 * DAY),
    # And one that says more than it should.
    changed("nvr-1", SUSPECT, 2 * MINUTE, site_id="south", error="\x1b[2J" + "x" * 99),
    changed("nvr-1", NORMAL, HOUR, site_id="west"),
]


@pytest.fixture(scope="module")
def desk(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The façade of three sites at 10:00 UTC, with what archive knows of their devices."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("devices-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="devices-test",
    )
    ensure(settings)
    prepare(settings)
    publish(settings, Document(sites=SITES), "test")
    run_in_thread(lambda: drain_outbox(settings))
    with serving(settings, now=lambda: NOW) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready", 120)
        stack.archive("device_health", TOLD)
        probe = Probe(
            site_id="north",
            device_id="nvr-1",
            kind=ProbeKind.ISAPI,
            at=NOW - 3 * DAY,
            ok=True,
            latency_ms=12.5,
            facts={"model": "DS-7616", "channels_online": 15},
        )
        failed = msgspec.structs.replace(probe, at=NOW, ok=False, error="refused", facts={})
        for one in (probe, failed):
            row = msgspec.structs.asdict(one)
            row["last_seen_at"] = row["at"] if row["ok"] else None
            stack.archive("device_states", [row])
        yield stack


def found(stack: Stack, path: str, status: int = 200, **query: Any) -> Any:
    with stack.client() as client:
        answer = client.get(f"/v1/devices{path}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def ids(stack: Stack, **query: Any) -> list[str]:
    """Every page's devices."""
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = found(stack, "", **query, **cursor)
        seen += [f"{one['site_id']}/{one['device_id']}" for one in page["items"]]
        if page["next"] is None:
            return seen
        cursor = {"cursor": page["next"]}


ALL = ["north/door", "north/fence", "north/gate", "north/nvr-1", "south/nvr-1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ALL),
        ({"limit": 1}, ALL),
        ({"limit": 2}, ALL),
        ({"site_id": "north"}, ALL[:4]),
        ({"site_id": "empty"}, []),
        ({"kind": "nvr"}, ["north/nvr-1", "south/nvr-1"]),
        ({"kind": ["nvr", "service"], "site_id": "north"}, ["north/door", "north/nvr-1"]),
        ({"severity": "critical"}, ["north/nvr-1"]),
        ({"severity": "unknown"}, ["north/fence"]),
        ({"severity": ["normal", "unknown"], "kind": "camera", "limit": 1},
         ["north/fence", "north/gate"]),
    ],
)  # fmt: skip
def test_the_list_and_its_filters(desk: Stack, query: dict[str, Any], expected: list[str]) -> None:
    assert ids(desk, **query) == expected


def test_a_cursor_of_another_query_is_refused(desk: Stack) -> None:
    cursor = found(desk, "", limit=1)["next"]
    assert found(desk, "", 400, limit=1, kind="nvr", cursor=cursor)["title"]
    assert found(desk, "/north/nvr-1/history", 400, cursor=cursor)["title"]


def test_a_device_is_told_whole(desk: Stack) -> None:
    one = found(desk, "/north/nvr-1")
    assert {name: one[name] for name in ("kind", "severity", "breaker", "error", "overdue")} == {
        "kind": "nvr",
        "severity": "critical",
        "breaker": "open",
        "error": "refused",
        "overdue": False,
    }
    assert (one["since"], one["next_poll_at"]) == ("2026-03-30T09:30:00Z", "2026-03-30T10:00:00Z")
    assert (one["consecutive_failures"], one["failures"], one["load_shed"]) == (7, 8, True)
    assert [(child["device_id"], child["severity"]) for child in one["children"]] == [
        ("fence", "unknown"),
        ("gate", "normal"),
    ]
    (probe,) = one["probes"]
    assert (probe["kind"], probe["ok"], probe["error"]) == ("isapi", False, "refused")
    # It does not answer now; what it is was told before.
    assert probe["facts"] == {"model": "DS-7616", "channels_online": 15}
    assert probe["last_seen_at"] == "2026-03-27T10:00:00Z"
    assert found(desk, "/north/gate")["parent"] == "nvr-1"


def test_no_address_and_no_stream_is_told(desk: Stack) -> None:
    with desk.client() as client:
        for path in ("", "/north/gate", "/north/nvr-1", "/north/door"):
            assert "10.0.0" not in client.get(f"/v1/devices{path}").text


@pytest.mark.parametrize("part", ["", "/history", "/uptime"])
@pytest.mark.parametrize("device", ["/west/nvr-1", "/south/gate", "/north/nvr-2"])
def test_what_is_not_configured_is_not_there(desk: Stack, device: str, part: str) -> None:
    assert found(desk, device + part, 404)["type"] == "/v1/problems/not-found"


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_the_history_is_paged_and_newest_first(desk: Stack, limit: int) -> None:
    seen: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        page = found(desk, "/north/nvr-1/history", limit=limit, **cursor)
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [(one["severity"], one["error"]) for one in seen] == [
        ("critical", "refused"),
        ("suspect", "refused"),
        ("normal", None),
        ("suspect", None),
        ("critical", "timeout"),
        ("suspect", "timeout"),
        ("normal", None),
    ]
    assert seen[0]["until"] is None
    assert [one["until"] for one in seen[1:]] == [one["at"] for one in seen[:-1]]


@pytest.mark.parametrize(
    ("span", "count"),
    [
        ({"from": NOW - 2 * DAY}, 5),  # inclusive
        ({"from": NOW - 2 * DAY + MINUTE}, 4),
        ({"to": NOW - 2 * DAY}, 2),  # exclusive
        ({"from": NOW - DAY, "to": NOW - HOUR}, 0),
        ({"from": NOW, "to": NOW - DAY}, 0),
    ],
)
def test_the_history_of_a_span(desk: Stack, span: dict[str, datetime], count: int) -> None:
    query: dict[str, Any] = {name: value.isoformat() for name, value in span.items()}
    assert len(found(desk, "/north/nvr-1/history", **query)["items"]) == count


def test_the_uptime_of_a_recorder(desk: Stack) -> None:
    told = found(desk, "/north/nvr-1/uptime", days=4)
    assert (told["timezone"], told["complete"]) == ("Europe/Berlin", True)
    assert (told["from"], told["to"]) == ("2026-03-26T23:00:00Z", "2026-03-30T10:00:00Z")
    days = [
        (day["date"], day["down_s"], day["suspect_s"], day["unknown_s"]) for day in told["days"]
    ]
    assert days == [
        ("2026-03-27", 0, 0, 0),
        ("2026-03-28", 59 * 60, 5 * 60, 0),
        ("2026-03-29", 0, 0, 0),
        ("2026-03-30", 30 * 60, 2 * 60, 0),
    ]
    assert [day["up"] for day in told["days"]] == [
        1.0,
        pytest.approx(1 - 59 / 1440, abs=1e-6),
        1.0,
        pytest.approx(1 - 30 / 720, abs=1e-6),
    ]
    assert (told["down_s"], told["suspect_s"]) == (89 * 60, 7 * 60)
    assert (told["outages"], told["repaired"]) == (2, 1)
    assert (told["mttd_s"], told["mttr_s"]) == (3 * 60, 60 * 60)  # of 4 and 2 min; of one


def test_time_that_nobody_looked_is_neither_up_nor_down(desk: Stack) -> None:
    gate = found(desk, "/north/gate/uptime", days=1)
    assert (gate["up"], gate["down_s"], gate["unknown_s"]) == (1.0, 0, 11 * 3600)
    fence = found(desk, "/north/fence/uptime", days=2)
    assert (fence["up"], fence["unknown_s"]) == (None, 35 * 3600)  # one of them has 23 hours
    assert (fence["mttd_s"], fence["mttr_s"], fence["outages"]) == (None, None, 0)
    door = found(desk, "/north/door/uptime", days=2)
    assert (door["up"], door["unknown_s"]) == (None, 35 * 3600)
    assert found(desk, "/north/door")["overdue"]


def test_the_list_and_the_day_agree(desk: Stack) -> None:
    for one in found(desk, "")["items"]:
        path = f"/{one['site_id']}/{one['device_id']}/uptime"
        assert one["up_today"] == found(desk, path, days=1)["up"], path
    assert found(desk, "/north/nvr-1")["up_today"] == pytest.approx(1 - 30 / 720, abs=1e-6)


def test_more_changes_than_are_counted(desk: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_CHANGES", 4)
    told = found(desk, "/north/nvr-1/uptime", days=4)
    # The first of them is the way back from an outage: when that began is not known any more.
    assert (told["complete"], told["outages"], told["repaired"], told["mttd_s"]) == (
        False,
        1,
        0,
        120,
    )
    assert told["days"][0]["up"] is None
    assert told["days"][2]["up"] == 1.0


@pytest.fixture
def ask(
    desk: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`watchfloor devices` with these arguments: its status, and what it says."""
    monkeypatch.setenv("WATCHFLOOR_STATE", str(desk.settings.state_dir))
    monkeypatch.setenv("WATCHFLOOR_NAMESPACE", desk.settings.namespace)
    monkeypatch.setenv("WATCHFLOOR_API_PORT", desk.url.rpartition(":")[2])

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["devices", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return run


Ask = Callable[..., tuple[int, str, str]]


def test_the_terminal_lists_them(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAGE", 2)  # all pages, not the first one
    status, out, _ = ask()
    assert status == 0
    rows = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if "/" in line}
    assert list(rows) == ALL
    assert rows["north/nvr-1"] == (
        "north/nvr-1 nvr critical 2026-03-30 09:30:00 95.83% open 2026-03-30 10:00:00 refused"
    )
    assert rows["north/fence"] == "north/fence camera unknown"
    assert rows["north/door"].endswith("closed 2026-03-28 10:04:00 overdue")
    assert "5 devices, 1 critical; 1 not polled when they were due" in out


def test_the_terminals_json_is_the_apis(ask: Ask, desk: Stack) -> None:
    status, out, _ = ask("--site", "north", "--kind", "nvr", "--severity", "critical", "--json")
    assert status == 0
    assert (
        json.loads(out)
        == found(desk, "", site_id="north", kind="nvr", severity="critical")["items"]
    )


def test_the_terminal_says_what_is_wrong(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("--site", "empty")[:2] == (0, "No devices.\n")
    status, out, err = ask("--site", "west")
    assert (status, out) == (ExitCode.FAILED, "")
    assert "There is no site 'west'" in err
    with socket.socket() as deaf:  # nobody else gets its port, and it takes no connections
        deaf.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WATCHFLOOR_API_PORT", str(deaf.getsockname()[1]))
        status, _, err = ask()
    assert status == ExitCode.NOT_RUNNING
    assert "watchfloor up" in err


def test_a_devices_words_do_nothing_to_a_terminal(ask: Ask) -> None:
    _, out, _ = ask("--site", "south")
    assert "\x1b" not in out
    assert "xxx…" in out


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"kind": "toaster"}),
        ("", {"severity": "fine"}),
        ("", {"colour": "red"}),
        ("", {"limit": 501}),
        ("/north/nvr-1/uptime", {"days": 0}),
        ("/north/nvr-1/uptime", {"days": 91}),
        ("/north/nvr-1/history", {"from": "yesterday"}),
        ("/north/nvr-1/history", {"from_": "2026-03-02T10:00:00Z"}),
        ("/north/nvr-1", {"site_id": "south"}),
    ],
)
def test_what_cannot_be_asked(desk: Stack, path: str, query: dict[str, Any]) -> None:
    assert found(desk, path, 422, **query)["type"] == "/v1/problems/invalid"
