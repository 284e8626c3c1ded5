"""MJPEG's parts, however the network cuts them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.capture.sources import BrokenSourceError
from agents.capture.sources.multipart import Multipart, boundary_of

BODIES = [b"\xff\xd8one\xff\xd9", b"\xff\xd8two \r\n\r\n two\xff\xd9", b"\xff\xd83\xff\xd9"]


def stream(bodies: list[bytes], *, length: bool = True, line: bytes = b"\r\n") -> bytes:
    """What a camera sends."""
    out = b""
    for body in bodies:
        out += b"--frame" + line + b"Content-Type: image/jpeg" + line
        if length:
            out += b"Content-Length: %d" % len(body) + line
        out += line + body + line
    return out + b"--frame" + line


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_cut_anywhere(length: bool, line: bytes, cuts: list[int]) -> None:
    data = stream(BODIES, length=length, line=line)
    marks = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    parser = Multipart(b"--frame", 1000)
    parts: list[bytes] = []
    for start, end in itertools.pairwise(marks):
        parts += parser.feed(data[start:end])
    assert parts == BODIES


@given(st.binary(max_size=3000))
def test_nonsense_is_bounded(data: bytes) -> None:
    parser = Multipart(b"--frame", 1000)
    try:
        assert all(len(part) <= 1000 for part in parser.feed(data))
    except BrokenSourceError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"--frame\r\nContent-Length: 5000\r\n\r\n",  # says that it is too large
        b"--frame\r\n\r\n" + b"x" * 2000,  # is too large
        b"y" * 10_000,  # no boundary
        b"--frame\r\n" + b"X-Header: 1\r\n" * 1000,  # headers without an end
    ],
)
def test_bounds(data: bytes) -> None:
    with pytest.raises(BrokenSourceError):
        Multipart(b"--frame", 1000).feed(data)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("multipart/x-mixed-replace; boundary=frame", b"--frame"),
        ('multipart/x-mixed-replace;boundary="frame"', b"--frame"),
        ("Multipart/X-Mixed-Replace; boundary=--frame", b"--frame"),
    ],
)
def test_boundary(content_type: str, expected: bytes) -> None:
    assert boundary_of(content_type) == expected


@pytest.mark.parametrize("content_type", ["image/jpeg", "", "multipart/x-mixed-replace"])
def test_no_stream(content_type: str) -> None:
    with pytest.raises(BrokenSourceError):
        boundary_of(content_type)
