"""Why a channel did not take a notification. Messages name targets, never their secrets."""

from __future__ import annotations

__all__ = ["ChannelError", "ChannelTimeoutError", "GoneError"]


class ChannelError(RuntimeError):
    """The channel did not take it.

    retry_after: seconds that it asks to be left alone. final: the same again would be refused
    again (a wrong token, a number that does not exist). faulty: whether it speaks for trouble at
    the target itself, which its circuit breaker counts.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        final: bool = False,
        faulty: bool = False,
    ) -> None:
        super().__init__(message[:500])
        self.retry_after = retry_after
        self.final = final
        self.faulty = faulty


class ChannelTimeoutError(ChannelError):
    """The channel did not answer in time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, faulty=True)


class GoneError(ChannelError):
    """What it was to go to is not there any more, and will not come back."""

    def __init__(self, message: str) -> None:
        super().__init__(message, final=True)
