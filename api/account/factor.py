"""The second factor: codes by time (RFC 6238), and recovery codes for when the phone is gone."""

from __future__ import annotations

import hmac
import io
import re
import secrets
from datetime import datetime
from typing import Final

import pyotp
import segno

__all__ = ["ISSUER", "fresh_codes", "is_totp", "normal_code", "picture", "step_of", "uri_of"]

ISSUER: Final = "Watchfloor"
STEP_S: Final = 30
CODES: Final = 10
"""Of 16 letters, 80 bits, each: a hash of one gives nothing away."""

_TOTP: Final = re.compile(r"[0-9]{6}")
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""32, without those that are mixed up on paper."""


def is_totp(given: str) -> bool:
    """Whether that is what an app shows; a recovery code is longer."""
    return _TOTP.fullmatch(given) is not None


def step_of(secret: str, given: str, now: datetime, taken: int) -> int | None:
    """Of which time step `given` is the code: this one, or the one before or after.

    None where it is of none of them, or of one up to `taken`: a code is good once.
    """
    totp = pyotp.TOTP(secret)
    current = int(now.timestamp()) // STEP_S
    found = None
    for step in (current - 1, current, current + 1):
        # Every one is compared, so that the time taken says nothing.
        if hmac.compare_digest(totp.generate_otp(step), given) and step > taken:
            found = step
    return found


def uri_of(secret: str, name: str) -> str:
    """What the app is given, as a picture or to type."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def picture(uri: str) -> str:
    """The same as a QR code: an SVG without any script or style of its own."""
    out = io.BytesIO()
    segno.make(uri, error="m").save(
        out, kind="svg", scale=4, border=4, xmldecl=False, svgns=True, omitsize=False
    )
    return out.getvalue().decode()


def fresh_codes() -> list[str]:
    """New recovery codes, as they are shown once: `abcd-efgh-jkmn-pqrs`."""
    return ["-".join(_letters(4) for _ in range(4)) for _ in range(CODES)]


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def normal_code(given: str) -> str:
    """A recovery code as it is kept, however it was typed."""
    return re.sub(r"[\s-]+", "", given).lower()
