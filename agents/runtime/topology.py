"""A drawing of the declarations: roles, their stages, tables and topics, as text and as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from agents.runtime import timers
from agents.runtime.role import Role
from agents.runtime.stage import Chain, Stage
from agents.runtime.state import TableSpec
from agents.runtime.ticker import TickerService
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    ASSIGNMENTS,
    AUDIT,
    COMMANDS,
    CONFIG,
    DECISIONS,
    EVENTS,
    FRAMES,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    PROBES,
    TICKS_DECIDE,
)
from topics.declare import Topic

__all__ = ["render_svg", "render_text"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a role's drawing: what is read, who works, with which tables, what is written.

    chained: it gets `forwards` from the row above it, in the same commit.
    """

    name: str
    kind: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    forwards: tuple[str, ...] = ()
    chained: bool = False


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A role with its rows."""

    name: str
    title: str
    rows: tuple[Row, ...] = field(default=())


FACADE: Final = Drawing(
    name="api",
    title="the façade: what is asked, posted, configured, and who may",
    rows=(
        Row(
            name="façade",
            kind="server",
            reads=tuple(
                topic.name
                for topic in (
                    FRAMES,
                    PROBES,
                    DECISIONS,
                    ALERTS,
                    ACTIVITY,
                    NOTIFY_RESULTS,
                    TICKS_DECIDE,
                )
            ),
            writes=tuple(
                topic.name
                for topic in (EVENTS, COMMANDS, NOTIFY_REQUESTS, CONFIG, ASSIGNMENTS, AUDIT)
            ),
        ),
    ),
)
"""No role, for it decides nothing; drawn with them, for what it reads and writes."""


def _roles(roles: Iterable[Role] | None) -> list[Drawing]:
    if roles is None:
        from agents.roles import ROLES

        roles = [make() for make in ROLES.values()]
        return [*_roles(roles), FACADE]
    return [Drawing(name=role.name, title=role.title, rows=_rows(role)) for role in roles]


def _names(items: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.name for item in items if isinstance(item, Topic)))


def _rows(role: Role) -> tuple[Row, ...]:
    rows: list[Row] = []
    for chain in role.chains:
        rows += _chain_rows(chain)
    for item in role.inputs:
        rows.append(
            Row(name=item.name, kind="worker", reads=(item.reads.name,), writes=_names(item.writes))
        )
    served = {name for row in rows for name in row.writes} if role.inputs else set()
    services = [make().name for make in role.services]
    if services:
        rows.append(
            Row(
                name=", ".join(services),
                kind="service" if len(services) == 1 else "services",
                reads=_names((*role.owns, *role.follows)),
                writes=tuple(name for name in _names(role.writes) if name not in served),
            )
        )
    return tuple(rows)


def _chain_rows(chain: Chain) -> list[Row]:
    rows = [_stage_row(chain, number, stage) for number, stage in enumerate(chain.stages)]
    ticker = TickerService(chain.ticks)
    rows.append(
        Row(
            name="clock and timers",
            kind="runtime",
            reads=(ticker.topic.name,),
            writes=(ticker.topic.name,),
            tables=(timers.table(chain.name).name,),
        )
    )
    return rows


def _stage_row(chain: Chain, number: int, stage: Stage) -> Row:
    # What comes from the stage before it; feedback to an earlier one is not drawn.
    forwards = [kind.__name__ for kind in stage.reads if isinstance(kind, type)]
    return Row(
        name=stage.name,
        kind="stage",
        reads=_names(stage.reads),
        writes=_names(stage.writes),
        tables=tuple(_table(spec) for spec in stage.state),
        forwards=tuple(forwards),
        chained=number > 0,
    )


def _table(spec: TableSpec[object]) -> str:
    return spec.name.partition(".")[2] or spec.name


def render_text(roles: Iterable[Role] | None = None) -> str:
    """The topology as text, at most 100 columns wide; without `roles`: all that are declared."""
    lines: list[str] = []
    for role in _roles(roles):
        lines += [f"{role.name}: {role.title}"]
        for row in role.rows:
            mark = "└▶" if row.chained else "●"
            lines.append(f"  {mark} {row.name} ({row.kind})")
            for word, items in (
                ("takes", row.forwards),
                ("reads", row.reads),
                ("tables", row.tables),
                ("writes", row.writes),
            ):
                lines += _wrapped(word, items)
        lines.append("")
    lines.append(f"Every role follows {CONFIG.name}; what cannot be read goes to <topic>.dlq.")
    return "\n".join(lines) + "\n"


def _wrapped(word: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    lines, head = [], f"       {word:<7}"
    for item in items:
        text = item if head.endswith(f"{word:<7}") or head.isspace() else ", " + item
        if len(head) + len(text) > 98:
            lines.append(head + ",")
            head, text = " " * 14, item
        head += text
    return [*lines, head]


WIDTH: Final = 1120
EDGE: Final = 24
PILL_W: Final = 224
PILL_H: Final = 24
PILL_STEP: Final = 30
PANEL_X: Final = 312
PANEL_W: Final = WIDTH - 2 * PANEL_X
TABLE_W: Final = 124
TABLE_H: Final = 20
TABLE_STEP: Final = 25
HEAD: Final = 44
ROW_GAP: Final = 26
BAND_GAP: Final = 22

FAMILIES: Final = {
    "camera": "#2f7fd1",
    "device": "#0f9488",
    "ticks": "#8a8f98",
    "security": "#8b5cd6",
    "alert": "#d9822b",
    "notify": "#3d9a4b",
    "config": "#8a8f98",
    "audit": "#8a8f98",
}

STYLE: Final = """
  .paper { fill: #ffffff } .panel { fill: #f5f6f8; stroke: #cfd4da }
  .box { fill: #ffffff; stroke: #7b8794 } .row { fill: #eceff2; stroke: #b8c0c8 }
  .pill { fill: #ffffff; stroke: #c3c9d0 }
  text { fill: #1c2733; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif }
  .role { font-size: 16px; font-weight: 600 } .quiet { fill: #5a6672; font-size: 12px }
  .topic, .table { font: 12px ui-monospace, "DejaVu Sans Mono", monospace }
  .table { font-size: 11px } .name { font-weight: 600 }
  .line { stroke: #5a6672; stroke-width: 1.4; fill: none; marker-end: url(#tip) }
  .tip { fill: #5a6672 } .store { fill: #dfe5ec; stroke: #9aa6b2 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #14181d } .panel { fill: #1c2229; stroke: #343d47 }
    .box { fill: #262e37; stroke: #8593a1 } .row { fill: #2b343e; stroke: #56626e }
    .pill { fill: #20272f; stroke: #46515c }
    text { fill: #e6ebf0 } .quiet { fill: #a3afbb }
    .line { stroke: #a3afbb } .tip { fill: #a3afbb } .store { fill: #36414d; stroke: #6b7886 }
  }
"""


def render_svg(roles: Iterable[Role] | None = None) -> str:
    """The topology as an SVG document for light and dark paper.

    Each role is a band: topics that it reads on the left, its stages in the order in which they
    run, with their tables, in the middle, topics that it writes on the right. A topic that several
    roles know stands in each of their bands, so no line crosses another.
    """
    body: list[str] = []
    y = EDGE
    for role in _roles(roles):
        height = _band(role, y, body)
        y += height + BAND_GAP
    body.append(
        f'<text class="quiet" x="{EDGE}" y="{y + 2}">Every role follows {escape(CONFIG.name)}. '
        "What cannot be read goes to the topic&apos;s own .dlq, untouched. Stages of a role that "
        "hang together are one commit.</text>"
    )
    height = y + EDGE
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="Roles, stages, tables, topics">'
    )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    paper = f'<rect class="paper" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", tip, paper, *body, "</svg>"]) + "\n"


def _row_height(row: Row) -> int:
    pills = max(len(row.reads), len(row.writes), 1) * PILL_STEP - (PILL_STEP - PILL_H)
    return max(pills, len(row.tables) * TABLE_STEP + 14, 52)


def _band(role: Drawing, top: int, body: list[str]) -> int:
    """Draw one role; its height."""
    heights = [_row_height(row) for row in role.rows]
    height = HEAD + sum(heights) + ROW_GAP * max(0, len(heights) - 1) + 20
    body.append(
        f'<rect class="panel" x="{PANEL_X}" y="{top}" width="{PANEL_W}" height="{height}" rx="10"/>'
    )
    body.append(f'<text class="role" x="{PANEL_X + 18}" y="{top + 27}">{escape(role.name)}</text>')
    body.append(
        f'<text class="quiet" x="{PANEL_X + PANEL_W - 18}" y="{top + 27}" text-anchor="end">'
        f"{escape(role.title)}</text>"
    )
    y = top + HEAD
    for row, tall in zip(role.rows, heights, strict=True):
        _draw_row(row, y, tall, body)
        y += tall + ROW_GAP
    return height


def _draw_row(row: Row, y: int, tall: int, body: list[str]) -> None:
    left, right, middle = PANEL_X + 18, PANEL_X + PANEL_W - 18, y + tall // 2
    if row.chained:
        label = escape(", ".join(row.forwards))
        body.append(f'<path class="line" d="M{left + 60} {y - ROW_GAP} V{y - 2}"/>')
        body.append(
            f'<text class="quiet" x="{left + 72}" y="{y - ROW_GAP // 2 + 4}">{label}</text>'
        )
    shape = "box" if row.kind == "stage" else "row"
    body.append(
        f'<rect class="{shape}" x="{left}" y="{y}" width="{right - left}" height="{tall}" rx="7"/>'
        f'<text class="name" x="{left + 20}" y="{middle - 2}">{escape(row.name)}</text>'
        f'<text class="quiet" x="{left + 20}" y="{middle + 15}">{escape(row.kind)}</text>'
    )
    _draw_tables(row.tables, right - 18 - TABLE_W, middle, body)
    _draw_pills(row.reads, EDGE, middle, body)
    _draw_pills(row.writes, WIDTH - EDGE - PILL_W, middle, body)
    begin, end = EDGE + PILL_W, WIDTH - EDGE - PILL_W - 2
    for pill in _centres(row.reads, middle, PILL_STEP):
        body.append(_line(begin, pill, left - 2, middle))
    for pill in _centres(row.writes, middle, PILL_STEP):
        body.append(_line(right, middle, end, pill))


def _line(x: int, y: int, to_x: int, to_y: int) -> str:
    bend = (to_x - x) // 2
    return f'<path class="line" d="M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"/>'


def _centres(items: Sequence[str], middle: int, step: int) -> list[int]:
    first = middle - (len(items) - 1) * step // 2
    return [first + number * step for number in range(len(items))]


def _draw_pills(topics: Sequence[str], x: int, middle: int, body: list[str]) -> None:
    for name, y in zip(topics, _centres(topics, middle, PILL_STEP), strict=True):
        colour = FAMILIES.get(name.partition(".")[0], "#8a8f98")
        top = y - PILL_H // 2
        body.append(
            f'<rect class="pill" x="{x}" y="{top}" width="{PILL_W}" height="{PILL_H}" rx="6"/>'
            f'<rect fill="{colour}" x="{x + 6}" y="{top + 6}" width="5" height="{PILL_H - 12}" '
            f'rx="2"/><text class="topic" x="{x + 19}" y="{y + 4}">{escape(name)}</text>'
        )


def _draw_tables(tables: Sequence[str], x: int, middle: int, body: list[str]) -> None:
    for name, y in zip(tables, _centres(tables, middle, TABLE_STEP), strict=True):
        top = y - TABLE_H // 2
        body.append(
            f'<path class="store" d="M{x} {top + 4} c0 -5 {TABLE_W} -5 {TABLE_W} 0 v{TABLE_H - 8} '
            f'c0 5 -{TABLE_W} 5 -{TABLE_W} 0 z"/>'
            f'<text class="table" x="{x + TABLE_W // 2}" y="{y + 4}" text-anchor="middle">'
            f"{escape(name)}</text>"
        )
