"""What a release must hold, of what can be seen without starting anything."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["CHECKS", "verify"]


def _locks() -> list[str]:
    from infra.packages import lock_problems

    return lock_problems()


def _packages() -> list[str]:
    from infra.packages import LOCKS, installed_problems

    return installed_problems(LOCKS / "runtime.txt")


def _schemas() -> list[str]:
    from schemas.publish import check

    return check()


def _topics() -> list[str]:
    from topics.plan import check_declarations

    return check_declarations()


def _asyncapi() -> list[str]:
    from topics.asyncapi import check

    return check()


def _settings() -> list[str]:
    from infra.settings import Settings

    return [
        f"{item['name']} has no documentation"
        for item in Settings().described()
        if not item["doc"].strip()
    ]


def _migrations() -> list[str]:
    from infra.db.migrate import known

    versions = known()
    if not versions:
        return ["there are none"]
    wanted = [f"{number:04d}" for number in range(1, len(versions) + 1)]
    return [] if versions == wanted else [f"versions are {', '.join(versions)}: not 0001 and on"]


def _queries() -> list[str]:
    from infra.queries import query_problems

    return query_problems()


def _commands() -> list[str]:
    from infra.cli.frame import COMMANDS, load

    problems = []
    for name, lazy in COMMANDS.items():
        if importlib.util.find_spec(lazy.module) is None:
            problems.append(f"{name} is listed and {lazy.module} is missing")
            continue
        if not load(name).help:
            problems.append(f"{name} has no help")
    return problems


CHECKS: Final[dict[str, Callable[[], list[str]]]] = {
    "locks": _locks,
    "packages": _packages,
    "schemas": _schemas,
    "topics": _topics,
    "asyncapi": _asyncapi,
    "settings": _settings,
    "migrations": _migrations,
    "queries": _queries,
    "commands": _commands,
}


def verify() -> Iterator[tuple[str, list[str]]]:
    """Each check's name and its problems, a sentence each; none where it holds."""
    for name, check in CHECKS.items():
        yield name, check()
