"""Problems of a document, collected: a person fixes a document once, not once a problem."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MAX_PROBLEMS", "Path", "Problem", "Problems", "shown"]

Path = tuple[str | int, ...]
"""Where a value is: `("sites", 0, "zones", 2, "severity")`."""

MAX_PROBLEMS: Final = 200
MAX_NAMED: Final = 12


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong. line: 1-based; 0 where the document is not from a file."""

    line: int
    message: str
    file: str = ""

    def __str__(self) -> str:
        where = ":".join(part for part in (self.file, str(self.line or "")) if part)
        return f"{where}: {self.message}" if where else self.message


@dataclass
class Problems:
    """Collects problems, and knows the line of every path that was read."""

    file: str
    lines: dict[Path, int] = field(default_factory=dict)
    found: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """Things that are allowed, and surprise."""
    broken: set[Path] = field(default_factory=set)
    """Paths whose value is not what the document says: what refers to them is left alone."""

    def add(self, line: int, message: str) -> None:
        """A problem at a line."""
        self.found.append(Problem(line, message, self.file))

    def at(self, path: Path, message: str) -> None:
        """A problem at a path, or at the nearest thing above it that has a line."""
        self.add(self.line(path), message)

    def note(self, path: Path, message: str) -> None:
        """Something to point out at a path."""
        self.notes.append(Problem(self.line(path), message, self.file))

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def sorted(self) -> tuple[Problem, ...]:
        """In order of lines, each once, MAX_PROBLEMS at most."""
        every = sorted(set(self.found))
        if len(every) <= MAX_PROBLEMS:
            return tuple(every)
        rest = len(every) - MAX_PROBLEMS
        return (*every[:MAX_PROBLEMS], Problem(0, f"and {rest} more problems", self.file))

    def known(self, what: str, given: str, names: Iterable[str]) -> str:
        """` Did you mean 'gate'? Known cameras: gate, fence.`; what: the plural."""
        if len(self.found) > MAX_PROBLEMS:
            # Nobody reads it, and looking for what is near is what takes the time.
            return ""
        every = list(dict.fromkeys(name for name in names if name))
        if not every:
            return f" There are no {what}."
        near = difflib.get_close_matches(given[:100], every[:2000], n=1, cutoff=0.6)
        guess = f" Did you mean {shown(near[0])}?" if near else ""
        listed = ", ".join(every[:MAX_NAMED])
        more = f" and {len(every) - MAX_NAMED} more" if len(every) > MAX_NAMED else ""
        return f"{guess} Known {what}: {listed}{more}."


def shown(text: object, limit: int = 60) -> str:
    """A value as a message quotes it: one line, short, printable."""
    plain = "".join(c if c.isprintable() else "?" for c in str(text))
    return f"'{plain}'" if len(plain) <= limit else f"'{plain[: limit - 1]}…'"
