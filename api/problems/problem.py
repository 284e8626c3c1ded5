"""What a problem is, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import msgspec
from fastapi import Response
from msgspec import Struct

__all__ = [
    "FieldError",
    "Problem",
    "ProblemDocument",
    "respond",
]

MEDIA_TYPE: Final = "application/problem+json"


class FieldError(Struct, frozen=True, kw_only=True):
    """One field that is wrong. field: where, for example `body.confidence` or `query.limit`."""

    field: str
    detail: str


class ProblemDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. errors: the wrong fields of a 422. sites: among which a 409 asks to choose.

    instance: names this occurrence in the log, for a 500. step, fault: at what taking a device on
    failed, and the failure's name.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()
    sites: tuple[str, ...] = ()
    step: str | None = None
    fault: str | None = None


class Problem(Exception):
    """Something that a client is told. meaning: what the problem's own page says."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong here"
    meaning: ClassVar[str] = (
        "A defect of this server. `instance` names the entry in its log; nothing else is told."
    )

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        sites: Sequence[str] = (),
        instance: str | None = None,
        headers: Mapping[str, str] | None = None,
        step: str | None = None,
        fault: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})
        self.document = ProblemDocument(
            type=f"/v1/problems/{self.code}",
            title=self.title,
            status=self.status,
            detail=detail,
            instance=instance,
            errors=tuple(errors),
            sites=tuple(sites),
            step=step,
            fault=fault,
        )


def respond(problem: Problem) -> Response:
    """The problem as a response."""
    return Response(
        msgspec.json.encode(problem.document),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )
