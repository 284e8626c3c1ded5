"""Networks asked who is there: the fleet's answers, hostile ones, and whose are heard."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any

import pytest

from infra.errors import SettingsError
from infra.fleet.device import SimDevice
from infra.fleet.discovery import Discovery, urn_of
from infra.fleet.script import Now
from infra.onboard.places import Networks
from infra.onboard.scan import Progress, scan

HERE = Networks.of(["127.0.0.0/8"])


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def discoverable(
    count: int, down: Callable[[str], Now] = lambda _: Now()
) -> AsyncIterator[tuple[Discovery, list[SimDevice]]]:
    devices = [SimDevice(device_id=f"cam-{n}", kind="onvif", port=8000 + n) for n in range(count)]
    found = Discovery(lambda: devices, down)
    await found.start(free_port())
    try:
        yield found, devices
    finally:
        found.close()


async def test_a_subnet_is_asked_host_by_host() -> None:
    told: list[Progress] = []
    async with discoverable(40) as (found, devices):
        subnet = IPv4Network("127.0.0.0/29")
        listed = await scan(HERE, subnet, port=found.port, told=told.append, answer_s=60, enough=40)
    assert {one.endpoint for one in listed} == {urn_of(one) for one in devices}
    assert len(listed) == 40
    assert (told[-1].asked, told[-1].total, told[-1].found) == (12, 12, listed)


async def test_the_group_is_asked_from_the_allowed_addresses() -> None:
    async with discoverable(3) as (found, devices):
        if not found.multicast:
            pytest.skip("loopback takes no multicast here")
        listed = await scan(HERE, None, port=found.port, told=lambda _: None, answer_s=60, enough=3)
    assert [one.address for one in listed] == [f"http://127.0.0.1:{one.port}" for one in devices]


async def test_who_is_outside_of_the_networks_is_not_heard() -> None:
    """They answer from 127.0.0.1, which is none of the hosts that were asked."""
    async with discoverable(1) as (found, _):
        subnet = IPv4Network("127.0.0.8/29")
        assert await scan(HERE, subnet, port=found.port, told=lambda _: None, answer_s=0.3) == ()
    nowhere = Networks.of(["198.51.100.0/24"])
    with pytest.raises(SettingsError, match="no address in the networks"):
        await scan(nowhere, None, port=3702, told=lambda _: None, answer_s=0.1)


class _Rude(asyncio.DatagramProtocol):
    """Answers a question with a thousand things that are no answer, and one that is."""

    def __init__(self, device: SimDevice) -> None:
        self._device = device
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        from infra.fleet.discovery import matches

        assert self._transport is not None
        (well,) = matches(data, [self._device])
        other = well.replace(urn_of(self._device).encode(), b"urn:uuid:another")
        bomb = b'<!DOCTYPE a [<!ENTITY x "ha">]>' + other
        for said in (
            b"\xff" * 60_000,
            b"<a>" * 5_000,
            bomb,
            other.replace(b"RelatesTo", b"R"),
            well,
        ):
            self._transport.sendto(said, addr)


async def test_hostile_answers_do_no_harm() -> None:
    one = SimDevice(device_id="one", kind="onvif", port=8000)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Rude(one), local_addr=("127.0.0.1", 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        subnet = IPv4Network("127.0.0.1/32")
        listed = await scan(HERE, subnet, port=port, told=lambda _: None, answer_s=60, enough=1)
    finally:
        transport.close()
    assert [found.endpoint for found in listed] == [urn_of(one)]
