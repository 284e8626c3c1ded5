"""A listener that is too slow is dropped, and nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from api.account.identity import Role, Scope
from api.stream.first import Queues
from api.stream.hub import UNAUTHENTICATED, Client, Closed, Hub
from api.stream.resume import Position, scope_key
from tests.people import ADMIN, person, service

SCOPE = Scope.ALERTS_READ
NORTH = person(Role.VIEWER, "north")


async def test_messages_come_in_order_to_those_who_see_the_site() -> None:
    hub = Hub()
    everything, north = Client(None, ADMIN), Client(frozenset({"north"}), NORTH)
    hub.add(everything)
    hub.add(north)
    hub.publish("north", "1", SCOPE)
    hub.publish("south", "2", SCOPE)
    hub.publish(None, "3", SCOPE)
    assert [await everything.get() for _ in range(3)] == ["1", "2", "3"]
    north.put("end")
    # What is of no site is for those who see every site.
    assert [await north.get() for _ in range(2)] == ["1", "end"]


@pytest.mark.parametrize(
    ("limits", "texts"),
    [
        ({"max_messages": 2}, ["a", "b", "c"]),
        ({"max_bytes": 10}, ["12345678", "9012"]),
    ],
)
async def test_a_slow_listener_is_closed_and_the_others_go_on(
    limits: dict[str, int], texts: list[str]
) -> None:
    hub = Hub()
    slow, quick = Client(None, ADMIN, **limits), Client(None, ADMIN)
    hub.add(slow)
    hub.add(quick)
    for text in texts:
        hub.publish("north", text, SCOPE)
    with pytest.raises(Closed) as caught:
        await slow.get()
    assert caught.value.code == 1013
    assert [await quick.get() for _ in texts] == texts


async def test_closing_is_seen_by_who_waits_for_a_message_and_by_who_waits_for_the_end() -> None:
    hub = Hub()
    client = Client(None, ADMIN)
    hub.add(client)
    getting = asyncio.create_task(client.get())
    closing = asyncio.create_task(client.closed())
    await asyncio.sleep(0)
    hub.publish(None, "last", SCOPE)
    assert await getting == "last"
    assert not closing.done()
    hub.close()
    assert (await closing).code == 1001
    with pytest.raises(Closed):
        await client.get()


def test_scopes_are_told_apart() -> None:
    hub = Hub(max_clients=3)
    clients = [
        Client(None, ADMIN),
        Client(frozenset({"north"}), NORTH),
        Client(frozenset({"north"}), NORTH),
    ]
    for client in clients:
        hub.add(client)
    assert hub.full
    assert hub.scopes() == {None, frozenset({"north"})}
    hub.tell(frozenset({"north"}), "x", SCOPE)
    assert [bool(client._queue) for client in clients] == [False, True, True]
    hub.remove(clients[0])
    assert not hub.full


async def test_a_message_takes_its_scope() -> None:
    hub = Hub()
    reader = Client(None, service(Scope.ALERTS_READ))
    hub.add(reader)
    hub.publish("north", "camera", Scope.DEVICES_READ)
    hub.tell(None, "cameras", Scope.DEVICES_READ)
    hub.publish("north", "alert", Scope.ALERTS_READ)
    assert await reader.get() == "alert"


async def test_whoever_stands_no_more_is_closed_and_the_others_stay() -> None:
    hub = Hub()
    kim, lee = (Client(None, person(Role.VIEWER, name=name)) for name in ("kim", "lee"))
    hub.add(kim)
    hub.add(lee)
    kim.put("unsent")
    hub.refuse(lambda principal: principal.name != "kim")
    with pytest.raises(Closed) as caught:
        await kim.get()
    assert caught.value.code == UNAUTHENTICATED
    lee.put("still here")
    assert await lee.get() == "still here"


async def test_a_message_has_its_place_for_each_scope() -> None:
    hub = Hub()
    north, everything = frozenset({"north"}), None
    clients = [Client(north, NORTH), Client(north, NORTH), Client(everything, ADMIN)]
    for client in clients:
        hub.add(client)
    position = Position("e", {("t", 0): 7})
    hub.publish("north", '{"type":"x"}', SCOPE, position)
    texts = [await client.get() for client in clients]
    # Made once for all who listen to the same.
    assert texts[0] is texts[1]
    for text, scope in zip(texts[1:], (north, everything), strict=True):
        message = msgspec.json.decode(text)
        assert message["type"] == "x"
        assert Position.of(message["resume"], scope_key(scope)) == position


async def test_a_client_that_starts_anew_forgets_what_waits() -> None:
    client = Client(None, ADMIN, max_bytes=10)
    client.put("12345678")
    client.restart()
    client.put("9012345678")
    assert await client.get() == "9012345678"


async def test_closing_all_says_why() -> None:
    hub = Hub()
    client = Client(None, ADMIN)
    hub.add(client)
    hub.close(Closed(1012, "again"))
    assert (await client.closed()).code == 1012


async def test_who_asks_while_a_queue_is_read_gets_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[frozenset[str]] = []
    go = asyncio.Event()

    async def queue(_: Any, sites: frozenset[str]) -> tuple[list[Any], bool, bool]:
        asked.append(sites)
        await go.wait()
        return [], True, True

    monkeypatch.setattr("api.stream.first.queue", queue)
    queues, api = Queues(), object()
    north, south = frozenset({"north"}), frozenset({"south"})
    tasks = [
        asyncio.create_task(queues.text(api, sites))  # type: ignore[arg-type]
        for sites in (north, north, south)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks[0].cancel()  # one that leaves does not take it from the others
    go.set()
    assert (
        await tasks[1]
        == await tasks[2]
        == '{"type":"alerts","alerts":[],"complete":true,"history":true}'
    )
    assert asked == [north, south]
    await queues.text(api, north)  # type: ignore[arg-type]
    assert asked == [north, south, north]
