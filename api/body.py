"""A request's body, which is hostile until shown otherwise: bounded in size, time and depth."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from fastapi import Request
from msgspec import Struct

from api.problems import (
    BodyTimeout,
    BodyTooDeep,
    BodyTooLarge,
    FieldError,
    Invalid,
    MalformedBody,
    UnsupportedMediaType,
)

__all__ = ["MAX_BYTES", "MAX_DEPTH", "convert", "depth_exceeds", "digest", "parse", "read"]

MAX_BYTES: Final = 1_048_576
MAX_DEPTH: Final = 32
READ_SECONDS: Final = 15.0

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")
_encoder = msgspec.json.Encoder(order="deterministic")

T = TypeVar("T", bound=Struct)


def require_json(content_type: str | None) -> None:
    """Raise UnsupportedMediaType for anything else than JSON.

    A web page of another origin can send other types without asking first; JSON it cannot.
    """
    kind = (content_type or "").split(";", 1)[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise UnsupportedMediaType("Send the body with Content-Type: application/json.")


async def collect(chunks: AsyncIterator[bytes], *, limit: int) -> bytes:
    """All chunks together; raises BodyTooLarge at the first one that passes `limit` bytes."""
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise BodyTooLarge(limit)
        body += chunk
    return bytes(body)


async def read(
    request: Request,
    *,
    limit: int = MAX_BYTES,
    seconds: float = READ_SECONDS,
    require: Callable[[str | None], None] = require_json,
) -> bytes:
    """The body of a JSON request; require: refuses a content type that is not taken.

    Raises UnsupportedMediaType, BodyTooLarge (also before reading, by Content-Length) and
    BodyTimeout.
    """
    require(request.headers.get("content-type"))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise BodyTooLarge(limit)
    try:
        async with asyncio.timeout(seconds):
            return await collect(request.stream(), limit=limit)
    except TimeoutError as error:
        raise BodyTimeout(seconds) from error


def depth_exceeds(body: bytes, limit: int) -> bool:
    """Whether valid JSON is nested deeper than `limit`.

    Strings are taken out, what is left is reduced to brackets, and each pass takes the innermost
    pairs away: the number of passes is the depth. All of it runs in C, so that a megabyte of
    brackets costs milliseconds.
    """
    left = _STRINGS.sub(b"", body).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(limit):
        if not left:
            return False
        left = left.replace(b"[]", b"")
    return bool(left)


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises MalformedBody or BodyTooDeep."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not JSON in UTF-8: {str(error)[:200]}.") from error
    except RecursionError as error:
        raise BodyTooDeep(f"The body is nested deeper than {MAX_DEPTH}.") from error
    if not isinstance(value, dict):
        raise MalformedBody("The body has to be a JSON object.")
    if depth_exceeds(body, MAX_DEPTH):
        raise BodyTooDeep(f"The body is nested deeper than {MAX_DEPTH}.")
    return value


def digest(value: Mapping[str, Any]) -> str:
    """A hash that does not depend on the order of fields or on white space."""
    return hashlib.sha256(_encoder.encode(value)).hexdigest()


def convert(value: Mapping[str, Any], as_: type[T]) -> T:
    """The struct in `value`. Raises Invalid, which names every wrong field and what is allowed.

    Fields that the struct does not have are left out, unless it forbids them.
    """
    try:
        return msgspec.convert(value, as_)
    except msgspec.ValidationError as error:
        # No field on its own is wrong where a struct forbids one that it does not have.
        errors = _errors(value, as_) or [FieldError(field="body", detail=str(error)[:300])]
    except RecursionError as error:
        raise BodyTooDeep(f"The body is nested deeper than {MAX_DEPTH}.") from error
    raise Invalid(errors)


def _errors(value: Mapping[str, Any], as_: type[Struct]) -> list[FieldError]:
    """Each field on its own, because msgspec stops at the first mistake."""
    hints = get_type_hints(as_, include_extras=True)
    errors = []
    for field in msgspec.structs.fields(as_):
        name = field.encode_name
        if name not in value:
            if field.required:
                errors.append(FieldError(field=f"body.{name}", detail="is required"))
            continue
        try:
            msgspec.convert(value[name], hints[field.name])
        except msgspec.ValidationError as error:
            errors.append(_explain(name, str(error), _description(hints[field.name])))
    return errors


def _explain(name: str, message: str, allowed: str | None) -> FieldError:
    detail, _, path = message.partition(" - at `$")
    if allowed is not None:
        # A regular expression tells a person nothing.
        plain = "" if " matching regex " in detail else f"{detail}; "
        detail = f"{plain}has to be {allowed}"
    return FieldError(field=f"body.{name}{path.rstrip('`')}"[:200], detail=detail[:300])


def _description(hint: Any) -> str | None:
    """What a field's type says about itself, for a person."""
    if get_origin(hint) not in (Annotated, Union, UnionType):
        return None
    for part in get_args(hint):
        found = part.description if isinstance(part, msgspec.Meta) else _description(part)
        if found is not None:
            return found
    return None
