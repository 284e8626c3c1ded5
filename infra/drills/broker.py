"""Drills that take the broker away, and what is no record on it."""

from __future__ import annotations

from typing import Final

from infra.drills.arena import Arena
from infra.drills.disk import SmallDiskBroker, lacking
from infra.drills.frame import Drill
from infra.drills.load import Load

__all__ = ["DRILLS"]


def _restart(at: Arena) -> None:
    """Stopped in order, started again."""
    for number in range(5 if at.full else 1):
        at.wait(3.0)
        with at.broken(f"the broker stops, {number + 1}", throughout=True):
            at.servers.kafka.stop()
            at.wait(10.0 if at.full else 2.0)
            at.servers.kafka.start()
        at.wait(3.0)


def _kill(at: Arena) -> None:
    """kill -9, started again."""
    for number in range(10 if at.full else 1):
        at.wait(3.0)
        with at.broken(f"kill -9 of the broker, {number + 1}", throughout=True):
            at.servers.kafka.kill()
            at.wait(at.chance.uniform(0.0, 2.0))
            at.servers.kafka.start()
        at.wait(3.0)


def _disk_full(at: Arena) -> None:
    """Nothing can be written; then there is space again, and the broker is started as `up` does."""
    broker = at.servers.broker
    assert isinstance(broker, SmallDiskBroker)
    for number in range(3 if at.full else 1):
        at.wait(4.0)
        with at.broken(f"the broker's disk is full, {number + 1}", throughout=True):
            at.detail["ballast_mib"] = broker.fill() >> 20
            at.wait(30.0 if at.full else 5.0)
            at.detail["broker_gave_up"] = not broker.running
            broker.empty()
            broker.end_broker()
            broker.start()
        at.wait(3.0)


def _poison(at: Arena) -> None:
    """One record in a thousand (the short form: in two hundred) is none."""
    at.load = Load(at.settings, at.run.seed, poison_every=1000 if at.full else 200)
    at.begin_load(200.0)
    at.wait(100.0 if at.full else 5.0)


DRILLS: Final = (
    Drill(
        name="broker-restart",
        summary="the broker is stopped in order, and started again",
        drive=_restart,
        settle_s=45.0,
    ),
    Drill(
        name="broker-kill",
        summary="the broker is killed, and started again",
        drive=_kill,
        settle_s=45.0,
    ),
    Drill(
        name="disk-full",
        summary="the broker's disk is full for a while",
        drive=_disk_full,
        broker="small",
        lacks=lacking,
        settle_s=45.0,
    ),
    Drill(
        name="poison",
        summary="1 record in 1,000 is none: it goes to the dead letters, the rest is decided",
        drive=_poison,
        rate=0.0,
    ),
)
