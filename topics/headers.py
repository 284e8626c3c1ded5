"""Headers of what librdkafka has read."""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller
from typing import Any, Final

from confluent_kafka import Message

__all__ = ["headers_of"]

_HEADERS: Final = methodcaller("headers")
"""By a call that looks whether it failed. Of a name that is no UTF-8 the binding makes a tuple with
a hole, and returns it with the exception set; a call that the interpreter has made a fast one does
not look (CPython from 3.11 on), and whoever takes the name out then is a crashed process."""


def headers_of(message: Message) -> Sequence[tuple[str, bytes | None]]:
    """A message's headers, in their order; none where a name among them is no UTF-8.

    Brokers take any bytes for a name, and librdkafka's binding has nothing to give then. Nobody may
    ask a message for its headers in another way.
    """
    try:
        found: Any = _HEADERS(message)
    except (SystemError, UnicodeDecodeError):
        # The first is what the second ends as, in an extension that goes on after it.
        return ()
    return found or ()
