"""Templates of notifications: Jinja2 in a sandbox, cut down until time and size are bounded.

Jinja's sandbox keeps a template away from Python's insides, and lets it run for ever or fill the
memory all the same (`'x' * 10**9`, loops in loops). So what a template may be made of is a list:
names, attributes, comparisons, `if`, `for … in alerts`, and filters that make nothing longer. No
calls, no assignments, no macros, no arithmetic, no loop in a loop. The work is then the template's
length times the alerts that are shown: 0.4 s for the worst of 8,000 characters that we could write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

__all__ = [
    "FILTERS",
    "MOST_SHOWN",
    "SAMPLES",
    "AlertView",
    "NoticeView",
    "TemplateError",
    "problem_of",
    "render",
]

MOST_SHOWN: Final = 20
"""Alerts that a template sees; `more` says how many there are beside them."""

MOST_DEPTH: Final = 30
MOST_OUT: Final = 100_000

FILTERS: Final = (
    *("abs", "capitalize", "default", "e", "escape", "first", "int", "last", "length", "lower"),
    *("round", "string", "trim", "truncate", "upper"),
)
"""None makes a text longer than escaping does, and none is slow: no expressions, no parsing."""

_TESTS: Final = ("defined", "undefined", "none", "eq", "ne", "gt", "ge", "lt", "le", "in")
_NODES: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Const, nodes.If, nodes.For, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Neg, nodes.List),
    *(nodes.Tuple, nodes.Keyword),
)


class TemplateError(ValueError):
    """A template that is none, or does not render."""


class AlertView(Struct, frozen=True, kw_only=True):
    """An alert as a template sees it. at: local time of the site, `2026-03-02 10:00:00`."""

    id: str
    title: str
    severity: str
    rank: int
    at: str
    link: str


class NoticeView(Struct, frozen=True, kw_only=True):
    """What a template sees.

    status: `firing` or `resolved`; kind: `alert`, `summary`, `escalation` or `internal`. severity:
    of the worst alert. alerts: the first MOST_SHOWN, the worst first; total counts all, more those
    that are not shown. title, text: of an internal note. words: the language's own.
    """

    status: str
    kind: str
    severity: str
    receiver: str
    site: str
    site_name: str
    language: str
    alerts: tuple[AlertView, ...]
    total: int
    more: int
    title: str
    text: str
    link: str
    words: Mapping[str, str]

    def context(self) -> dict[str, Any]:
        """The names and their values."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def _sample(status: str, kind: str, count: int, total: int) -> NoticeView:
    return NoticeView(
        status=status,
        kind=kind,
        severity="high",
        receiver="soc",
        site="north",
        site_name="North depot",
        language="en",
        alerts=tuple(
            AlertView(
                id=f"alert-{n}",
                title="person at Gate (yard), North depot",
                severity="high",
                rank=70 - n,
                at="2026-03-02 10:00:00",
                link="https://watchfloor.example.org/alert",
            )
            for n in range(count)
        ),
        total=total,
        more=total - count,
        title="",
        text="",
        link="https://watchfloor.example.org/",
        words=_AnyWord(),
    )


class _AnyWord(dict[str, str]):
    """Every word there may be: which ones a language has is not the template's fault."""

    def __missing__(self, key: str) -> str:
        return key


SAMPLES: Final = (
    _sample("firing", "alert", 1, 1),
    _sample("resolved", "alert", 2, 2),
    _sample("firing", "summary", MOST_SHOWN, 300),
)
"""What every template must be able to say. For an internal note, which has no alerts, one that
cannot is passed over when it is sent, and the built-in text says it."""


def _environment(*, html: bool) -> jinja2.Environment:
    found = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=0,
    )
    found.globals.clear()
    found.filters = {name: found.filters[name] for name in FILTERS}
    found.tests = {name: found.tests[name] for name in _TESTS}
    return found


_PLAIN: Final = _environment(html=False)
_HTML: Final = _environment(html=True)


def _check(node: nodes.Node, depth: int, loops: int) -> None:
    """Raise TemplateError for what templates are not made of."""
    if not isinstance(node, _NODES):
        raise TemplateError(f"line {node.lineno}: {_name(node)} is not allowed in a template")
    if depth > MOST_DEPTH:
        raise TemplateError(f"line {node.lineno}: nested too deep")
    if isinstance(node, nodes.For):
        loops += 1
        if loops > 1:
            raise TemplateError(f"line {node.lineno}: a loop in a loop is not allowed")
        if not (isinstance(node.iter, nodes.Name) and node.iter.name == "alerts"):
            raise TemplateError(f"line {node.lineno}: a loop goes over 'alerts' and nothing else")
        if node.recursive:
            raise TemplateError(f"line {node.lineno}: a recursive loop is not allowed")
    for child in node.iter_child_nodes():
        _check(child, depth + 1, loops)


def _name(node: nodes.Node) -> str:
    words = {
        "Call": "a call",
        "Assign": "'set'",
        "AssignBlock": "'set'",
        "Mul": "arithmetic",
        "Pow": "arithmetic",
        "Mod": "arithmetic",
        "Add": "arithmetic (to join texts write ~)",
    }
    kind = type(node).__name__
    return words.get(kind, f"'{kind.lower()}'")


@lru_cache(maxsize=512)
def _compiled(source: str, html: bool) -> jinja2.Template:
    environment = _HTML if html else _PLAIN
    try:
        _check(environment.parse(source), 0, 0)
        return environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {str(error.message)[:200]}") from None
    except (RecursionError, MemoryError, SyntaxError, OverflowError, ValueError) as error:
        if isinstance(error, TemplateError):
            raise
        raise TemplateError("it is nested too deep, or no template") from None


def render(source: str, view: NoticeView, *, html: bool = False, most: int = MOST_OUT) -> str:
    """What the template says of a notification, cut off with an ellipsis after `most` characters.

    html: values are escaped. Raises TemplateError for one that is none or does not render.
    """
    template = _compiled(source, html)
    try:
        return _bounded(template.generate(view.context()), min(most, MOST_OUT))
    except TemplateError:
        raise
    except jinja2.TemplateError as error:
        raise TemplateError(str(error.message or type(error).__name__)[:200]) from None
    except Exception as error:
        # A filter that was given what it cannot take; its own words may hold the alert's.
        raise TemplateError(f"{type(error).__name__} while it was rendered") from None


def _bounded(parts: Iterator[str], most: int) -> str:
    found: list[str] = []
    left = most
    for part in parts:
        found.append(part[: left + 1])
        left -= len(found[-1])
        if left < 0:
            return "".join(found)[: most - 1] + "…"
    return "".join(found)


def problem_of(source: str, *, html: bool = False) -> str | None:
    """What is wrong with a template, by its syntax and by rendering it for every sample."""
    try:
        for sample in SAMPLES:
            render(source, sample, html=html)
    except TemplateError as error:
        return str(error)
    return None
