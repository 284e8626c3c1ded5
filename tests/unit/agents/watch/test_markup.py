from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.watch.drivers.base import DriverError, Fault, Limits
from agents.watch.drivers.markup import MOST_ELEMENTS, parse

LIMITS = Limits()


def refused(data: bytes, limits: Limits = LIMITS) -> DriverError:
    with pytest.raises(DriverError) as caught:
        parse(data, limits)
    return caught.value


def test_names_lose_their_namespaces_and_text_its_blanks() -> None:
    root = parse(
        b'<?xml version="1.0"?><a:list xmlns:a="urn:x" xmlns="urn:y">'
        b"<a:one><id> 1 </id></a:one><one><id>2</id><deep><id>3</id></deep></one></a:list>",
        LIMITS,
    )
    assert root.name == "list"
    assert root.said("one", "id") == "1"
    assert [one.text.strip() for one in root.all("id")] == ["1", "2", "3"]
    assert root.child("one", "none", "id") is None
    assert root.said("none") == ""
    first = root.first("deep")
    assert first is not None
    assert first.said("id") == "3"


def test_text_around_children_stays_with_its_own_element() -> None:
    root = parse(b"<a>x<b>y</b>z</a>", LIMITS)
    assert (root.text, root.said("b")) == ("xz", "y")


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a PUBLIC "x" "http://192.0.2.1/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://192.0.2.1/p"> %p;]><a/>',
        b"<!DOCTYPE a><a/>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
    ],
)
def test_document_types_are_hostile(data: bytes) -> None:
    error = refused(data)
    assert error.fault is Fault.HOSTILE
    assert "passwd" not in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"no xml",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&unknown;</a>",
        b"\xff\xfe\x00",
        b"<a>\xff</a>",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b'<?xml version="1.0" encoding="gb2312"?><a/>',
        b"<a:b/>",
    ],
)
def test_what_is_no_xml_is_garbage(data: bytes) -> None:
    assert refused(data).fault is Fault.GARBAGE


def test_bounds() -> None:
    assert parse(b"<a>" * 32 + b"</a>" * 32, LIMITS).name == "a"
    assert refused(b"<a>" * 33 + b"</a>" * 33).fault is Fault.TOO_LARGE
    assert refused(b"<a>" * 300_000).fault is Fault.TOO_LARGE
    assert len(parse(b"<a>" + b"<b/>" * (MOST_ELEMENTS - 1) + b"</a>", LIMITS).children) == 19_999
    assert refused(b"<a>" + b"<b/>" * MOST_ELEMENTS + b"</a>").fault is Fault.TOO_LARGE
    assert refused(b"<a>" + b" " * 100 + b"</a>", Limits(body=100)).fault is Fault.TOO_LARGE


NAMED = (None, Fault.GARBAGE, Fault.HOSTILE, Fault.TOO_LARGE)


def what(data: bytes) -> Fault | None:
    try:
        parse(data, LIMITS)
    except DriverError as error:
        return error.fault
    return None


@given(data=st.binary(max_size=400))
def test_any_bytes_are_an_element_or_a_named_failure(data: bytes) -> None:
    assert what(data) in NAMED


@given(text=st.text(alphabet="<>/&;!?[]ab \"'=-:", max_size=200))
def test_anything_like_xml_is_an_element_or_a_named_failure(text: str) -> None:
    assert what(text.encode()) in NAMED
