"""Every error that a client sees is a problem document (RFC 9457), and comes from here.

A subclass takes typed arguments and builds its own sentence. Its `type` is a path of this API that
says what the problem means (`GET /v1/problems/{code}`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final

import msgspec
from fastapi import Response
from msgspec import Struct

__all__ = [
    "PROBLEMS",
    "BadCredentials",
    "BadCursor",
    "BeyondOwn",
    "BlobUnavailable",
    "BodyTimeout",
    "BodyTooDeep",
    "BodyTooLarge",
    "BrokerUnavailable",
    "Conflict",
    "CrossOrigin",
    "DatabaseUnavailable",
    "DocumentChanged",
    "FieldError",
    "Forbidden",
    "Invalid",
    "LockedOut",
    "MalformedBody",
    "MethodNotAllowed",
    "MisdirectedHost",
    "MissingScope",
    "NoRoute",
    "NotFound",
    "NotOnboarded",
    "NotReady",
    "OtpRequired",
    "Overloaded",
    "PreconditionRequired",
    "Problem",
    "ProblemDocument",
    "SignInAgain",
    "SiteAmbiguous",
    "TooManyBacktests",
    "TooManyOnboardings",
    "TooManyScans",
    "Unauthenticated",
    "UnsupportedMediaType",
    "UsersOnly",
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
    """A Host header that is not this machine's loopback."""

    status = 421
    code = "misdirected-host"
    title = "This server does not answer for that host"
    meaning = (
        "Until there are accounts, the API answers on loopback only, and only to a Host header "
        "that names loopback: a foreign name there is how a web page reaches a local service."
    )


class CrossOrigin(Problem):
    """A web page of another origin asked."""

    status = 403
    code = "cross-origin"
    title = "Asked by a page of another origin"
    meaning = "Only the pages that this server serves itself may change things or open the stream."


class Forbidden(Problem):
    """Who asks may not."""

    status = 403
    code = "forbidden"
    title = "Not allowed"
    meaning = (
        "The address is for services on this machine that send the secret `internal-notify` as "
        "`Authorization: Bearer TOKEN`."
    )


class Unauthenticated(Problem):
    """Nobody says who asks, or not so that it is believed."""

    status = 401
    code = "unauthenticated"
    title = "Who asks?"
    meaning = (
        "Sign in (`POST /v1/auth/token`), or send a token as `Authorization: Bearer TOKEN`. One "
        "that has expired or was revoked is none; a session's is renewed by its refresh token."
    )

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class MissingScope(Problem):
    """Who asks is known, and may not do that."""

    status = 403
    code = "missing-scope"
    title = "Not allowed"
    meaning = (
        "The address needs a scope that this role or token does not have; `detail` names it. "
        "An administrator gives roles and makes tokens."
    )

    def __init__(self, scope: str) -> None:
        super().__init__(f"That needs the scope {scope}.")


class BadCredentials(Problem):
    """A name, password, code or token that lets nobody in. Which of them, is not said."""

    status = 401
    code = "bad-credentials"
    title = "That does not let you in"
    meaning = (
        "The name, the password, the code or the refresh token is not right, or it is used up, or "
        "the account is disabled. Which of them, is not said."
    )

    def __init__(self) -> None:
        super().__init__(
            "The name, the password, the code or the token is not right.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class OtpRequired(Problem):
    """The password is right, and the account has a second factor."""

    status = 401
    code = "otp-required"
    title = "A code is wanted as well"
    meaning = (
        "The account has a second factor: send the same again with `otp`, the six digits that the "
        "app shows, or a recovery code."
    )

    def __init__(self) -> None:
        super().__init__(
            "The account has a second factor; send `otp` as well.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class LockedOut(Problem):
    """Too many sign-ins failed; the next one waits."""

    status = 429
    code = "locked"
    title = "Too many sign-ins failed"
    meaning = (
        "Sign-ins that fail make the next one wait: per account and address, per address, and per "
        "account. `Retry-After` says how long, in seconds. `watchfloor user reset NAME` at the "
        "console ends it at once."
    )

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many sign-ins failed; try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )


class Conflict(Problem):
    """It cannot be done as things stand."""

    status = 409
    code = "conflict"
    title = "That cannot be done as things stand"
    meaning = "`detail` says what stands in the way: a name that is taken, the last administrator."


class BeyondOwn(Problem):
    """Somebody would give, or change, more than they have themselves."""

    status = 403
    code = "beyond-own-rights"
    title = "That is more than you may do yourself"
    meaning = (
        "Nobody gives scopes, a role or sites that they do not have, or changes somebody who has "
        "more."
    )


class UsersOnly(Problem):
    """A service token asks for what only people have."""

    status = 403
    code = "users-only"
    title = "Only for people who have signed in"
    meaning = "A service token has no password, no second factor and no sessions."

    def __init__(self) -> None:
        super().__init__("That is for people who have signed in; a service token is none.")


class SignInAgain(Problem):
    """Something that only a fresh sign-in may do."""

    status = 403
    code = "sign-in-again"
    title = "Sign in again first"
    meaning = (
        "A second factor is only taken away within 15 minutes of a sign-in, so that a screen that "
        "was left alone is not enough for it."
    )


class SiteAmbiguous(Problem):
    """No site named, and the zone or device does not tell it."""

    status = 409
    code = "site-ambiguous"
    title = "The site is not clear"
    meaning = "Name `site_id`: the zone (or device) exists at several sites, or at none."


class PreconditionRequired(Problem):
    """A change of a document that does not say which revision it was made of."""

    status = 428
    code = "precondition-required"
    title = "Say which revision was changed"
    meaning = (
        "Send `If-Match` with the ETag of the document that was read, so that nobody else's change "
        "is lost; `*` is not taken."
    )

    def __init__(self) -> None:
        super().__init__("Send If-Match with the ETag of the document that was read.")


class DocumentChanged(Problem):
    """Somebody else saved first."""

    status = 412
    code = "document-changed"
    title = "Somebody else changed the document meanwhile"
    meaning = (
        "The document is not the one that was read; nothing was saved. Read it again, and change "
        "that one: `GET` gives it, and its history says what was changed."
    )

    def __init__(self, revision: int, author: str, at: datetime | None) -> None:
        when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""
        said = f"Revision {revision}, by {author}{when}," if revision else "No revision"
        super().__init__(
            f"{said} is the newest one, and not the one that was changed; nothing was saved.",
            headers={"ETag": f'"{revision}"'},
        )


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


class NotOnboarded(Problem):
    """A device that could not be taken on."""

    status = 400
    code = "not-onboarded"
    title = "The device was not taken on"
    meaning = (
        "`step` says at what it failed: address, information, profiles, channels, stream or "
        "document; `fault` names the failure, as those of polls are named (bad_credentials, "
        "unreachable, refused, timeout, garbage, no_stream, forbidden_address, ...). Nothing was "
        "changed. A log-in that was refused is not sent again for 5 min."
    )

    def __init__(self, step: str, fault: str, detail: str) -> None:
        said = f"{step}: {fault}: {detail}" if detail else f"{step}: {fault}"
        super().__init__(said[:1000], step=step, fault=fault)


def _tree(root: type[Problem]) -> dict[str, type[Problem]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


PROBLEMS: Final[Mapping[str, type[Problem]]] = _tree(Problem)
"""Every problem by its code."""


def respond(problem: Problem) -> Response:
    """The problem as a response."""
    return Response(
        msgspec.json.encode(problem.document),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )
