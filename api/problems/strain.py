"""What is needed is away, or busy."""

from __future__ import annotations

from api.problems.problem import Problem

__all__ = [
    "BlobUnavailable",
    "BrokerUnavailable",
    "DatabaseUnavailable",
    "NotReady",
    "Overloaded",
    "TooManyBacktests",
    "TooManyExports",
    "TooManyOnboardings",
    "TooManyRequests",
    "TooManyScans",
]


class DatabaseUnavailable(Problem):
    """PostgreSQL does not answer."""

    status = 503
    code = "database-unavailable"
    title = "The database does not answer"
    meaning = "Queries wait for the database; the pipeline itself goes on without it."

    def __init__(self) -> None:
        super().__init__(
            "The database does not answer; the pipeline goes on. Try again.",
            headers={"Retry-After": "5"},
        )


class BlobUnavailable(Problem):
    """The blob store does not answer."""

    status = 503
    code = "pictures-unavailable"
    title = "The store of pictures does not answer"
    meaning = "The picture is known, and its store cannot be read now."

    def __init__(self) -> None:
        super().__init__(
            "The store of pictures does not answer. Try again.", headers={"Retry-After": "5"}
        )


class BrokerUnavailable(Problem):
    """Kafka did not confirm."""

    status = 503
    code = "broker-unavailable"
    title = "The broker did not confirm"
    meaning = (
        "What was sent was not confirmed by Kafka. Send it again: the same event with the same id "
        "counts once."
    )

    def __init__(self) -> None:
        super().__init__(
            "Kafka did not confirm in time. Send it again; the same id counts once.",
            headers={"Retry-After": "5"},
        )


class TooManyRequests(Problem):
    """More than one may ask."""

    status = 429
    code = "too-many-requests"
    title = "Too many requests"
    meaning = (
        "A token, or an address, asked more often than its class of requests allows in a minute. "
        "`Retry-After` says when there is room again; `RateLimit` and `RateLimit-Policy` on each "
        "answer say what is left."
    )

    def __init__(self, kind: str, seconds: int) -> None:
        super().__init__(
            f"Too many requests of the class {kind!r}; there is room again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )


class NotReady(Problem):
    """The server is still reading what it needs."""

    status = 503
    code = "not-ready"
    title = "Not ready yet"
    meaning = "The server has not yet read the sites' configuration; try again in a moment."

    def __init__(self, what: str) -> None:
        super().__init__(what, headers={"Retry-After": "2"})


class Overloaded(Problem):
    """Too many wait already."""

    status = 503
    code = "overloaded"
    title = "Too many requests wait already"
    meaning = "As many requests as this server holds wait already; try again."

    def __init__(self, limit: int, what: str = "events wait for their decision") -> None:
        super().__init__(
            f"{limit} {what} already; try again.",
            headers={"Retry-After": "5"},
        )


class TooManyBacktests(Problem):
    """As many wait as are taken."""

    status = 503
    code = "too-many-backtests"
    title = "Too many backtests wait already"
    meaning = "One backtest runs at a time, and few may wait; ask again when one is done."

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} backtests are under way already; ask again when one is done.",
            headers={"Retry-After": "30"},
        )


class TooManyExports(Problem):
    """As many run as are allowed."""

    status = 503
    code = "too-many-exports"
    title = "Too many exports run already"
    meaning = "Few exports run at a time; ask again when one is done."

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} exports run already; ask again when one is done.",
            headers={"Retry-After": "10"},
        )


class TooManyScans(Problem):
    """As many run as are allowed."""

    status = 503
    code = "too-many-scans"
    title = "Too many scans run already"
    meaning = "Few scans run at a time, so that networks take it; ask again when one is done."

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} scans run already; ask again when one is done.",
            headers={"Retry-After": "10"},
        )


class TooManyOnboardings(Problem):
    """As many are under way as are allowed."""

    status = 503
    code = "too-many-onboardings"
    title = "Too many devices are being taken on already"
    meaning = "Few devices are taken on at a time; ask again when one is done."

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} devices are being taken on already; ask again when one is done.",
            headers={"Retry-After": "10"},
        )
