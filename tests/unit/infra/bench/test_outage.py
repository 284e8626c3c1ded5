"""`bench outage`: time that jumps, its runs, and what it makes of them."""

from __future__ import annotations

import asyncio
from math import isnan

import pytest

from infra.bench.outage import BENCH, results
from infra.bench.outages.jumping import run_jumping
from infra.bench.outages.site import CAMERAS, Outage, drawn, play


def test_time_jumps_to_what_is_due() -> None:
    async def main() -> list[tuple[float, str]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[float, str]] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            seen.append((loop.time(), name))

        async with asyncio.TaskGroup() as group:
            group.create_task(after(7200, "b"))
            group.create_task(after(3600, "a"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(60)
        return [*seen, (loop.time(), "end")]

    times, names = zip(*run_jumping(main()), strict=True)
    assert names == ("a", "b", "end")
    assert times == pytest.approx((3600, 7200, 7210))


def test_what_can_never_go_on_says_so() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing is due"):
        run_jumping(main())


def test_a_seed_is_a_run() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    plans = [drawn(seed) for seed in range(60)]
    assert all(plan.dies < plan.returns < max(plan.back.values()) for plan in plans)
    assert all(len(plan.back) == CAMERAS for plan in plans)
    # What is to vary does.
    assert {plan.shared for plan in plans} == {True, False}
    assert {plan.slow for plan in plans} == {True, False}
    assert {bool(plan.failed) for plan in plans} == {True, False}
    assert {bool(plan.polled) for plan in plans} == {True, False}
    assert {len(plan.hangs) in (0, CAMERAS + 1) for plan in plans} == {True, False}


@pytest.mark.parametrize(("shared", "slow"), [(False, False), (True, False), (False, True)])
def test_one_notification_tells_of_all_and_one_of_the_return(shared: bool, slow: bool) -> None:
    plans = (one for one in map(drawn, range(200)) if (one.shared, one.slow) == (shared, slow))
    plan = next(one for one in plans if one.hangs)
    outage = play(plan)
    assert (len(outage.firing), len(outage.resolved)) == (1, 1)
    assert outage.critical is not None
    assert plan.dies < outage.critical <= outage.firing[0] <= outage.critical + 20
    assert plan.returns < outage.resolved[0]
    assert "nvr-1" in outage.down


def test_the_metrics() -> None:
    good = Outage(firing=[110.0], resolved=[500.0], critical=100.0, polls=10, down={"nvr-1"})
    late = Outage(firing=[125.0, 130.0], resolved=[], critical=100.0, polls=10, down={"a", "b"})
    found = {one.metric.name: one for one in results([(1, 50.0, good), (2, 50.0, late)])}
    assert list(found) == [metric.name for metric in BENCH.metrics]
    assert {name: one.value for name, one in found.items()} == {
        "notifications_min": 1,
        "notifications_max": 2,
        "detect_s_p99": 25.0,
        "resolves_min": 0,
        "resolves_max": 1,
    }
    assert [one.holds for one in found.values()] == [True, False, False, False, True]
    assert found["notifications_max"].detail["other_seeds"] == [2]
    silent = {one.metric.name: one for one in results([(1, 50.0, Outage())])}
    assert silent["notifications_min"].holds is False
    assert isnan(silent["detect_s_p99"].value)
    assert silent["detect_s_p99"].holds is False
