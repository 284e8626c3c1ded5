"""What other services ask to be told, and what they are answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from api.query import CLEAN
from schemas.base import ID_PATTERN, Severity
from schemas.notification import NotifyStatus

__all__ = ["NotifyAnswer", "NotifyBody", "NotifyOutcome", "PreviewBody", "PreviewView"]

Id = Annotated[
    str,
    Meta(
        pattern=ID_PATTERN + r"(?!\n)",
        max_length=63,
        description="1 to 63 of A-Z a-z 0-9 . _ -, a letter or digit first",
    ),
]
Word = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=63,
        pattern=CLEAN,
        description="1 to 63 characters, none of them a control character",
    ),
]
Grade = Annotated[Severity, Meta(description="critical, high, medium, low or info")]


class NotifyBody(Struct, frozen=True, kw_only=True):
    """Something to be told. receiver: the root route's, where it is left out."""

    site_id: Id
    title: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            pattern=CLEAN,
            description="1 to 200 characters of one line",
        ),
    ]
    text: Annotated[str, Meta(max_length=2000, description="at most 2000 characters")] = ""
    severity: Grade = Severity.INFO
    receiver: Word | None = None
    link: (
        Annotated[
            str,
            Meta(
                max_length=2000,
                pattern=r"^https?://[^\x00-\x20\x7f]+$(?!\n)",
                description="an http(s) URL",
            ),
        ]
        | None
    ) = None
    source: Word | None = None


class NotifyOutcome(StrEnum):
    """What came of it."""

    SENT = "sent"
    FAILED = "failed"
    ACCEPTED = "accepted"
    """It is safe, and its first pass is not over yet."""


class NotifyAnswer(Struct, frozen=True, kw_only=True):
    """The outcome of the first pass. retrying: it is tried again until `retry_for` is over."""

    notification_id: str
    site_id: str
    receiver: str
    result: NotifyOutcome
    channel: str | None = None
    reason: str | None = None
    error: str | None = None
    retrying: bool = False


class PreviewBody(Struct, frozen=True, kw_only=True):
    """What to show. subject, text, html: a template to try in place of the document's."""

    receiver: Word
    site_id: Id | None = None
    channel: Word | None = None
    language: Annotated[str, Meta(max_length=35, pattern=CLEAN)] | None = None
    severity: Grade = Severity.HIGH
    status: NotifyStatus = NotifyStatus.FIRING
    kind: Word = "alert"
    alerts: Annotated[int, Meta(ge=1, le=200, description="a number from 1 to 200")] = 3
    subject: Annotated[str, Meta(max_length=500)] | None = None
    text: Annotated[str, Meta(max_length=8000)] | None = None
    html: Annotated[str, Meta(max_length=8000)] | None = None


class PreviewView(Struct, frozen=True, kw_only=True):
    """What one channel would be told."""

    channel: str
    kind: str
    language: str
    subject: str
    text: str
    html: str
    messages: tuple[dict[str, Any], ...] = ()
