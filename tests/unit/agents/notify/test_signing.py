"""Signed webhooks: what is taken, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.notify.signing import (
    REPLAY_WINDOW,
    SIGNATURE,
    TIMESTAMP,
    SignatureError,
    sign,
    verify,
)
from tests.unit.agents.notify.parts import T0

SECRET = b"correct-horse-battery-staple"


@given(st.binary(), st.binary(min_size=1), st.integers(-300, 300))
def test_what_was_signed_is_taken_within_the_window(
    body: bytes, secret: bytes, seconds: int
) -> None:
    headers = sign(secret, body, T0)
    verify(secret, headers, body, T0 + timedelta(seconds=seconds))
    lower = {name.lower(): value for name, value in headers.items()}
    verify(secret, lower, body, T0)


@given(st.binary(), st.binary(min_size=1))
def test_another_body_or_secret_is_refused(body: bytes, other: bytes) -> None:
    headers = sign(SECRET, body, T0)
    with pytest.raises(SignatureError, match=SIGNATURE):
        verify(SECRET, headers, body + other, T0)
    if other != SECRET:
        with pytest.raises(SignatureError, match=SIGNATURE):
            verify(other, headers, body, T0)


def test_a_known_value() -> None:
    """HMAC-SHA256 of `1772445600.{}`, made with openssl dgst -sha256 -hmac."""
    assert sign(SECRET, b"{}", T0) == {
        TIMESTAMP: "1772445600",
        SIGNATURE: "v1=a68f6fd64727e8ad2ef0ec400ca2b444c2e0c0cfaa3a1fdbd6ae87c09102fc38",
    }


@pytest.mark.parametrize("seconds", [301, -301, 86_400])
def test_a_replay_is_refused(seconds: int) -> None:
    headers = sign(SECRET, b"x", T0)
    with pytest.raises(SignatureError, match="300 s from now"):
        verify(SECRET, headers, b"x", T0 + timedelta(seconds=seconds))
    assert REPLAY_WINDOW.total_seconds() == 300


def test_the_timestamp_is_signed_as_well() -> None:
    headers = sign(SECRET, b"x", T0)
    later = T0 + timedelta(hours=1)
    headers[TIMESTAMP] = str(int(later.timestamp()))
    with pytest.raises(SignatureError, match=SIGNATURE):
        verify(SECRET, headers, b"x", later)


@pytest.mark.parametrize("value", ["", "now", "-1", "1e9", "١٢٣", "9" * 13])
def test_a_timestamp_that_is_none_is_refused(value: str) -> None:
    headers = {**sign(SECRET, b"x", T0), TIMESTAMP: value}
    with pytest.raises(SignatureError, match=TIMESTAMP):
        verify(SECRET, headers, b"x", T0)


def test_without_headers_it_is_refused() -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, {}, b"x", T0)
