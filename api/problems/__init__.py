"""Every error that a client sees is a problem document (RFC 9457), and comes from here.

A subclass takes typed arguments and builds its own sentence. Its `type` is a path of this API that
says what the problem means (`GET /v1/problems/{code}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.problems.access import (
    BadCredentials,
    BeyondOwn,
    Forbidden,
    LockedOut,
    MissingScope,
    OtpRequired,
    SignInAgain,
    SiteBound,
    Unauthenticated,
    UsersOnly,
)
from api.problems.changes import (
    AnswerNotKept,
    Conflict,
    DocumentChanged,
    KeyInProgress,
    KeyReused,
    NotOnboarded,
    PreconditionRequired,
    SiteAmbiguous,
)
from api.problems.problem import (
    MEDIA_TYPE,
    FieldError,
    Problem,
    ProblemDocument,
    respond,
)
from api.problems.requests import (
    BadCursor,
    BodyTimeout,
    BodyTooDeep,
    BodyTooLarge,
    CrossOrigin,
    Invalid,
    MalformedBody,
    MethodNotAllowed,
    MisdirectedHost,
    NoRoute,
    NotFound,
    UnsupportedMediaType,
)
from api.problems.strain import (
    BlobUnavailable,
    BrokerUnavailable,
    DatabaseUnavailable,
    NotReady,
    Overloaded,
    TooManyBacktests,
    TooManyExports,
    TooManyOnboardings,
    TooManyRequests,
    TooManyScans,
)

__all__ = [
    "MEDIA_TYPE",
    "PROBLEMS",
    "AnswerNotKept",
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
    "KeyInProgress",
    "KeyReused",
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
    "SiteBound",
    "TooManyBacktests",
    "TooManyExports",
    "TooManyOnboardings",
    "TooManyRequests",
    "TooManyScans",
    "Unauthenticated",
    "UnsupportedMediaType",
    "UsersOnly",
    "respond",
]


def _tree(root: type[Problem]) -> dict[str, type[Problem]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


PROBLEMS: Final[Mapping[str, type[Problem]]] = _tree(Problem)
"""Every problem by its code."""
