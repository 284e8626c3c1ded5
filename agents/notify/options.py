"""A channel's options with their types, as `schemas.reading.channels` declares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agents.notify.errors import ChannelError
from schemas.base import SchemaError, parse_duration
from schemas.document import Channel

__all__ = ["Options", "secret_of"]


def secret_of(name: str, state_dir: Path | None = None) -> str:
    """The secret of that name, from the environment or the state directory."""
    from infra.secrets import lookup

    return lookup(name, state_dir=state_dir).reveal()


class Options:
    """Typed access. What is missing or wrong is a ChannelError that names the field."""

    def __init__(self, channel: Channel, secrets: Callable[[str], str]) -> None:
        self._channel = channel
        self._secrets = secrets
        self.name = channel.name or channel.kind

    def has(self, name: str) -> bool:
        """Whether the option is given."""
        return self._channel.options.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it is needed."""
        value = self._channel.options.get(name, default)
        if not isinstance(value, str) or not value:
            raise ChannelError(f"channel {self.name} needs {name}", final=True)
        return value

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        value = self._channel.options.get(name, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._channel.options.get(name, default)
        return value if isinstance(value, bool) else default

    def seconds(self, name: str, default: float) -> float:
        """A duration."""
        value = self._channel.options.get(name)
        if value is None or isinstance(value, bool):
            return default
        try:
            return parse_duration(
                value if isinstance(value, int | float) else str(value)
            ).total_seconds()
        except SchemaError:
            return default

    def words(self, name: str) -> tuple[str, ...]:
        """One text or several; needed."""
        value = self._channel.options.get(name)
        items = value if isinstance(value, list) else [value]
        found = tuple(item for item in items if isinstance(item, str) and item)
        if not found:
            raise ChannelError(f"channel {self.name} needs {name}", final=True)
        return found

    def secret(self, name: str) -> str:
        """The secret that the option names. Raises ChannelError where there is none."""
        where = self.text(name)
        try:
            return self._secrets(where)
        except Exception as error:
            # What a look-up says may hold more than the name; the kind of error is enough.
            raise ChannelError(
                f"channel {self.name}: secret {where[:63]!r} ({name}) is not there "
                f"({type(error).__name__})"
            ) from None

    def pair(self, name: str) -> tuple[str, str]:
        """The secret that the option names, `first:second`."""
        first, colon, second = self.secret(name).partition(":")
        if not colon or not first or not second:
            raise ChannelError(f"channel {self.name}: the secret {name} is not FIRST:SECOND")
        return first, second

    def url(self) -> str:
        """`credentials`, a URL that is a secret as a whole, or `url` as the document has it."""
        return self.secret("credentials") if self.has("credentials") else self.text("url")
