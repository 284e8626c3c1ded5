"""The route tree: who is told of an alert with these labels, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha1
from typing import Final

from msgspec import Struct

from schemas.document import Route, Schedule
from schemas.matchers import Matcher, parse_matcher

__all__ = ["Node", "Settings", "compile_tree", "matches", "routes_of"]

INTERVAL: Final = timedelta(minutes=5)
REPEAT: Final = timedelta(hours=4)
RESOLVE_AFTER: Final = timedelta(minutes=30)
"""The defaults of `conformance/README.md`."""


class Settings(Struct, frozen=True, gc=False, kw_only=True):
    """A route's settings, inherited ones filled in. wait None: by severity.

    path: of the matchers from the root down. A group is named by it and not by the route's place,
    so that a route put before another one makes no group anew.
    """

    path: str
    receiver: str | None
    group_by: tuple[str, ...]
    wait: timedelta | None
    interval: timedelta
    repeat: timedelta
    repeat_acknowledged: bool
    resolve_after: timedelta
    send_resolved: bool
    mutes: tuple[Schedule, ...]


class Node(Struct, frozen=True, gc=False):
    """A route of the tree, ready to be asked."""

    settings: Settings
    matchers: tuple[Matcher, ...]
    go_on: bool
    children: tuple[Node, ...]


ROOT: Final = Settings(
    path="",
    receiver=None,
    group_by=(),
    wait=None,
    interval=INTERVAL,
    repeat=REPEAT,
    repeat_acknowledged=True,
    resolve_after=RESOLVE_AFTER,
    send_resolved=True,
    mutes=(),
)


def compile_tree(route: Route | None) -> Node:
    """The tree. Without a route nobody is told of anything, by the defaults."""
    return _node(route or Route(), ROOT, ())


def _node(route: Route, parent: Settings, above: tuple[str, ...]) -> Node:
    texts = (*above, ",".join(sorted(route.matchers)))
    settings = Settings(
        path=sha1("/".join(texts).encode(), usedforsecurity=False).hexdigest()[:12],
        receiver=parent.receiver if route.receiver is None else route.receiver,
        group_by=parent.group_by if route.group_by is None else route.group_by,
        wait=parent.wait if route.group_wait is None else route.group_wait,
        interval=parent.interval if route.group_interval is None else route.group_interval,
        repeat=parent.repeat if route.repeat_interval is None else route.repeat_interval,
        repeat_acknowledged=parent.repeat_acknowledged
        if route.repeat_acknowledged is None
        else route.repeat_acknowledged,
        resolve_after=parent.resolve_after if route.resolve_after is None else route.resolve_after,
        send_resolved=parent.send_resolved if route.send_resolved is None else route.send_resolved,
        mutes=parent.mutes if route.mute_schedules is None else route.mute_schedules,
    )
    return Node(
        settings,
        tuple(parse_matcher(text) for text in route.matchers),
        route.continue_,
        tuple(_node(child, settings, texts) for child in route.routes),
    )


def matches(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether all of them match; none always do."""
    return all(matcher.matches(labels) for matcher in matchers)


def routes_of(node: Node, labels: Mapping[str, str]) -> list[Settings]:
    """The routes that take an alert with these labels, in order; none: the root does not.

    As in Alertmanager: the deepest that match, the first child that does unless it says
    `continue`; a route that no child takes from takes it itself.
    """
    if not matches(node.matchers, labels):
        return []
    found: list[Settings] = []
    for child in node.children:
        taken = routes_of(child, labels)
        found += taken
        if taken and not child.go_on:
            break
    return found or [node.settings]
