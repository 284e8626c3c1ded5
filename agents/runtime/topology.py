"""The topology, drawn from the declarations: roles, what they read and write, stages, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from agents.roles import ROLE_NAMES, role
from agents.runtime.role import Role
from agents.runtime.stage import Chain, Stage
from topics.catalogue import TOPICS
from topics.declare import Topic

__all__ = ["render_svg", "render_text"]


@dataclass(frozen=True)
class Part:
    """One thing that a role runs: a stage, an input's worker, or a service."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    tables: tuple[str, ...] = ()


def _stage(chain: Chain, stage: Stage) -> Part:
    reads = [str(item) if isinstance(item, Topic) else item.__name__ for item in stage.reads]
    return Part(
        name=f"{chain.name}/{stage.name}",
        reads=tuple(reads),
        writes=tuple(map(str, stage.writes)),
        tables=tuple(dict.fromkeys(spec.name for spec in stage.state)),
    )


def _parts(found: Role) -> list[Part]:
    parts = [_stage(chain, stage) for chain in found.chains for stage in chain.stages]
    parts += [
        Part(item.name, (str(item.reads),), tuple(map(str, item.writes))) for item in found.inputs
    ]
    if found.owns or found.follows:
        parts.append(
            Part(
                name="services",
                reads=tuple(map(str, (*found.owns, *found.follows))),
                writes=tuple(map(str, found.writes)),
            )
        )
    return parts


def _roles() -> list[Role]:
    return [role(name) for name in ROLE_NAMES]


def render_text() -> str:
    """Roles with their parts, then every topic with who writes and who reads it."""
    lines: list[str] = []
    for found in _roles():
        lines.append(f"{found.name}: {found.title}")
        for part in _parts(found):
            lines.append(f"  {part.name}")
            lines += _listed("reads", part.reads)
            lines += _listed("writes", part.writes)
            lines += _listed("keeps", part.tables)
        for chain in found.chains:
            lines.append(f"  {chain.name}: one commit, clock {chain.ticks}")
        lines.append("")
    lines.append("topics")
    readers, writers = _users()
    for topic in TOPICS:
        by = ", ".join(writers.get(topic.name, [])) or topic.owner
        to = ", ".join(readers.get(topic.name, [])) or "whoever reads the topics"
        lines.append(f"  {topic.name}  [{topic.key.value}]  {by} -> {to}")
    return "\n".join(lines) + "\n"


def _listed(word: str, items: Sequence[str]) -> list[str]:
    return [f"    {word:<7}{item}" for item in items]


def _users() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Which roles read a topic, and which write it."""
    readers: dict[str, list[str]] = {}
    writers: dict[str, list[str]] = {}

    def note(book: dict[str, list[str]], topics: Iterable[str], name: str) -> None:
        for topic in topics:
            if name not in book.setdefault(topic, []):
                book[topic].append(name)

    for found in _roles():
        for part in _parts(found):
            note(readers, part.reads, found.name)
            note(writers, part.writes, found.name)
        for chain in found.chains:
            note(readers, [chain.ticks.name], found.name)
            note(writers, [chain.ticks.name], found.name)
    return readers, writers


WIDTH: Final = 1180
ROW: Final = 34
TOP: Final = 64
ROLE_X: Final = 40
ROLE_W: Final = 380
TOPIC_X: Final = 860
TOPIC_W: Final = 280
GAP: Final = 26

STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1d2733 }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 11.5px; fill: #52606d }
  .box { fill: #f4f7fa; stroke: #9fb3c8 }
  .stage { fill: #ffffff; stroke: #bcccdc }
  .topic { fill: #e6f0fa; stroke: #7fa9d1 }
  .writes { stroke: #c2571a; fill: none; opacity: .75 }
  .reads { stroke: #2f6fad; fill: none; opacity: .55 }
  .back { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ef } .small { fill: #9fb3c8 }
    .back { fill: #0b1017 } .box { fill: #131b24; stroke: #3e4c59 }
    .stage { fill: #1b2530; stroke: #52606d } .topic { fill: #16283a; stroke: #3d6b96 }
    .writes { stroke: #f0a36b } .reads { stroke: #7db4e8 }
  }
"""


def render_svg() -> str:
    """Roles on the left, topics on the right; orange writes, blue reads."""
    topic_y = {topic.name: TOP + index * (ROW + 8) + ROW // 2 for index, topic in enumerate(TOPICS)}
    body: list[str] = []
    lines: list[str] = []
    y = TOP
    for found in _roles():
        parts = _parts(found)
        height = 40 + len(parts) * (ROW + 14) + 4
        body.append(_box(ROLE_X, y, ROLE_W, height, "box"))
        body.append(_text(ROLE_X + 14, y + 24, f"{found.name}: {found.title}", "title"))
        inner = y + 38
        for part in parts:
            body.append(_box(ROLE_X + 14, inner, ROLE_W - 28, ROW + 6, "stage"))
            body.append(_text(ROLE_X + 26, inner + 17, part.name))
            kept = ", ".join(part.tables)
            inside = ", ".join(name for name in part.reads if name not in topic_y)
            told = "; ".join(
                [*([f"from {inside}"] if inside else []), *([f"keeps {kept}"] if kept else [])]
            )
            body.append(_text(ROLE_X + 26, inner + 33, told, "small"))
            middle = inner + (ROW + 6) / 2
            for kind, names in (("reads", part.reads), ("writes", part.writes)):
                shift = -4 if kind == "reads" else 4
                lines += [
                    _curve(ROLE_X + ROLE_W - 14, middle + shift, TOPIC_X, topic_y[name], kind)
                    for name in names
                    if name in topic_y
                ]
            inner += ROW + 14
        y += height + GAP
    for topic in TOPICS:
        top = topic_y[topic.name] - ROW // 2
        body.append(_box(TOPIC_X, top, TOPIC_W, ROW, "topic"))
        body.append(_text(TOPIC_X + 12, top + 15, topic.name))
        keep = "compact" if topic.compact else f"{topic.keep}".replace(", 0:00:00", "")
        body.append(_text(TOPIC_X + 12, top + 28, f"key {topic.key.value}, keeps {keep}", "small"))
    height = max(y, max(topic_y.values()) + ROW) + 20
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img">',
            "<title>Roles and topics of Watchfloor</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{WIDTH}" height="{height}"/>',
            _text(ROLE_X, 36, "Roles", "title"),
            _text(TOPIC_X, 36, "Topics", "title"),
            _text(470, 36, "orange writes, blue reads", "small"),
            *lines,
            *body,
            "</svg>",
            "",
        ]
    )


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="7"/>'


def _text(x: float, y: float, content: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y}">{escape(content)}</text>'


def _curve(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    middle = (x1 + x2) / 2
    return f'<path class="{kind}" d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"/>'
