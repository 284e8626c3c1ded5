"""Passwords: which are taken, how they are kept, and what comparing one may cost.

NIST SP 800-63B: a length, a list of those that everybody uses, no rules about their composition.
RFC 9106: argon2id, its second recommended set of parameters (3 passes, 64 MiB, 4 lanes).
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from api.problems import Overloaded
from infra.secrets import Secret

T = TypeVar("T")

__all__ = ["MAX_LENGTH", "MIN_LENGTH", "Passwords", "random_password", "refusal"]

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256

AT_ONCE: Final = 2
"""Comparisons at a time, each 64 MiB and some 50 ms: log-ins cannot eat the machine."""
WAITING: Final = 32
"""As many more may wait; then it is said that too many do."""

ALPHABET: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what is mixed up when it is read from a terminal: 0 O 1 l I o."""

COMMON: Final = frozenset(
    Path(__file__).with_name("common.txt").read_text(encoding="utf-8").split()
)
"""Of those with 12 characters or more, the ones that lists of leaked passwords begin with."""

ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
)


def normal(password: str) -> str:
    """As it is hashed: typed on another keyboard it is the same (SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def refusal(password: str, name: str) -> str | None:
    """Why a password is not taken, for a person; None where it is. name: whose it would be."""
    given = normal(password)
    if len(given) < MIN_LENGTH:
        return f"has to have {MIN_LENGTH} characters at least"
    if len(given) > MAX_LENGTH:
        return f"has to have {MAX_LENGTH} characters at most"
    folded = given.casefold()
    for word in (name.casefold(), name.casefold().partition("@")[0], "watchfloor"):
        # What is left of it beside the name has to be a password's half at least.
        if len(word) >= 3 and len(folded.replace(word, "")) < MIN_LENGTH // 2:
            return "is little more than a name"
    if folded in COMMON or folded.rstrip("!?.") in COMMON:
        return "is among those that everybody uses"
    if _repeats(folded) or any(folded in row * 2 or folded[::-1] in row * 2 for row in ROWS):
        return "is a row of the keyboard, or one piece again and again"
    return None


def _repeats(text: str) -> bool:
    """Whether the whole is a piece of at most half of it, again and again."""
    return any(
        text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 2 + 1)
    )


def random_password() -> str:
    """20 characters: 116 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(20))


class Passwords:
    """Hashes and compares, in threads of its own and few at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0
        self._nobodys: str | None = None

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> Secret:
        """The hash to keep. Raises Overloaded."""
        return Secret(await self._run(self._hasher.hash, normal(password)))

    async def matches(self, kept: Secret | None, password: str) -> bool:
        """Whether it is that password; without one to compare it costs the same time.

        Raises Overloaded where too many wait.
        """
        if self._nobodys is None:
            self._nobodys = await self._run(self._hasher.hash, secrets.token_urlsafe(16))
        against = self._nobodys if kept is None else kept.reveal()
        same = await self._run(self._compare, against, normal(password[: MAX_LENGTH + 1]))
        return same and kept is not None

    def outdated(self, kept: Secret) -> bool:
        """Whether it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept.reveal())

    def _compare(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *given: str) -> T:
        if self._waiting >= AT_ONCE + WAITING:
            raise Overloaded(WAITING, "passwords wait to be compared")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *given)
        finally:
            self._waiting -= 1
