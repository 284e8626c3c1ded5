"""What goes wrong, told to a person: one small tree, one handler (`infra.cli.main`)."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ExitCode",
    "MachineError",
    "NotRunningError",
    "SettingsError",
    "TimeLimitError",
    "WatchfloorError",
]


class ExitCode(IntEnum):
    """What a command's exit status means."""

    OK = 0
    """Done."""
    FAILED = 1
    """It was tried and failed, or a check did not hold."""
    USAGE = 2
    """The command line or a setting is wrong; nothing was started."""
    MACHINE = 3
    """This machine lacks something: Java, disk, a port, a permission, a way to the network."""
    NOT_RUNNING = 4
    """It needs `watchfloor up`, and nothing runs."""
    TIMEOUT = 5
    """A time limit passed first."""
    INTERRUPTED = 130
    """Ctrl-C."""


class WatchfloorError(Exception):
    """Something that a person can do something about.

    message: `thing: place: what` without a full stop at its end being required. hint: the way
    out, printed on a line of its own. Neither ever holds a secret.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        exit_code: int = ExitCode.FAILED,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = int(exit_code)


class SettingsError(WatchfloorError):
    """A setting that cannot be read; names the setting and where it came from."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, exit_code=ExitCode.USAGE)


class MachineError(WatchfloorError):
    """This machine lacks something."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, exit_code=ExitCode.MACHINE)


class NotRunningError(WatchfloorError):
    """Nothing runs under this state directory."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(
            message, hint=hint or "Start it with: watchfloor up", exit_code=ExitCode.NOT_RUNNING
        )


class TimeLimitError(WatchfloorError):
    """A condition did not come true in time."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, exit_code=ExitCode.TIMEOUT)
