"""When a channel is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.notify.backoff import DEFAULT, JITTER, STEADY, Backoff, backoff_of, share, wait


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 10), (1, 10), (2, 20), (3, 40), (4, 80), (5, 120), (10**9, 120)]
)
def test_it_doubles_to_two_minutes(tries: int, seconds: float) -> None:
    assert wait(STEADY, tries, "any") == timedelta(seconds=seconds)


@given(st.integers(1, 100), st.text(), st.floats(0.1, 100), st.floats(0.1, 10_000))
def test_jitter_only_shortens_and_follows_from_the_id(
    tries: int, name: str, first: float, most: float
) -> None:
    backoff = Backoff(first=first, most=max(first, most))
    full = min(backoff.most, first * 2.0 ** (tries - 1))
    got = wait(backoff, tries, name).total_seconds()
    assert full * (1 - JITTER) - 1e-6 <= got <= full + 1e-6
    assert wait(backoff, tries, name).total_seconds() == got


def test_jitter_spreads_a_crowd() -> None:
    waits = {wait(DEFAULT, 1, f"n-{n}", "hook") for n in range(100)}
    assert len(waits) == 100
    assert max(waits) - min(waits) > timedelta(seconds=1)


@given(st.lists(st.text()))
def test_a_share_is_in_the_half_open_interval(parts: list[str]) -> None:
    assert 0 <= share(*parts) < 1


def test_kinds_and_documents_have_their_own() -> None:
    assert backoff_of("webhook") == DEFAULT
    assert backoff_of("recording") == STEADY
    assert backoff_of("sms").first > DEFAULT.first
    assert backoff_of("sms", first=5, most=7) == Backoff(first=5, most=7)
    # The most is never below the first.
    assert backoff_of("webhook", first=600) == Backoff(first=600, most=600)
