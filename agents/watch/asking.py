"""One poll: a device is asked, and what came of it becomes probes. Never raises for a device."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agents.watch import metrics
from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.health import OPTIONAL
from schemas.device import Assignment, Probe

__all__ = ["Asking", "Secrets", "credentials_of", "probe_of"]

log = logging.getLogger("watchfloor.watch")

Secrets = Callable[[str, str], Awaitable[str]]
"""A secret's text by its name and its site. Raises what it likes where there is none."""

MOST_ERROR: Final = 500
"""Characters that are kept of an error and of a fact: they may quote what the device says."""
MOST_FACTS: Final = 64


def credentials_of(text: str) -> tuple[str, str]:
    """A user and a password from a secret's `user:password`; without a colon, a password."""
    user, colon, password = text.strip("\r\n").partition(":")
    return (user, password) if colon else ("", user)


def _clean(text: str, password: str | None) -> str:
    """The text without the password, and without what a terminal would act on."""
    if password:
        text = text.replace(password, "***")
    return "".join(c if c.isprintable() else "?" for c in text)[:MOST_ERROR]


def probe_of(
    assignment: Assignment,
    driver: Driver,
    at: datetime,
    outcome: Outcome,
    password: str | None = None,
) -> Probe:
    """The record of an outcome. at: when the poll began."""
    latency = outcome.latency_ms
    if latency is not None and not (math.isfinite(latency) and latency >= 0):
        latency = None
    error = None if outcome.ok else _clean(outcome.error or Fault.UNWELL.value, password)
    return Probe(
        site_id=assignment.site_id,
        device_id=assignment.device_id,
        kind=driver.probe,
        at=at,
        ok=outcome.ok,
        latency_ms=None if latency is None else round(latency, 1),
        error=error,
        facts=_facts(outcome.facts, password),
    )


def _facts(facts: Mapping[str, Fact], password: str | None) -> dict[str, Fact]:
    """The facts as they are told: texts no longer than an error, and no NaN, which JSON lacks."""
    found: dict[str, Fact] = {}
    for name, value in list(facts.items())[:MOST_FACTS]:
        if isinstance(value, str):
            found[name[:63]] = _clean(value, password)
        elif not isinstance(value, float) or math.isfinite(value):
            found[name[:63]] = value
    return found


@dataclass
class Asking:
    """Asks devices. timeout_s: for a whole poll with one driver. ca_path: where the file lies that
    an assignment's `ca_file` names, None where there is none.

    Credentials that a device refused are not sent to it again until they are others: recorders
    lock a user out after a handful of attempts.
    """

    secret: Secrets
    limits: Limits
    timeout_s: float
    ca_path: Callable[[str], str | None] = lambda _: None

    def __post_init__(self) -> None:
        self._refused: dict[str, dict[str, bytes]] = {}

    async def ask(
        self,
        assignment: Assignment,
        drivers: tuple[Driver, ...],
        at: datetime,
        sheds: Callable[[], bool],
    ) -> list[Probe]:
        """The probes of one poll: the main driver's, and the optional ones' where the device is
        well and `sheds` does not say that its site is relieved of load.

        None of a driver that fails by a defect of ours: it says nothing of the device.
        """
        key = f"{assignment.site_id}/{assignment.device_id}"
        probes: list[Probe] = []
        target = Target(
            site_id=assignment.site_id,
            device_id=assignment.device_id,
            kind=assignment.kind,
            address=assignment.address or "",
            timeout_s=self.timeout_s,
        )
        failure: Outcome | None = None
        if assignment.ca_file is not None:
            path = self.ca_path(assignment.ca_file)
            if path is None:
                # The system's authorities in its place would believe others than was asked for.
                log.warning("%s: there is no ca_file %s", key, assignment.ca_file)
                failure = Outcome(
                    ok=False, error=f"{Fault.CERTIFICATE}: there is no file {assignment.ca_file!r}"
                )
            target = replace(target, ca_file=path)
        if failure is None and assignment.credentials is not None:
            try:
                text = await self.secret(assignment.credentials, assignment.site_id)
                user, password = credentials_of(text)
            except Exception as error:
                log.warning("%s: its secret cannot be read: %s", key, type(error).__name__)
                failure = Outcome(ok=False, error=f"{Fault.SECRET}: {assignment.credentials}")
            else:
                target = replace(target, username=user, password=password)
        for driver in drivers:
            if driver.probe in OPTIONAL and sheds():
                metrics.SKIPPED.labels(driver.name).inc()
                continue
            outcome = failure or await self._one(key, driver, target)
            if outcome is None:
                break
            probes.append(probe_of(assignment, driver, at, outcome, target.password))
            if not outcome.ok:
                break
        return probes

    async def _one(self, key: str, driver: Driver, target: Target) -> Outcome | None:
        """What came of one driver's poll; None where the driver itself failed."""
        known = f"{target.username}:{target.password}"
        digest = hashlib.sha256(known.encode()).digest() if target.password is not None else b""
        # By driver: who may ask how a recorder is may not be allowed to list its channels.
        if digest and self._refused.get(key, {}).get(driver.name) == digest:
            target = replace(target, username=None, password=None, withheld=True)
        begun = asyncio.get_running_loop().time()
        fault = "none"
        try:
            async with asyncio.timeout(target.timeout_s):
                outcome = await driver.poll(target, self.limits)
            if not outcome.ok:
                fault = _named(outcome.error)
        except DriverError as error:
            if error.fault is Fault.DEFECT:
                log.error("%s: %s", key, error)
                metrics.POLLS.labels(driver.name, error.fault.value).inc()
                return None
            fault = error.fault.value
            outcome = Outcome(ok=False, latency_ms=error.latency_ms, error=str(error))
        except TimeoutError:
            fault = Fault.TIMEOUT.value
            outcome = Outcome(ok=False, error=f"{fault}: after {target.timeout_s:g} s")
        except Exception:
            log.exception("%s: driver %s failed", key, driver.name)
            metrics.POLLS.labels(driver.name, Fault.DEFECT.value).inc()
            return None
        metrics.SECONDS.labels(driver.name).observe(asyncio.get_running_loop().time() - begun)
        metrics.POLLS.labels(driver.name, fault).inc()
        if digest and fault == Fault.CREDENTIALS.value:
            self._refused.setdefault(key, {})[driver.name] = digest
        elif digest and target.password is not None:
            self._refused.get(key, {}).pop(driver.name, None)
        return outcome

    def forget(self, key: str) -> None:
        """A device is no longer ours."""
        self._refused.pop(key, None)


def _named(error: str | None) -> str:
    """The fault that an outcome names; `unwell` where it names none of ours."""
    name = (error or "").partition(":")[0]
    return name if name in Fault.__members__.values() else Fault.UNWELL.value
