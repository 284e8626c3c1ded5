"""ONVIF's device service: its clock, then, with a name and a password, what it is.

SOAP 1.2 by hand, two small requests, as ONVIF Core Specification sections 8.3 and 8.4 have them:
a library that reads WSDLs costs megabytes a device and follows addresses that a device names. The
password goes as WS-Security's digest (Username Token Profile 1.1), made with the device's own
clock, since devices refuse what is more than seconds old and their clocks are wrong more often
than not. Facts: `clock_offset_s` (positive: its clock is ahead), `manufacturer`, `model`,
`firmware`.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.sax.saxutils import escape

from agents.runtime.clock import wall
from agents.watch.drivers.asking import Device, Reply, asking
from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.drivers.facts import offset_s, text
from agents.watch.drivers.markup import Element, parse
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Onvif", "digest_token"]

PATH: Final = "/onvif/device_service"
ENVELOPE: Final = "http://www.w3.org/2003/05/soap-envelope"
DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
_OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
DIGEST: Final = f"{_OASIS}username-token-profile-1.0#PasswordDigest"
BASE64: Final = f"{_OASIS}soap-message-security-1.0#Base64Binary"

REFUSALS: Final = frozenset({"NotAuthorized", "FailedAuthentication", "InvalidSecurityToken"})
"""Subcodes of faults that are about the name and the password."""


class Onvif:
    """Asks an ONVIF device. now: the time in UTC; nonce: 16 fresh bytes."""

    name = "onvif"
    probe = ProbeKind.ONVIF

    def __init__(
        self, now: Callable[[], datetime], *, nonce: Callable[[], bytes] | None = None
    ) -> None:
        self._now = now
        self._nonce = nonce or (lambda: os.urandom(16))

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """Ask once. Raises DriverError where the device failed."""
        facts: dict[str, Fact] = {}
        async with asking(target, limits) as device:
            ahead = timedelta(0)
            before = self._now()
            at = await self._clock(device, limits, target)
            after = self._now()
            if at is not None:
                ahead = at - (before + (after - before) / 2)
                facts |= offset_s(at, before, after)
            if target.withheld:
                # It tells the time to anybody, which says nothing of a log-in.
                raise DriverError(Fault.CREDENTIALS, "it refused the name and the password before")
            if target.username is not None:
                token = digest_token(
                    target.username, target.password or "", self._nonce(), self._now() + ahead
                )
                found = await _call(device, limits, "GetDeviceInformation", token)
                facts |= text("manufacturer", found.said("Manufacturer"))
                facts |= text("model", found.said("Model"))
                facts |= text("firmware", found.said("FirmwareVersion"))
        return Outcome(ok=True, latency_ms=device.latency_ms, facts=facts)

    async def _clock(self, device: Device, limits: Limits, target: Target) -> datetime | None:
        """The device's time; None where it tells none. Raises DriverError."""
        try:
            return _utc(await _call(device, limits, "GetSystemDateAndTime", ""))
        except DriverError as error:
            # Some tell it to nobody without a log-in, though everybody should be told; theirs is
            # in the message, and is made by our own clock then.
            if error.fault is not Fault.CREDENTIALS or device.refused or target.username is None:
                raise
            return None


DRIVERS: Final[tuple[Driver, ...]] = (Onvif(wall),)


def digest_token(username: str, password: str, nonce: bytes, created: datetime) -> str:
    """WS-Security's header: base64(SHA-1(nonce + created + password)), never the password.

    Username Token Profile 1.1, section 3.1. created: by the clock of whoever reads it.
    """
    at = (
        created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{created.microsecond // 1000:03d}Z"
    )
    told = hashlib.sha1(nonce + at.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<s:Header><w:Security s:mustUnderstand="1" xmlns:w="{WSSE}" xmlns:u="{WSU}">'
        f"<w:UsernameToken><w:Username>{escape(username)}</w:Username>"
        f'<w:Password Type="{DIGEST}">{base64.b64encode(told).decode()}</w:Password>'
        f'<w:Nonce EncodingType="{BASE64}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f"<u:Created>{at}</u:Created></w:UsernameToken></w:Security></s:Header>"
    )


async def _call(device: Device, limits: Limits, action: str, header: str) -> Element:
    """The body's element of an answer. Raises DriverError."""
    envelope = (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{ENVELOPE}">{header}'
        f'<s:Body><{action} xmlns="{DEVICE}"/></s:Body></s:Envelope>'
    )
    kind = f'application/soap+xml; charset=utf-8; action="{DEVICE}/{action}"'
    return _answer(await device.post(PATH, envelope.encode(), kind), limits, action)


def _answer(reply: Reply, limits: Limits, action: str) -> Element:
    # A fault comes with 400 or 500; without one, these say only that.
    try:
        root = parse(reply.body, limits)
    except DriverError as error:
        if reply.fine or error.fault is not Fault.GARBAGE:
            raise
        raise DriverError(Fault.STATUS, f"it answered {reply.status} to {action}") from None
    body = root.child("Body") if root.name == "Envelope" else None
    if body is None:
        raise DriverError(Fault.GARBAGE, "its answer is no SOAP")
    if (fault := body.child("Fault")) is not None:
        raise _fault(fault, action)
    found = body.child(f"{action}Response")
    if found is None:
        raise DriverError(Fault.GARBAGE, f"no {action}Response in what it answered")
    return found


def _fault(fault: Element, action: str) -> DriverError:
    """What a SOAP fault says, by its codes: its reason is anybody's text."""
    codes = {one.text.strip().rpartition(":")[2] for one in fault.all("Value")}
    if codes & REFUSALS:
        return DriverError(Fault.CREDENTIALS, f"it refuses {action}")
    return DriverError(Fault.STATUS, f"it answered {action} with a fault")


def _utc(found: Element) -> datetime | None:
    """The device's time in UTC; None where it tells none. Raises DriverError for what is none."""
    told = found.child("SystemDateAndTime", "UTCDateTime")
    if told is None:
        return None
    try:
        year, month, day = (int(told.said("Date", name)) for name in ("Year", "Month", "Day"))
        hour, minute, second = (
            int(told.said("Time", name)) for name in ("Hour", "Minute", "Second")
        )
        # A leap second is the second before it, to a clock that has none.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        raise DriverError(Fault.GARBAGE, "its time is none") from None
