"""Web push to people's devices: what is a subscription, who is chosen, what all of it comes to."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agents.notify.errors import ChannelError, ChannelTimeoutError, GoneError
from agents.notify.passes import Attempt, chosen, keyed
from agents.notify.places import place_of
from agents.notify.push.selection import Subscriber, failure, names, selected, users_of
from agents.notify.push.subscription import Keys, Subscription, flaws, id_of, opened, plain
from infra.vapid import PUBLIC_CHARACTERS, fresh_key, public_part
from schemas.base import Severity
from schemas.document import Receiver, Site, SiteNotifications
from tests.unit.agents.notify.parts import channel, request


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


POINT = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
)
AUTH = b"0123456789abcdef"
ENDPOINT = "https://push.example.org/send/abc?x=1"


def subscription(
    endpoint: str = ENDPOINT, point: str = b64(POINT), auth: str = b64(AUTH)
) -> Subscription:
    return Subscription(endpoint=endpoint, keys=Keys(p256dh=point, auth=auth))


def test_a_subscription_has_no_flaws_and_is_what_was_sealed() -> None:
    one = subscription()
    assert list(flaws(one)) == []
    assert opened(plain(one)) == one
    # Padding is what some libraries write.
    assert list(flaws(subscription(point=b64(POINT) + "=", auth=b64(AUTH) + "=="))) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"endpoint": "http://push.example.org/x"}, "endpoint"),
        ({"endpoint": "ftp://push.example.org/x"}, "endpoint"),
        ({"endpoint": "https://"}, "endpoint"),
        ({"endpoint": "https://user:pass@push.example.org/x"}, "endpoint"),
        ({"endpoint": "https://push.example.org/x#y"}, "endpoint"),
        ({"endpoint": "https://push.example.org:99999/x"}, "endpoint"),
        ({"endpoint": "https://push.example.org:0/x"}, "endpoint"),
        ({"endpoint": "https://[::1/x"}, "endpoint"),
        ({"endpoint": "https://push.example.org/a b"}, "endpoint"),
        ({"endpoint": "https://push.example.org/\n"}, "endpoint"),
        ({"endpoint": "https://push.example.org/" + "x" * 2000}, "endpoint"),
        ({"point": ""}, "keys.p256dh"),
        ({"point": "?" * 87}, "keys.p256dh"),
        ({"point": b64(POINT[:64])}, "keys.p256dh"),
        ({"point": b64(POINT + b"x")}, "keys.p256dh"),
        # On no curve, and compressed.
        ({"point": b64(POINT[:64] + bytes((POINT[64] ^ 1,)))}, "keys.p256dh"),
        ({"point": b64(b"\x02" + POINT[1:33])}, "keys.p256dh"),
        ({"auth": b64(AUTH[:15])}, "keys.auth"),
        ({"auth": b64(AUTH + b"x")}, "keys.auth"),
        ({"auth": "\u0661" * 22}, "keys.auth"),
    ],
)
def test_what_is_no_subscription_is_named(given: dict[str, str], field: str) -> None:
    assert [name for name, _ in flaws(subscription(**given))] == [field]


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"endpoint": 7}', b"\xff", b"[" * 9000])
def test_what_does_not_open_is_not_quoted(data: bytes) -> None:
    with pytest.raises(ValueError, match="no subscription") as caught:
        opened(data)
    assert caught.value.__cause__ is None


def test_an_id_is_a_digest() -> None:
    assert (
        id_of("https://p.example/s")
        == "1e5e4c9885b858025b9ccbd825852d436473b554ca902074ec55532ca033fe30"
    )
    assert id_of("https://p.example/s") != id_of("https://p.example/t")


def device(name: str, least: Severity = Severity.HIGH) -> Subscriber:
    return Subscriber(id=name, least=least, language="en", subscription=subscription())


def test_each_is_told_from_the_severity_on_that_it_wants() -> None:
    every = [device(one.value, one) for one in Severity]
    assert [one.id for one in selected(every, Severity.CRITICAL, None)] == [
        s.value for s in Severity
    ]
    assert [one.id for one in selected(every, Severity.MEDIUM, None)] == ["medium", "low", "info"]
    assert [one.id for one in selected(every, Severity.INFO, None)] == ["info"]
    # One that is tried is told whatever it wants, and nobody else is.
    assert [one.id for one in selected(every, Severity.INFO, "critical")] == ["critical"]
    assert selected(every, Severity.CRITICAL, "elsewhere") == ()


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("webpush", {"users": "everyone"}, True),
        ("webpush", {"users": ["lee", "Kim"]}, True),
        ("webpush", {"users": ["lee"]}, False),
        ("webpush", {"users": ["everyone"]}, False),  # somebody of that name
        ("webpush", {"users": []}, False),
        ("webpush", {"users": "kim"}, False),
        ("webpush", {"subscription": "kims-phone"}, False),
        ("log", {"users": "everyone"}, False),
    ],
)
def test_a_channel_names_users_as_accounts_are_compared(
    kind: str, options: dict[str, Any], told: bool
) -> None:
    assert names(channel(kind, **options), "kIM") is told


def test_who_is_asked_for() -> None:
    assert users_of(channel("webpush", users="everyone")) is None
    assert users_of(channel("webpush", users=["Lee", "kim", "KIM", 7])) == ("kim", "lee")
    assert users_of(channel("webpush", users={"kim": 1})) == ()


GONE = GoneError("https://p: the subscription is gone (410)")
FINAL = ChannelError("https://p answered 413", final=True)
BUSY = ChannelError("https://p answered 429", retry_after=30)
LATER = ChannelError("https://p answered 429", retry_after=60)
DOWN = ChannelError("https://p answered 500", faulty=True)
LATE = ChannelTimeoutError("https://p did not answer in 5 s")


@pytest.mark.parametrize(
    ("errors", "final", "faulty", "after", "said"),
    [
        # Nothing to be tried again.
        ([GONE], True, False, None, "every subscription is gone"),
        ([GONE, GONE], True, False, None, "none of 2 devices took it: every subscription is gone"),
        ([GONE, FINAL], True, False, None, "none of 2 devices took it: https://p: the"),
        # One that may take it yet; the breaker counts trouble that all of them speak for.
        ([GONE, DOWN], False, False, None, "none of 2 devices took it: https://p answered 500"),
        ([DOWN, LATE], False, True, None, "none of 2 devices took it: https://p answered 500"),
        ([LATE], False, True, None, "https://p did not answer in 5 s"),
        ([LATER, BUSY], False, False, 30, "none of 2 devices took it: https://p answered 429"),
        ([BUSY, DOWN], False, False, None, "none of 2 devices took it: https://p answered 429"),
    ],
)
def test_what_is_said_where_no_device_took_it(
    errors: list[ChannelError], final: bool, faulty: bool, after: float | None, said: str
) -> None:
    found = failure({str(number): error for number, error in enumerate(errors)})
    assert (found.final, found.faulty, found.retry_after) == (final, faulty, after)
    assert str(found).startswith(said)
    assert isinstance(found, ChannelTimeoutError) is all(one is LATE for one in errors)


def test_a_device_that_is_tried_is_told_by_channels_that_push_to_users_alone() -> None:
    phones = channel("webpush", "phones", users="everyone")
    receiver = Receiver(
        name="soc", channels=(channel("log"), channel("webpush", subscription="s"), phones)
    )
    site = Site(site_id="north", notifications=SiteNotifications(channels=("log",)))
    tried = Attempt(request=request(only="ab"), attempt=1)
    assert chosen(receiver, tried, site) == {"phones": phones}
    assert chosen(Receiver(name="soc", channels=(channel("log"),)), tried, site) == {}
    # Else it is one channel among others.
    told = Attempt(request=request(), attempt=1)
    assert chosen(receiver, told, None) == keyed(receiver.channels)


def test_devices_of_some_do_not_open_the_breaker_of_others() -> None:
    some = channel("webpush", credentials="v", users=["kim"])
    others = channel("webpush", credentials="v", users=["lee"])
    assert place_of(some) != place_of(others)
    assert place_of(some) == place_of(channel("webpush", credentials="v", users=["kim"]))


def test_a_key_has_a_public_part() -> None:
    made = fresh_key()
    public = public_part(made)
    assert len(public) == PUBLIC_CHARACTERS
    assert public == public_part(made) != public_part(fresh_key())
    assert list(flaws(subscription(point=public))) == []


def _der(key: Any) -> str:
    raw: bytes = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return b64(raw)


def test_a_key_may_be_der_and_is_of_one_curve() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    raw = b64(key.private_numbers().private_value.to_bytes(32, "big"))
    assert public_part(_der(key)) == public_part(raw)
    for other in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(ValueError, match="no VAPID key"):
            public_part(_der(other))


@pytest.mark.parametrize("private", ["", "hunter2", b64(bytes(32)), "é", "A" * 43])
def test_what_is_no_key_is_not_quoted(private: str) -> None:
    with pytest.raises(ValueError, match="no VAPID key") as caught:
        public_part(private)
    assert not private or private not in str(caught.value)
