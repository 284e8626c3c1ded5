"""Who asks is not known, or may not."""

from __future__ import annotations

from api.problems.problem import Problem

__all__ = [
    "BadCredentials",
    "BeyondOwn",
    "Forbidden",
    "LockedOut",
    "MissingScope",
    "OtpRequired",
    "SignInAgain",
    "SiteBound",
    "Unauthenticated",
    "UsersOnly",
]


class Forbidden(Problem):
    """Who asks may not."""

    status = 403
    code = "forbidden"
    title = "Not allowed"
    meaning = (
        "The secret `internal-notify` is for services on this machine; from elsewhere it takes a "
        "service token with the scope notify:write."
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


class SiteBound(Problem):
    """Who asks sees some sites, and the address is about all of them."""

    status = 403
    code = "site-bound"
    title = "Only for those who see every site"
    meaning = (
        "The address tells of networks or of the whole server, which belong to no one site. It is "
        "for users and tokens that are not bound to some sites."
    )

    def __init__(self) -> None:
        super().__init__("That is about every site, and this user or token is bound to some.")


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
