"""What is wrong with a request, whoever sends it."""

from __future__ import annotations

from collections.abc import Sequence

from api.problems.problem import FieldError, Problem

__all__ = [
    "BadCursor",
    "BodyTimeout",
    "BodyTooDeep",
    "BodyTooLarge",
    "CrossOrigin",
    "Invalid",
    "MalformedBody",
    "MethodNotAllowed",
    "MisdirectedHost",
    "NoRoute",
    "NotFound",
    "UnsupportedMediaType",
]


class NotFound(Problem):
    """There is no such thing, or not among the sites asked for."""

    status = 404
    code = "not-found"
    title = "Not found"
    meaning = "There is no such thing at that address, or not at a site that you may see."

    def __init__(self, kind: str, name: str, hint: str | None = None) -> None:
        super().__init__(f"There is no {kind} {name!r}." + (f" {hint}" if hint else ""))


class NoRoute(Problem):
    """No such address."""

    status = 404
    code = "no-such-address"
    title = "No such address"
    meaning = "Nothing is served at that address; /openapi.json lists what there is."

    def __init__(self, path: str) -> None:
        super().__init__(f"Nothing is served at {path[:200]!r}; /openapi.json lists what there is.")


class MethodNotAllowed(Problem):
    """The address is right, the method is not."""

    status = 405
    code = "method-not-allowed"
    title = "Method not allowed"
    meaning = "The address does not take that method; the header Allow names those it takes."


class Invalid(Problem):
    """Fields that are not what they must be."""

    status = 422
    code = "invalid"
    title = "Some fields are not right"
    meaning = "`errors` names each wrong field and what is allowed in it."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(
            "; ".join(f"{e.field}: {e.detail}" for e in errors[:5])[:1000], errors=errors[:50]
        )


class BadCursor(Problem):
    """A cursor that this query did not hand out."""

    status = 400
    code = "bad-cursor"
    title = "This cursor is not of this query"
    meaning = (
        "A cursor goes on with the query that handed it out: with the same filters and the same "
        "sort. Without a cursor the query starts at its first page."
    )


class MalformedBody(Problem):
    """A body that is no JSON object."""

    status = 400
    code = "malformed-body"
    title = "The body is not a JSON object"
    meaning = "The body has to be one JSON object in UTF-8."


class BodyTooDeep(Problem):
    """A body nested too deep."""

    status = 400
    code = "body-too-deep"
    title = "The body is nested too deep"
    meaning = "Objects and lists may be nested 32 deep."


class BodyTooLarge(Problem):
    """A body above the bound."""

    status = 413
    code = "body-too-large"
    title = "The body is too large"
    meaning = "The body is refused as soon as it passes the bound; nothing of it was taken."

    def __init__(self, limit: int) -> None:
        # The rest of the body is not read, so the connection cannot be used again.
        super().__init__(f"A body may have {limit} bytes at most.", headers={"Connection": "close"})


class BodyTimeout(Problem):
    """A body that does not arrive."""

    status = 408
    code = "body-timeout"
    title = "The body did not arrive in time"
    meaning = "The whole body has to arrive within the time stated."

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The whole body has to arrive within {seconds:g} s.", headers={"Connection": "close"}
        )


class UnsupportedMediaType(Problem):
    """A content type that the address does not take."""

    status = 415
    code = "unsupported-media-type"
    title = "The body's type is not taken"
    meaning = (
        "Send `Content-Type: application/json`; /v1/events/cv takes XML, multipart and text too, "
        "as devices send them."
    )


class MisdirectedHost(Problem):
    """A Host header that names nothing that this server is."""

    status = 421
    code = "misdirected-host"
    title = "This server does not answer for that host"
    meaning = (
        "The API answers to a Host header that names loopback, or a host that it is set up for "
        "(`api_allowed_hosts`, else the names in its certificate): a foreign name there is how a "
        "web page reaches a local service."
    )


class CrossOrigin(Problem):
    """A web page of another origin asked."""

    status = 403
    code = "cross-origin"
    title = "Asked by a page of another origin"
    meaning = "Only the pages that this server serves itself may change things or open the stream."
