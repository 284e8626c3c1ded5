from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.watch.drivers.base import DriverError, Fact, Fault, Limits
from agents.watch.drivers.dahua import pairs
from agents.watch.drivers.facts import count, ids, mib, offset_s, text
from agents.watch.drivers.markup import parse
from agents.watch.drivers.onvif import digest_token
from agents.watch.drivers.registry import DRIVERS, drivers_of
from schemas.device import ProbeKind

AT = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("DS-7732NI", "DS-7732NI"),
        ("  two\n lines\x00 ", "two lines"),
        ("x" * 500, "x" * 120),
    ],
)
def test_text(said: str, fact: Fact) -> None:
    assert text("model", said) == {"model": fact}


def test_text_that_is_empty_is_none() -> None:
    assert text("model", " \x00\n") == {}
    assert ids("lost", []) == {}
    assert ids("lost", ["1", "2"]) == {"lost": "1,2"}


@pytest.mark.parametrize("said", ["", "-1", "1.5", "x", "9" * 17, "²", "٣"])
def test_counts_that_are_none(said: str) -> None:
    assert count("n", said) == {}
    assert mib("n", ["1", said]) == {}


def test_counts() -> None:
    assert count("n", " 12 ") == {"n": 12}
    assert mib("n", ["1", "2"]) == {"n": 3}


def test_the_offset_is_from_the_middle_of_the_question() -> None:
    after = AT + timedelta(seconds=2)
    assert offset_s(AT + timedelta(seconds=31), AT, after) == {"clock_offset_s": 30.0}
    assert offset_s(None, AT, after) == {}


def test_digest_token_is_the_profiles() -> None:
    # Username Token Profile 1.1, section 3.1: Base64(SHA-1(nonce + created + password)).
    nonce = bytes(range(16))
    token = parse(
        digest_token('a<&"', "pass", nonce, AT)
        .replace("<s:Header>", '<s:Header xmlns:s="urn:s">')
        .encode(),
        Limits(),
    )
    name = token.first("Username")
    created = token.first("Created")
    told = token.first("Password")
    assert name is not None
    assert created is not None
    assert told is not None
    assert name.text == 'a<&"'
    assert created.text == "2026-03-04T15:00:00.000Z"
    wanted = hashlib.sha1(nonce + created.text.encode() + b"pass", usedforsecurity=False)
    assert told.text == base64.b64encode(wanted.digest()).decode()


def test_dahuas_lines() -> None:
    assert pairs(b"a=1\r\nlist.info[0].Name=/dev/sda\r\n\r\nb=x=y\r\n") == {
        "a": "1",
        "list.info[0].Name": "/dev/sda",
        "b": "x=y",
    }


@pytest.mark.parametrize("body", [b"<html></html>\n", b"a", b"=1", b"\xff=1", b"a=1\nb"])
def test_lines_that_are_none(body: bytes) -> None:
    with pytest.raises(DriverError) as caught:
        pairs(body)
    assert caught.value.fault is Fault.GARBAGE


def test_too_many_lines() -> None:
    with pytest.raises(DriverError) as caught:
        pairs(b"a=1\n" * 20_001)
    assert caught.value.fault is Fault.TOO_LARGE


@given(body=st.binary(max_size=200))
def test_any_bytes_are_pairs_or_a_named_failure(body: bytes) -> None:
    try:
        found: object = pairs(body)
    except DriverError as error:
        found = error.fault
    assert isinstance(found, dict) or found is Fault.GARBAGE


@pytest.mark.parametrize("name", ["isapi", "dahua", "onvif"])
def test_vendors_are_registered_with_what_may_be_left_out_last(name: str) -> None:
    main, *more = drivers_of(name)
    assert name in DRIVERS
    assert main.name == name
    assert main.probe is not ProbeKind.CHANNELS
    assert all(one.probe is ProbeKind.CHANNELS for one in more)
