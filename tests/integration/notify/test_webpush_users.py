"""One notification to many devices, at a push service that takes, refuses, hangs and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web as http
from py_vapid import Vapid02

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.push import many
from agents.notify.push.selection import Subscriber, Wanted
from agents.notify.push.subscription import Keys, Subscription, id_of
from agents.notify.senders.webpush import WebPushSender
from agents.notify.targets import NOWHERE_INTERNAL
from agents.notify.web import Web
from infra.vapid import fresh_key, public_part
from schemas.base import Severity
from schemas.document import Channel
from schemas.notification import Note, NotifyRequest
from tests.integration.notify.browser import Browser
from tests.integration.notify.servers import Seen, Server
from tests.unit.agents.notify.parts import channel, job, line, request

KEY = fresh_key()
SECRETS = {"vapid": KEY}


class Kept:
    """Devices as they are kept, in a list."""

    def __init__(self, *devices: Subscriber) -> None:
        self.devices = devices
        self.asked: list[Wanted] = []
        self.taken: set[str] = set()
        self.gone: set[str] = set()

    async def of(self, asked: Wanted, now: datetime) -> Sequence[Subscriber]:
        self.asked.append(asked)
        return self.devices

    async def told(self, taken: Collection[str], gone: Collection[str], now: datetime) -> None:
        self.taken |= set(taken)
        self.gone |= set(gone)


def phones(ca_file: str, **options: Any) -> Channel:
    fields = {"credentials": "vapid", "users": ["kim"], "contact": "mailto:a@b.org", "timeout": 8}
    return channel("webpush", **{**fields, "ca_file": ca_file, **options})


def device(browser: Browser, least: Severity = Severity.LOW, language: str = "en") -> Subscriber:
    keys = browser.subscription["keys"]
    assert isinstance(keys, dict)
    return Subscriber(
        id=id_of(browser.endpoint),
        least=least,
        language=language,
        subscription=Subscription(endpoint=browser.endpoint, keys=Keys(**keys)),
    )


def browsers(server: Server, *names: str) -> list[Browser]:
    return [Browser(f"{server.base}/{name}") for name in names]


def by_path(server: Server, **answers: int | list[int]) -> None:
    """Each path's answers, the last one for ever."""

    async def handle(seen: Seen, asked: http.Request) -> http.StreamResponse:
        told = answers[seen.path.strip("/")]
        status = told if isinstance(told, int) else (told.pop(0) if len(told) > 1 else told[0])
        if status == 0:
            await asyncio.sleep(3600)
        return http.Response(status=status)

    server.handler = handle


def paths(server: Server) -> list[str]:
    return sorted(seen.path.strip("/") for seen in server.seen)


async def test_each_device_is_told_in_its_own_language(
    web: Web, secure: Server, ca_file: str
) -> None:
    english, german = browsers(secure, "one", "two")
    kept = Kept(device(english), device(german, language="de-AT"))
    secure.answers(201)
    await WebPushSender().send(job(phones(ca_file), SECRETS, subscribers=kept), web)
    assert paths(secure) == ["one", "two"]
    opened = {"one": english.open, "two": german.open}
    told = {seen.path.strip("/"): opened[seen.path.strip("/")](seen.body) for seen in secure.seen}
    assert told["one"]["title"] == "High: person at Gate (yard), North depot"
    assert told["two"]["title"] == "Hoch: person at Gate (yard), North depot"
    for one in told.values():
        # To the alert itself, without a host: the worker takes no other.
        assert (one["url"], one["tag"]) == ("/alerts/a-1", "n-1")
        assert "w.example.org" not in one["body"]
    assert all(Vapid02.verify(seen.headers["Authorization"]) for seen in secure.seen)
    assert kept.taken == {id_of(english.endpoint), id_of(german.endpoint)}
    assert kept.asked == [Wanted(site="north", users=("kim",), key=public_part(KEY))]


async def test_more_than_one_alert_leads_to_the_queue(
    web: Web, secure: Server, ca_file: str
) -> None:
    (one,) = browsers(secure, "one")
    of = request(alerts=(line(1), line(2)))
    await WebPushSender().send(
        job(phones(ca_file), SECRETS, of=of, subscribers=Kept(device(one))), web
    )
    assert one.open(secure.seen[0].body)["url"] == "/"


@pytest.mark.parametrize("text", ["人" * 250, "\x01" * 250, "😀" * 250])
async def test_a_large_one_fits_whatever_it_is_made_of(
    web: Web, secure: Server, ca_file: str, text: str
) -> None:
    (one,) = browsers(secure, "one")
    of = request(alerts=tuple(line(n, title=text) for n in range(20)))
    await WebPushSender().send(
        job(phones(ca_file), SECRETS, of=of, subscribers=Kept(device(one))), web
    )
    assert len(secure.seen[0].body) <= 4096
    assert one.open(secure.seen[0].body)["title"]


async def test_who_wants_worse_is_not_told(web: Web, secure: Server, ca_file: str) -> None:
    calm, keen = browsers(secure, "calm", "keen")
    kept = Kept(device(calm, Severity.CRITICAL), device(keen, Severity.HIGH))
    await WebPushSender().send(job(phones(ca_file), SECRETS, subscribers=kept), web)
    assert paths(secure) == ["keen"]
    low = request(alerts=(line(severity=Severity.LOW),))
    with pytest.raises(
        ChannelError, match="of 2 devices none wants what is no more than low"
    ) as no:
        await WebPushSender().send(job(phones(ca_file), SECRETS, of=low, subscribers=kept), web)
    assert no.value.final
    assert paths(secure) == ["keen"]


