"""WS-Discovery's answers: what is taken of one, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.watch.drivers.base import Limits
from agents.watch.drivers.markup import parse
from infra.fleet.device import SimDevice
from infra.fleet.discovery import matches, urn_of
from infra.onboard.discovery import MOST_BYTES, MOST_MATCHES, matches_in, probe

ID = "urn:uuid:00000000-0000-4000-8000-000000000001"
SENDER = "10.0.0.9"
MATCH = (
    "<d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:{n}</a:Address></a:EndpointReference>"
    "<d:Types>{types}</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs>"
    "</d:ProbeMatch>"
)


def answer(
    *,
    related: str = ID,
    types: str = "dn:NetworkVideoTransmitter",
    scopes: str = "onvif://www.onvif.org/name/Gate",
    xaddrs: str = "http://10.0.0.9:8080/onvif/device_service",
    count: int = 1,
) -> bytes:
    rows = "".join(
        MATCH.format(n=n, types=types, scopes=scopes, xaddrs=xaddrs) for n in range(count)
    )
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="a" xmlns:d="d">'
        f"<s:Header><a:RelatesTo>{related}</a:RelatesTo></s:Header>"
        f"<s:Body><d:ProbeMatches>{rows}</d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()


def test_the_fleets_devices_understand_the_question() -> None:
    devices = [SimDevice(device_id=f"onvif-{n}", kind="onvif", port=8000 + n) for n in range(3)]
    said = matches(probe(ID), devices)
    found = [one for data in said for one in matches_in(data, "127.0.0.1", ID)]
    assert [one.endpoint for one in found] == [urn_of(one) for one in devices]
    assert [one.address for one in found] == [f"http://127.0.0.1:{8000 + n}" for n in range(3)]
    assert [one.name for one in found] == ["onvif-0", "onvif-1", "onvif-2"]


def test_the_question_is_one_envelope_with_its_id() -> None:
    root = parse(probe(ID), Limits())
    assert root.said("Header", "MessageID") == ID
    assert root.said("Body", "Probe", "Types") == "dn:NetworkVideoTransmitter"


@pytest.mark.parametrize(
    ("xaddrs", "address"),
    [
        ("http://10.0.0.9/onvif/device_service", "http://10.0.0.9:80"),
        ("https://10.0.0.9/onvif/device_service", "https://10.0.0.9:443"),
        ("http://10.0.0.9:8899/a http://10.0.0.9:80/b", "http://10.0.0.9:8899"),
        # Its own address goes before the others that it has.
        ("http://192.168.8.8:81/a http://10.0.0.9:82/b", "http://10.0.0.9:82"),
        # It may name anybody; asked is who answered.
        ("http://169.254.169.254:8080/latest", "http://10.0.0.9:8080"),
        ("http://[fe80::1]:8080/a", "http://10.0.0.9:8080"),
        ("ftp://10.0.0.9/a http://10.0.0.9:83/b", "http://10.0.0.9:83"),
        ("http://10.0.0.9:99999/a http://10.0.0.9:84/b", "http://10.0.0.9:84"),
    ],
)
def test_its_address_is_where_it_was_heard_from(xaddrs: str, address: str) -> None:
    (found,) = matches_in(answer(xaddrs=xaddrs), SENDER, ID)
    assert found.address == address


def test_its_words_are_decoded_cleaned_and_bounded() -> None:
    scopes = (
        "onvif://www.onvif.org/name/Main%20gate%0A%1B[31m onvif://www.onvif.org/name/second "
        "onvif://www.onvif.org/hardware/" + "x" * 300 + " http://other/location/no "
        "onvif://www.onvif.org/location/%FF"
    )
    (found,) = matches_in(answer(scopes=scopes), SENDER, ID)
    assert found.name == "Main gate [31m"
    assert found.hardware == "x" * 120
    assert found.location == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"<a/>",
        answer(related="urn:uuid:of-another"),
        answer(types="dn:Printer"),
        answer(types=""),
        answer(xaddrs=""),
        answer(xaddrs="file:///etc/passwd"),
        answer(xaddrs="http://:80/ http://[::1/"),
        answer().replace(b"<a:Address>urn:uuid:0</a:Address>", b""),
        b'<!DOCTYPE a [<!ENTITY x "y">]>' + answer(scopes="&x;"),
        answer(scopes="x" * MOST_BYTES),
        b"<a>" * 100,
    ],
)
def test_what_is_no_answer_is_none(data: bytes) -> None:
    assert matches_in(data, SENDER, ID) == []


def test_one_datagram_does_not_fill_the_list() -> None:
    assert len(matches_in(answer(count=40), SENDER, ID)) == MOST_MATCHES


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda t: answer()[:200] + t.encode()))
def test_whatever_comes_nothing_is_raised(data: bytes) -> None:
    assert matches_in(data, SENDER, ID) == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_words_lead_to_another_host(xaddrs: str, scopes: str) -> None:
    from xml.sax.saxutils import escape

    try:
        data = answer(xaddrs=escape(f"http://10.0.0.9:80/ {xaddrs}"), scopes=escape(scopes))
    except UnicodeEncodeError:
        return
    for found in matches_in(data, SENDER, ID):
        assert found.address.startswith(("http://10.0.0.9:", "https://10.0.0.9:"))
