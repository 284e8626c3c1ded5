"""Drills of a cluster of three brokers."""

from __future__ import annotations

from typing import Final

from infra.drills.arena import Arena
from infra.drills.cluster import NODES, Cluster
from infra.drills.frame import Drill

__all__ = ["DRILLS"]


def _cluster(at: Arena) -> Cluster:
    broker = at.servers.broker
    assert isinstance(broker, Cluster)
    return broker


def _leader_moved(at: Arena) -> None:
    """A broker hands its leaderships over and ends, comes back, and is given them back."""
    cluster = _cluster(at)
    nodes = NODES * 2 if at.full else (at.chance.choice(NODES),)
    moved = 0
    for node in nodes:
        at.wait(3.0)
        before = cluster.leaders()
        with at.broken(f"broker {node} hands its leaderships over"):
            cluster.stop_node(node)
            at.wait(2.0)
        away = cluster.leaders()
        cluster.start_node(node)
        with at.broken(f"broker {node} is given them back"):
            cluster.elect_preferred()
        at.wait(2.0)
        back = cluster.leaders()
        moved += sum(before[part] != away.get(part) for part in before)
        moved += sum(away[part] != back.get(part) for part in away)
    at.detail["leaderships_moved"] = moved


def _broker_lost(at: Arena) -> None:
    """One is killed, and stays away for a while."""
    cluster = _cluster(at)
    for node in NODES if at.full else (at.chance.choice(NODES),):
        at.wait(3.0)
        with at.broken(f"broker {node} is lost"):
            cluster.kill_node(node)
            at.wait(60.0 if at.full else 6.0)
        cluster.start_node(node)
        at.wait(2.0)


DRILLS: Final = (
    Drill(
        name="leader-moved",
        summary="the leaders of partitions move, and move back, in a cluster of three brokers",
        drive=_leader_moved,
        broker="cluster",
        settle_s=45.0,
    ),
    Drill(
        name="broker-lost",
        summary="one of three brokers is killed, and stays away",
        drive=_broker_lost,
        broker="cluster",
        settle_s=45.0,
    ),
)
