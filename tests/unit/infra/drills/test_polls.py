"""What polls have to lead to, as the drill of the watch role expects it."""

from __future__ import annotations

from infra.drills.polls import STAYING, Polls
from schemas.device import Probe


def key(probe: Probe) -> str:
    return f"{probe.site_id}/{probe.device_id}"


def test_each_poll_and_each_change_of_health_is_expected() -> None:
    polls = Polls(1)
    sent = [probe for _ in range(40) for probe in polls.next_round()]
    names = polls.expected()
    healths = [name for name in names if "breaker" in name]
    events = [name for name in names if name.startswith("event ")]
    newest = [name for name in names if "newest" in name]
    assert len(healths) == len(sent) == 40 * 18
    assert len({(key(probe), probe.at) for probe in sent}) == len(sent)
    assert len(newest) == 18
    # Some fail five times in a row and are down; some come back.
    assert len(events) > 18
    assert any("critical, breaker open, 5 failed" in name for name in healths)
    assert any("normal, breaker closed, 0 failed" in name for name in healths)


def test_of_a_device_that_stays_down_somebody_has_to_be_told() -> None:
    polls = Polls(1)
    for _ in range(200):
        polls.next_round()
    told = [name for name in polls.expected() if name.startswith("event ")]
    strict = [name for name in told if name.split()[1] not in polls.brief()]
    # Each of the six goes down once, and never comes back.
    assert len(strict) == 6
    assert all(name.endswith(f"/{STAYING}") for name in strict)
