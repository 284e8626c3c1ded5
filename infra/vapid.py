"""The key that says who pushes (VAPID, RFC 8292): made here, and its public part for browsers.

A browser's subscription is bound to the public part; a push that another key signed is refused.
"""

from __future__ import annotations

import base64
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["PUBLIC_CHARACTERS", "fresh_key", "public_part"]

PUBLIC_CHARACTERS: Final = 87
"""Of the public part: a point of P-256, uncompressed, 65 bytes, in base64url without padding."""


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def fresh_key() -> str:
    """A new private key, as the secret of a channel holds it: 32 bytes in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _text(number.to_bytes(32, "big"))


def public_part(private: str) -> str:
    """The public part of a private key (raw or DER, in base64url), as browsers take it.

    Raises ValueError for what is no such key; the message says nothing of it.
    """
    from py_vapid import Vapid02, VapidException

    try:
        point = Vapid02.from_string(private).public_key
    except (VapidException, UnsupportedAlgorithm, ValueError, TypeError, IndexError):
        raise ValueError("it is no VAPID key") from None
    if not isinstance(point, ec.EllipticCurvePublicKey) or point.curve.name != "secp256r1":
        raise ValueError("it is no VAPID key: those are keys of P-256")
    return _text(
        point.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    )
