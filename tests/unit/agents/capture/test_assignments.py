"""Which records make a camera ours."""

from __future__ import annotations

import pytest

from agents.capture.assignments import Book
from agents.runtime.record import Record
from schemas.base import encode
from schemas.device import Assignment
from topics.catalogue import ASSIGNMENTS


def record(value: Assignment | bytes | None, key: bytes = b"north/gate") -> Record:
    return Record(
        topic=ASSIGNMENTS,
        partition=0,
        offset=0,
        timestamp_ms=0,
        key=key,
        value=encode(value) if isinstance(value, Assignment) else value,
        headers={},
    )


def assigned(**fields: object) -> Assignment:
    values: dict[str, object] = {"kind": "camera", "source": "sim:day", **fields}
    return Assignment(site_id="north", device_id="gate", **values)  # type: ignore[arg-type]


def test_newest_wins_and_a_tombstone_removes() -> None:
    book = Book()
    book.take(record(assigned(revision="1")))
    book.take(record(assigned(revision="2")))
    assert [one.revision for one in book.cameras.values()] == ["2"]
    book.take(record(None))
    assert book.cameras == {}


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b"{", b"north/gate"),  # does not decode
        (b'{"site_id": "../x"}', b"north/gate"),
        (assigned(), b"south/gate"),  # says another key
        (assigned(), b""),
    ],
)
def test_bad_record_changes_nothing(value: Assignment | bytes, key: bytes) -> None:
    book = Book()
    book.take(record(assigned(revision="1")))
    book.take(record(value, key))
    assert [one.revision for one in book.cameras.values()] == ["1"]


@pytest.mark.parametrize("fields", [{"kind": "nvr"}, {"source": None}])
def test_what_delivers_no_frames_is_no_camera(fields: dict[str, object]) -> None:
    book = Book()
    book.take(record(assigned()))
    book.take(record(assigned(**fields)))
    assert book.cameras == {}


def test_what_another_role_wants_is_its_own() -> None:
    book = Book(wanted=lambda one: one.driver is not None)
    book.take(record(assigned()))
    assert book.cameras == {}
    book.take(record(assigned(source=None, address="10.0.0.2:80", driver="tcp")))
    assert list(book.cameras) == ["north/gate"]
    plain = Book()
    plain.take(record(assigned(source=None, address="10.0.0.2:80", driver="tcp")))
    assert plain.cameras == {}
