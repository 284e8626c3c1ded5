"""Matchers over labels: `name="value"`, `!=`, `=~`, `!~`, as Alertmanager writes them.

Expressions are RE2's, which takes time linear in the text whatever the expression: a document
must not be able to stop a partition. It has no back-references and no look-around. An expression
matches the whole value, and a label that is absent is the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import re2

from schemas.base import SchemaError

__all__ = ["LABEL_NAME", "Matcher", "parse_matcher"]

LABEL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", re.ASCII)
MAX_EXPRESSION: Final = 400
MAX_PROGRAM: Final = 2_000
"""RE2's instructions: nested repeats such as `(a{1,100}){1,100}` grow by multiplying."""

_SHAPE: Final = re.compile(
    r'\s*(?P<name>[^\s=!~"]{1,64})\s*(?P<op>=~|!~|!=|=)\s*"(?P<value>(?:[^"\\]|\\.){0,500})"\s*',
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True)
class Matcher:
    """One matcher. op: `=`, `!=`, `=~` or `!~`; value: unescaped."""

    name: str
    op: str
    value: str
    _compiled: Any = field(default=None, repr=False, compare=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels satisfy it."""
        given = labels.get(self.name, "")
        if self._compiled is None:
            return (given == self.value) is (self.op == "=")
        return (self._compiled.fullmatch(given) is not None) is (self.op == "=~")


@lru_cache(maxsize=4096)
def parse_matcher(text: str) -> Matcher:
    """The matcher that `text` describes.

    Raises SchemaError where it is none, or its expression does not compile or is too large.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise SchemaError('is no matcher; write name="value", with !=, =~ or !~ for =')
    name, op = found["name"], found["op"]
    if not LABEL_NAME.fullmatch(name):
        raise SchemaError("does not begin with a label's name: letters, digits, '_', '-' and '.'")
    # Only a quote and a backslash need escaping; the rest of a backslash is the expression's.
    value = re.sub(r'\\(["\\])', r"\1", found["value"]) if op in {"=", "!="} else found["value"]
    if op in {"=", "!="}:
        return Matcher(name, op, value)
    value = value.replace('\\"', '"')
    return Matcher(name, op, value, _compile(value))


def _compile(expression: str) -> Any:
    if len(expression) > MAX_EXPRESSION:
        raise SchemaError(
            f"has an expression of {len(expression)} characters; at most {MAX_EXPRESSION}"
        )
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        compiled = re2.compile(expression, options)
    except UnicodeEncodeError as error:
        raise SchemaError("has an expression that is no text in UTF-8") from error
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise SchemaError(
            f"has an expression that does not compile: {shown} (RE2: no back-references, no "
            "look-around)"
        ) from error
    if compiled.programsize > MAX_PROGRAM:
        raise SchemaError("has an expression whose repeats multiply; write a simpler one")
    return compiled
