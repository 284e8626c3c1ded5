"""Typed keys of tables: as text in the store and on the changelog, in the order of their values.

A key is a str, which stays as it is, or a tuple or a frozen msgspec Struct of str, int, bool,
datetime, enums of str or int, and of tuples and Structs of these. The texts of two keys compare, by
code points and so by the bytes of their UTF-8, as the keys do field by field; enums by their
values, datetimes by their instants. Where the first fields are the same, rows lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

__all__ = ["decode_key", "encode_key"]

SEPARATOR: Final = "\x01"
ESCAPE: Final = "\x02"
"""Comes before what a text cannot have: whatever is not above it, moved up by `SHIFT`."""
SHIFT: Final = 0x30
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST_DIGITS: Final = 98

Leaf = Callable[[Any], str]


class _Codec(NamedTuple):
    """encode: a key's texts, one a field. decode: the key, from an iterator over them."""

    encode: Callable[[Any], Iterator[str]]
    decode: Callable[[Iterator[str]], Any]


def encode_key(kind: Any, key: Any) -> str:
    """The text of a key of that type.

    Raises TypeError where the type cannot be a key, or the key is of another; ValueError for an
    int of more than 98 digits, and a datetime without a timezone.
    """
    if kind is str:
        if type(key) is not str:
            raise TypeError(f"the key is {key!r}, a str is wanted")
        return key
    return SEPARATOR.join(_codec(kind).encode(key))


def decode_key(kind: Any, text: str) -> Any:
    """The key that `encode_key` made the text of. Raises ValueError where it made none such."""
    if kind is str:
        return text
    parts = iter(text.split(SEPARATOR))
    try:
        key = _codec(kind).decode(parts)
    except (IndexError, StopIteration, OverflowError) as error:
        raise ValueError(f"{text!r} is no key of {kind}") from error
    if encode_key(kind, key) != text:
        raise ValueError(f"{text!r} is no key of {kind}")
    return key


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c > ESCAPE else ESCAPE + chr(ord(c) + SHIFT) for c in text)


def _unescape(text: str) -> str:
    first, *rest = text.split(ESCAPE)
    return first + "".join(chr(ord(part[0]) - SHIFT) + part[1:] for part in rest)


def _int(number: int) -> str:
    """Digits after how many they are; of a negative number both turned round."""
    digits = str(abs(number))
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a key has an int of {len(digits)} digits")
    if number >= 0:
        return f"p{len(digits):02d}{digits}"
    turned = "".join(str(9 - int(digit)) for digit in digits)
    return f"n{99 - len(digits):02d}{turned}"


def _number(text: str) -> int:
    digits = text[3:]
    if text[:1] == "p":
        return int(digits)
    if text[:1] == "n":
        return -int("".join(str(9 - int(digit)) for digit in digits))
    raise ValueError(f"{text!r} is no int of a key")


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a key has a datetime without a timezone")
    return _int((at - EPOCH) // timedelta(microseconds=1))


@cache
def _codec(kind: Any) -> _Codec:
    if get_origin(kind) is tuple:
        return _compound(get_args(kind), tuple, tuple, kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if not kind.__struct_config__.frozen:
            raise TypeError(f"{kind.__name__} is no key: it is not frozen")
        hints = get_type_hints(kind)
        names = kind.__struct_fields__
        return _compound(
            [hints[name] for name in names],
            lambda key: [getattr(key, name) for name in names],
            lambda values: kind(**dict(zip(names, values, strict=True))),
            kind,
        )
    encode, decode = _leaf(kind)
    exact = kind

    def one(key: Any) -> Iterator[str]:
        if not isinstance(key, exact) or (exact is int and isinstance(key, bool)):
            raise TypeError(f"a field of a key is {key!r}, {exact.__name__} is wanted")
        yield encode(key)

    return _Codec(one, lambda parts: decode(next(parts)))


def _compound(
    kinds: Sequence[Any],
    values: Callable[[Any], Sequence[Any]],
    make: Callable[[Sequence[Any]], Any],
    kind: Any,
) -> _Codec:
    if not kinds or Ellipsis in kinds:
        raise TypeError(f"{kind} is no key: it has no fields, or any number of them")
    codecs = [_codec(field) for field in kinds]

    def encode(key: Any) -> Iterator[str]:
        if not isinstance(key, get_origin(kind) or kind):
            raise TypeError(f"the key is {key!r}, {kind} is wanted")
        for codec, value in zip(codecs, values(key), strict=True):
            yield from codec.encode(value)

    return _Codec(encode, lambda parts: make([codec.decode(parts) for codec in codecs]))


def _leaf(kind: Any) -> tuple[Leaf, Callable[[str], Any]]:
    if kind is str:
        return _escape, _unescape
    if kind is bool:
        return (lambda key: "1" if key else "0"), _bool
    if kind is int:
        return _int, _number
    if kind is datetime:
        return _instant, lambda text: EPOCH + timedelta(microseconds=_number(text))
    if isinstance(kind, type) and issubclass(kind, Enum):
        if issubclass(kind, str):
            return (lambda key: _escape(str(key.value))), lambda text: kind(_unescape(text))
        if issubclass(kind, int):
            return (lambda key: _int(int(key.value))), lambda text: kind(_number(text))
    raise TypeError(f"{kind} cannot be in a key")


def _bool(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{text!r} is no bool of a key")
    return text == "1"
