"""Problems of a document, collected: a person fixes a document once, not once a problem."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MAX_PROBLEMS", "Path", "Problem", "Problems", "each_once", "shown"]

Path = tuple[str | int, ...]
"""Where a value is: `("sites", 0, "zones", 2, "severity")`."""

MAX_PROBLEMS: Final = 200
MAX_NAMED: Final = 12


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong. line: 1-based; 0 where the document is not from a file.

    path: where, as the document spells it and counts its lists; empty where that is not known.
    """

    line: int
    message: str
    file: str = ""
    path: Path = field(default=(), compare=False)

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
    places: dict[Path, int] = field(default_factory=dict)
    """Where an entry of a list stands in the document, which leaves out none before it."""

    def add(self, line: int, message: str, path: Path = ()) -> None:
        """A problem at a line."""
        self.found.append(Problem(line, message, self.file, self._written(path)))

    def at(self, path: Path, message: str) -> None:
        """A problem at a path, or at the nearest thing above it that has a line."""
        self.add(self.line(path), message, path)

    def note(self, path: Path, message: str) -> None:
        """Something to point out at a path."""
        self.notes.append(Problem(self.line(path), message, self.file, self._written(path)))

    def _written(self, path: Path) -> Path:
        """A path with the indices that the document has, not those of what was read of it."""
        return tuple(
            self.places.get(path[: index + 1], part) if isinstance(part, int) else part
            for index, part in enumerate(path)
        )

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def sorted(self) -> tuple[Problem, ...]:
        """In order of lines, each once, MAX_PROBLEMS at most."""
        every = each_once(self.found)
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


def each_once(problems: Iterable[Problem]) -> list[Problem]:
    """In order of lines, or as they were found.

    An alias is read wherever it stands, and is wrong in one line.
    """
    unlike = {(one, () if one.line else one.path): one for one in problems}
    return sorted(unlike.values(), key=lambda one: (one.line, one.message if one.line else ""))


def shown(text: object, limit: int = 60) -> str:
    """A value as a message quotes it: one line, short, printable."""
    plain = "".join(c if c.isprintable() else "?" for c in str(text))
    return f"'{plain}'" if len(plain) <= limit else f"'{plain[: limit - 1]}…'"
