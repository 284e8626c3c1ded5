"""Recorders of the vendors' in all their ages: what they lack, and what they say wrongly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.watch.drivers.base import Fault, Limits
from agents.watch.drivers.dahua import DahuaChannels
from agents.watch.drivers.isapi import IsapiChannels
from tests.integration.watch.vendors import at, failure, routed

CGI = "/cgi-bin/"
LOSS = CGI + "eventManager.cgi?action=getEventIndexes&code=VideoLoss"
STATE = CGI + "api/LogicDeviceManager/getCameraState"
MODES = CGI + "configManager.cgi?action=getConfig&name=RecordMode"
STORAGE = CGI + "storageDevice.cgi?action=getDeviceAllInfo"


@pytest.mark.parametrize(
    ("routes", "facts"),
    [
        ({}, {}),
        ({LOSS: b"channels[0]=0\r\nchannels[1]=4\r\n"}, {"channels_lost": "1,5"}),
        ({LOSS: b"Error: No Events\r\n"}, {}),  # with 200, as some say that there are none
        (
            {
                STATE: b'{"states":[{"channel":0,"connectionState":"Connected"},'
                b'{"channel":1,"connectionState":"Empty"},'
                b'{"channel":2,"connectionState":"Disconnect","more":1}]}'
            },
            {"channels": 2, "channels_online": 1, "channels_lost": "3"},
        ),
        ({MODES: b"table.RecordMode[0].Mode=1\r\n"}, {"missing_recording": False}),
        (
            {STORAGE: b"list.info[0].State=Success\r\nlist.info[1].State=Error\r\n"},
            {"disks": 2, "disks_failed": 1, "disk_free_mib": 0},
        ),
    ],
)
async def test_dahuas_of_all_ages(routes: dict[str, bytes], facts: dict[str, object]) -> None:
    async with routed(routes) as port:
        found = await DahuaChannels().poll(replace(at(port), kind="recorder"), Limits())
    assert found.facts == facts


@pytest.mark.parametrize(
    "routes",
    [
        {STATE: b"[]"},
        {STATE: b'{"states":[{"channel":"x"}]}'},
        {STATE: b"["},
        {LOSS: b"<html>\r\n"},
        {STORAGE: b"\xff\xff"},
    ],
)
async def test_dahuas_garbage_is_named(routes: dict[str, bytes]) -> None:
    async with routed(routes) as port:
        error = await failure(DahuaChannels(), replace(at(port), kind="recorder"))
    assert error.fault is Fault.GARBAGE


WELL = (
    b"<DeviceStatus><currentDeviceTime>2026-03-04T12:00:00-03:00</currentDeviceTime></DeviceStatus>"
)
ISAPI = "/ISAPI/ContentMgmt/"


def tracks(*rows: tuple[str, str, str, str]) -> bytes:
    """Rows: a track's id, enabled, mode, and the day that it records."""
    return b"<TrackList>%b</TrackList>" % b"".join(
        f"<Track><id>{name}</id><Channel>{name[:-2]}</Channel><Enable>{enabled}</Enable>"
        f"<ScheduleAction><ScheduleActionStartTime><DayOfWeek>{day}</DayOfWeek><TimeOfDay>00:00:00"
        "</TimeOfDay></ScheduleActionStartTime><ScheduleActionEndTime>"
        f"<DayOfWeek>{day}</DayOfWeek><TimeOfDay>24:00:00</TimeOfDay></ScheduleActionEndTime>"
        f"<Actions><Record>true</Record><ActionRecordingMode>{mode}</ActionRecordingMode></Actions>"
        "</ScheduleAction></Track>".encode()
        for name, enabled, mode, day in rows
    )


NONE = b"<CMSearchResult><responseStatusStrg>NO MATCHES</responseStatusStrg></CMSearchResult>"
MORE = b"<CMSearchResult><responseStatusStrg>MORE</responseStatusStrg></CMSearchResult>"
NOTHING: dict[str, object] = {}
GONE = {
    "missing_recording": True,
    "recording_asked": 1,
    "asked_channels": "1",
    "missing_channels": "1",
}


@pytest.mark.parametrize(
    ("rows", "search", "facts"),
    [
        ([("101", "true", "CMR", "Wednesday")], NONE, GONE),
        ([("101", "true", "CMR", "Thursday")], NONE, NOTHING),  # not its day
        ([("101", "true", "MOTION", "Wednesday")], NONE, NOTHING),  # has gaps by design
        ([("101", "false", "CMR", "Wednesday")], NONE, NOTHING),  # switched off
        ([("102", "true", "CMR", "Wednesday")], NONE, NOTHING),  # the sub stream
        ([("x01", "true", "CMR", "Wednesday")], NONE, NOTHING),  # no number
        ([("101", "true", "CMR", "Wednesday")], MORE, NOTHING),  # not the whole answer
        ([], NONE, NOTHING),
    ],
)
async def test_isapi_judges_what_should_have_been_recorded(
    rows: list[tuple[str, str, str, str]], search: bytes, facts: dict[str, object]
) -> None:
    routes = {
        "/ISAPI/System/status": WELL,
        ISAPI + "record/tracks": tracks(*rows),
        ISAPI + "search": search,
    }
    async with routed(routes) as port:
        found = await IsapiChannels().poll(replace(at(port), kind="recorder"), Limits())
    assert found.facts == facts


async def test_isapis_channels_take_turns() -> None:
    rows = [(f"{n}01", "true", "CMR", "Wednesday") for n in range(1, 8)]
    gone = set()
    for minute in range(0, 60, 5):
        status = WELL.replace(b"T12:00", b"T12:%02d" % minute)
        routes = {
            "/ISAPI/System/status": status,
            ISAPI + "record/tracks": tracks(*rows),
            ISAPI + "search": NONE,
        }
        async with routed(routes) as port:
            found = await IsapiChannels().poll(replace(at(port), kind="recorder"), Limits())
        assert found.facts["recording_asked"] == 3
        gone |= set(str(found.facts["missing_channels"]).split(","))
    assert gone == {str(n) for n in range(1, 8)}
