"""Headers of what librdkafka has read."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Message

__all__ = ["headers_of"]


def headers_of(message: Message) -> Sequence[tuple[str, bytes | None]]:
    """A message's headers, in their order; none where a name among them is no UTF-8.

    Brokers take any bytes for a name, and librdkafka's binding then raises for all of them.
    """
    try:
        return message.headers() or ()  # type: ignore[return-value]
    except (SystemError, UnicodeDecodeError):
        # The first is what its extension's own UnicodeDecodeError ends as.
        return ()
