"""A listener that is too slow is dropped, and nobody else notices."""

from __future__ import annotations

import asyncio

import pytest

from api.stream.hub import Client, Closed, Hub


async def test_messages_come_in_order_to_those_who_see_the_site() -> None:
    hub = Hub()
    everything, north = Client(None), Client(frozenset({"north"}))
    hub.add(everything)
    hub.add(north)
    hub.publish("north", "1")
    hub.publish("south", "2")
    hub.publish(None, "3")
    assert [await everything.get() for _ in range(3)] == ["1", "2", "3"]
    assert [await north.get() for _ in range(2)] == ["1", "3"]


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
    slow, quick = Client(None, **limits), Client(None)
    hub.add(slow)
    hub.add(quick)
    for text in texts:
        hub.publish("north", text)
    with pytest.raises(Closed) as caught:
        await slow.get()
    assert caught.value.code == 1013
    assert [await quick.get() for _ in texts] == texts


async def test_closing_is_seen_by_who_waits_for_a_message_and_by_who_waits_for_the_end() -> None:
    hub = Hub()
    client = Client(None)
    hub.add(client)
    getting = asyncio.create_task(client.get())
    closing = asyncio.create_task(client.closed())
    await asyncio.sleep(0)
    hub.publish(None, "last")
    assert await getting == "last"
    assert not closing.done()
    hub.close()
    assert (await closing).code == 1001
    with pytest.raises(Closed):
        await client.get()


def test_scopes_are_told_apart() -> None:
    hub = Hub(max_clients=3)
    clients = [Client(None), Client(frozenset({"north"})), Client(frozenset({"north"}))]
    for client in clients:
        hub.add(client)
    assert hub.full
    assert hub.scopes() == {None, frozenset({"north"})}
    hub.tell(frozenset({"north"}), "x")
    assert [bool(client._queue) for client in clients] == [False, True, True]
    hub.remove(clients[0])
    assert not hub.full
