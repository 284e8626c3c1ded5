"""A change that does not go with what is there."""

from __future__ import annotations

from datetime import datetime

from api.problems.problem import Problem

__all__ = [
    "AnswerNotKept",
    "Conflict",
    "DocumentChanged",
    "KeyInProgress",
    "KeyReused",
    "NotOnboarded",
    "PreconditionRequired",
    "SiteAmbiguous",
]


class Conflict(Problem):
    """It cannot be done as things stand."""

    status = 409
    code = "conflict"
    title = "That cannot be done as things stand"
    meaning = "`detail` says what stands in the way: a name that is taken, the last administrator."


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


class KeyReused(Problem):
    """A key that was used for something else."""

    status = 422
    code = "idempotency-key-reused"
    title = "The key was used for another request"
    meaning = (
        "`Idempotency-Key` names one write of one sender at one address, for a day. The same key "
        "came with another body: take a new key for a new write."
    )

    def __init__(self) -> None:
        super().__init__("The Idempotency-Key was used here with another body.")


class KeyInProgress(Problem):
    """The first request under the key is not over."""

    status = 409
    code = "idempotency-in-progress"
    title = "The same request is under way"
    meaning = "A request with this `Idempotency-Key` is under way; ask again for its answer."

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key is under way.",
            headers={"Retry-After": "1"},
        )


class AnswerNotKept(Problem):
    """Done before, and its answer was for the first time only."""

    status = 409
    code = "idempotency-answer-not-kept"
    title = "It was done before"
    meaning = (
        "The write with this `Idempotency-Key` was done. Its answer is not kept, for it may hold a "
        "secret that is told once, or is too large."
    )

    def __init__(self, first: int) -> None:
        super().__init__(f"It was done before, and answered with {first}.")


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