async def test_one_that_is_tried_is_told_alone(web: Web, secure: Server, ca_file: str) -> None:
    calm, other = browsers(secure, "calm", "other")
    kept = Kept(device(calm, Severity.CRITICAL), device(other, Severity.INFO))
    of: NotifyRequest = request(
        kind="internal",
        alerts=(),
        event_ids=(),
        note=Note(title="This works", text="From now on."),
        only=id_of(calm.endpoint),
    )
    await WebPushSender().send(job(phones(ca_file), SECRETS, of=of, subscribers=kept), web)
    assert paths(secure) == ["calm"]
    told = calm.open(secure.seen[0].body)
    assert (told["title"], told["body"], told["url"]) == ("This works", "From now on.", "/")


async def test_nobody_is_a_final_failure_that_says_so(web: Web, ca_file: str) -> None:
    with pytest.raises(ChannelError, match=r"none of its users .* has a device told") as caught:
        await WebPushSender().send(job(phones(ca_file), SECRETS, subscribers=Kept()), web)
    assert caught.value.final
    assert not caught.value.faulty


async def test_what_is_gone_is_marked_and_no_failure_where_another_took_it(
    web: Web, secure: Server, ca_file: str
) -> None:
    found = browsers(secure, "there", "gone", "lost")
    there, gone, lost = (id_of(one.endpoint) for one in found)
    kept = Kept(*map(device, found))
    by_path(secure, there=201, gone=410, lost=404)
    await WebPushSender().send(job(phones(ca_file), SECRETS, subscribers=kept), web)
    assert (kept.taken, kept.gone) == ({there}, {gone, lost})
    # What is gone for good is not asked again.
    assert paths(secure) == ["gone", "lost", "there"]
    by_path(secure, there=410, gone=410, lost=404)
    kept = Kept(*map(device, found))
    with pytest.raises(ChannelError, match="every subscription is gone") as caught:
        await WebPushSender().send(job(phones(ca_file), SECRETS, subscribers=kept), web)
    assert caught.value.final
    assert kept.gone == {there, gone, lost}


async def test_one_that_is_busy_is_tried_once_more_and_the_others_are_not(
    web: Web, secure: Server, ca_file: str
) -> None:
    found = browsers(secure, "well", "busy", "down")
    kept = Kept(*map(device, found))
    by_path(secure, well=201, busy=[503, 201], down=500)
    await many.tell(job(phones(ca_file), SECRETS, subscribers=kept), web, again_s=0.01)
    assert paths(secure) == ["busy", "busy", "down", "down", "well"]
    assert kept.taken == {id_of(found[0].endpoint), id_of(found[1].endpoint)}
    assert kept.gone == set()


async def test_where_none_took_it_the_channel_is_tried_again(
    web: Web, secure: Server, ca_file: str
) -> None:
    found = browsers(secure, "busy", "gone")
    kept = Kept(*map(device, found))
    by_path(secure, busy=500, gone=410)
    with pytest.raises(ChannelError, match=r"none of 2 devices took it: .* answered 500") as caught:
        await many.tell(job(phones(ca_file), SECRETS, subscribers=kept), web, again_s=0.01)
    assert not caught.value.final
    # By its own backoff, and not within the pass.
    assert paths(secure) == ["busy", "gone"]
    assert kept.gone == {id_of(found[1].endpoint)}
    # A host, and not what lets one push.
    assert "/busy" not in str(caught.value)


async def test_one_that_hangs_holds_nobody_up(web: Web, secure: Server, ca_file: str) -> None:
    found = browsers(secure, "hangs", "well")
    kept = Kept(*map(device, found))
    by_path(secure, hangs=0, well=201)
    one = job(phones(ca_file, timeout=4), SECRETS, subscribers=kept)
    await many.tell(one, web, again_s=0.01)
    assert kept.taken == {id_of(found[1].endpoint)}
    alone = job(phones(ca_file, timeout=0.2), SECRETS, subscribers=Kept(device(found[0])))
    with pytest.raises(ChannelTimeoutError):
        await many.tell(alone, web, again_s=0.01)


async def test_a_device_at_an_address_on_the_inside_is_not_reached(
    web: Web, secure: Server, ca_file: str
) -> None:
    (one,) = browsers(secure, "one")
    with pytest.raises(ChannelError, match="allow_internal_targets") as caught:
        await WebPushSender().send(
            job(
                phones(ca_file),
                SECRETS,
                subscribers=Kept(device(one)),
                policy=NOWHERE_INTERNAL,
            ),
            web,
        )
    assert caught.value.final
    assert secure.seen == []


@pytest.mark.parametrize("key", ["", "hunter2"])
async def test_a_key_that_is_none_is_not_quoted(web: Web, ca_file: str, key: str) -> None:
    with pytest.raises(ChannelError, match="no VAPID key") as caught:
        await WebPushSender().send(job(phones(ca_file), {"vapid": key}, subscribers=Kept()), web)
    assert not key or key not in str(caught.value)
