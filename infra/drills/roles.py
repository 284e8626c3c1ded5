"""Drills that end, stop and move the roles' processes."""

from __future__ import annotations

import shutil
import signal
from time import time
from typing import Final

from infra.db import migrate
from infra.drills.arena import Arena
from infra.drills.frame import Drill
from infra.drills.oracle import Fault

__all__ = ["DRILLS"]

SHORT_KILLS: Final = 4
FULL_KILLS: Final = 50


def _kill_roles(at: Arena) -> None:
    """Each in turn, at random moments; also while it is starting from the kill before."""
    at.wait(1.0)
    kills = FULL_KILLS * len(at.drill.roles) if at.full else SHORT_KILLS
    for number in at.moments(kills, 0.3, 4.0):
        name = at.drill.roles[number % len(at.drill.roles)]
        at.say(f"kill -9 {name}, {number + 1} of {kills}")
        at.kill(name)
    at.ready()
    at.wait(1.0)


def _zombie(at: Arena) -> None:
    """A worker sleeps through its session, another takes over, and it wakes up again."""
    at.start("decide", "decide-2")
    at.ready("decide-2")
    at.wait(2.0)
    session = at.settings.session_timeout.total_seconds()
    for number in range(6 if at.full else 1):
        name = ("decide", "act")[number % 2] if at.full else "decide"
        process = at.box.children[name].process
        with at.broken(f"SIGSTOP {name} for {session + 4:.0f} s"):
            process.send_signal(signal.SIGSTOP)
            at.wait(session + 4)
            process.send_signal(signal.SIGCONT)
        at.wait(4.0)
    at.ready()


def _elastic(at: Arena) -> None:
    """A worker more every five seconds, and gone again every five seconds."""
    at.wait(1.0)
    rounds = 12 if at.full else 2
    for number in range(rounds):
        at.say(f"a second decide comes, {number + 1} of {rounds}")
        at.faults.append(Fault("decide-2 comes", time(), time()))
        at.start("decide", "decide-2")
        at.wait(5.0)
        if not at.full:
            # It is to have work before it goes; in the long form some go before that, too.
            at.ready("decide-2")
        at.say(f"it goes, {number + 1} of {rounds}")
        at.stop("decide-2")
        at.wait(5.0 if number + 1 < rounds else 1.0)


def _state_deleted(at: Arena) -> None:
    """Everything that the roles had on disk is gone: tables, secrets, notes."""
    for number in range(5 if at.full else 1):
        at.wait(3.0)
        # Some are sent twice across the gap: the changelog alone must know them.
        before = list(at.load.recent[-200:])
        with at.broken(f"the state directory is deleted, {number + 1}"):
            for role in at.drill.roles:
                at.stop(role)
            shutil.rmtree(at.settings.state_dir)
            at.settings.state_dir.mkdir(mode=0o700)
            # As `up` does: the database's logins get passwords that are on file again.
            migrate.prepare(at.settings)
            for role in at.drill.roles:
                at.start(role)
        at.ready()
        at.load.send_again(before)
        at.wait(2.0)


DRILLS: Final = (
    Drill(
        name="kill-roles",
        summary="decide and act are killed at random moments under load (full: 50 times each)",
        drive=_kill_roles,
    ),
    Drill(
        name="zombie",
        summary="SIGSTOP for longer than the session timeout, another takes over, then SIGCONT",
        drive=_zombie,
    ),
    Drill(
        name="elastic",
        summary="a second decide is added and removed every 5 s (full: for 2 min)",
        drive=_elastic,
    ),
    Drill(
        name="state-deleted",
        summary="the roles' state directory is deleted while they are stopped",
        drive=_state_deleted,
    ),
)
