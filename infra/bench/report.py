"""What a bench found, for people: a table in Markdown and a picture in SVG.

The picture is written by hand, as the topology's is: it is a few bars, and it has to be legible on
a light page and on a dark one, which takes a style sheet inside it. The libraries that draw charts
fix their colours in the picture (matplotlib, plotnine) or bring a browser's engine or fonts along
(altair); all of them would be in every installation for a command that is run once a release.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from infra.errors import WatchfloorError

__all__ = ["Bar", "Group", "groups", "markdown", "picture", "write"]

WIDTH: Final = 760
EDGE: Final = 24
NAME_W: Final = 240
ROW: Final = 26
HEAD: Final = 40
VALUE_W: Final = 150

STYLE: Final = """
:root{color-scheme:light dark}
text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2328}
.head{font-weight:600;font-size:15px}.quiet{fill:#59636e}
.paper{fill:#ffffff}.ours{fill:#0969da}.other{fill:#8c959f}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.quiet{fill:#9198a1}.paper{fill:#0d1117}.ours{fill:#4493f8}.other{fill:#6e7681}}
"""

TITLES: Final = {
    "ours": "Watchfloor",
    "each": "Watchfloor, by message",
    "quix": "Quix Streams",
    "faust": "Faust as it comes",
    "bare": "bare loop",
}

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """One bar. shown: the figure beside it. ours: in our colour."""

    name: str
    value: float
    shown: str
    ours: bool


@dataclass(frozen=True)
class Group:
    """Bars that share a scale, under a title."""

    title: str
    bars: tuple[Bar, ...]


def write(folder: Path, lines: Sequence[Line]) -> list[Path]:
    """Write `NAME.jsonl`, `NAME.md` and, where there is something to draw, `NAME.svg`.

    Raises WatchfloorError where the folder cannot be written.
    """
    name = str(lines[0]["bench"])
    drawn = groups(lines)
    texts = {
        ".jsonl": "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines),
        ".md": markdown(name, lines, datetime.now(UTC), picture=bool(drawn)),
    }
    if drawn:
        texts[".svg"] = picture(drawn, footer(lines))
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, text in texts.items():
            path = folder / f"{name}{suffix}"
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    except OSError as error:
        raise WatchfloorError(f"bench: {error.filename}: {error.strerror}") from None
    return paths


def _detail(lines: Sequence[Line], key: str) -> Any:
    """What the first line that says something of `key` says; None where none does."""
    return next((line["detail"][key] for line in lines if key in line["detail"]), None)


def groups(lines: Sequence[Line]) -> list[Group]:
    """What is to be drawn: rates by contestant, then what `--full` adds."""
    found = []
    rates: Mapping[str, float] = _detail(lines, "records_per_s")
    if isinstance(rates, Mapping):
        for form, title in (
            ("stateless", "Records a second, without state"),
            ("stateful", "Records a second, with state and its changelog"),
        ):
            of_form = {
                label.partition("-")[0]: rate
                for label, rate in rates.items()
                if label.endswith(f"-{form}")
            }
            found.append(
                Group(
                    title,
                    tuple(
                        Bar(TITLES.get(name, name), rate, f"{rate:,.0f}", name in ("ours", "each"))
                        for name, rate in sorted(of_form.items(), key=lambda item: -item[1])
                    ),
                )
            )
    for unit, title in (("1/s", "Records a second as it grows"), ("s", "Recovery, seconds")):
        grown = [one for one in lines if one["unit"] == unit and one["bar"] is None]
        if grown:
            bars = (
                Bar(_grown_name(one["metric"]), one["value"], f"{one['value']:,.4g}", ours=True)
                for one in grown
            )
            found.append(Group(title, tuple(bars)))
    return [group for group in found if group.bars]


def _grown_name(metric: str) -> str:
    return metric.removesuffix("_per_s").removesuffix("_s").replace("_", " ")


def footer(lines: Sequence[Line]) -> list[str]:
    """What stands under the bars: how a single record fares, and on what machine."""
    found = []
    values = {line["metric"]: line["value"] for line in lines}
    if "hop_p50_ms" in values and "hop_p99_ms" in values:
        found.append(
            f"One record through the stateful stage at 20 a second: p50 {values['hop_p50_ms']:.1f} "
            f"ms, p99 {values['hop_p99_ms']:.1f} ms."
        )
    about = _detail(lines, "machine")
    if about:
        found.append(
            f"{about['cpu']}, {about['cores']} cores, load {about['load_1_min']}; "
            f"Python {about['python']}, Watchfloor {about['watchfloor']}."
        )
    return found


def picture(drawn: Sequence[Group], notes: Sequence[str]) -> str:
    """The bars as an SVG that follows the reader's colour scheme."""
    body: list[str] = []
    y = EDGE
    for group in drawn:
        y = _draw(group, y, body)
    for note in notes:
        y += 20
        body.append(f'<text class="quiet" x="{EDGE}" y="{y}">{escape(note)}</text>')
    height = y + EDGE
    title = escape("; ".join(group.title for group in drawn), {'"': "&quot;"})
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{title}">'
    )
    paper = f'<rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *body, "</svg>"]) + "\n"


def _draw(group: Group, top: int, body: list[str]) -> int:
    """Draw a group; where the next one begins."""
    room = WIDTH - 2 * EDGE - NAME_W - VALUE_W
    most = max(bar.value for bar in group.bars) or 1.0
    body.append(f'<text class="head" x="{EDGE}" y="{top + 16}">{escape(group.title)}</text>')
    y = top + HEAD
    for bar in group.bars:
        wide = max(1, round(room * bar.value / most))
        begin = EDGE + NAME_W
        body.append(
            f'<text x="{begin - 10}" y="{y + 4}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="{"ours" if bar.ours else "other"}" x="{begin}" y="{y - 8}" '
            f'width="{wide}" height="16" rx="3"/>'
            f'<text x="{begin + wide + 8}" y="{y + 4}">{escape(bar.shown)}</text>'
        )
        y += ROW
    return y + 8


def markdown(name: str, lines: Sequence[Line], at: datetime, *, picture: bool) -> str:
    """A page: the metrics with their bars, everybody's rates, the machine, and the command."""
    full = any(line["bar"] is None for line in lines)
    rows = [
        f"# `bench {name}`",
        "",
        f"Measured {at:%Y-%m-%d}. Made by",
        "",
        f"    watchfloor bench {name}{' --full' if full else ''} --report docs/benchmarks",
        "",
    ]
    if picture:
        rows += [f"![What was measured]({name}.svg)", ""]
    rows += ["| metric | value | bar | holds |", "|---|--:|--:|---|"]
    rows += [_metric_row(line) for line in lines]
    rows += _rates(lines)
    about = _detail(lines, "machine")
    if about:
        rows += ["", "| machine | |", "|---|---|"]
        rows += [f"| {key.replace('_', ' ')} | {value} |" for key, value in about.items()]
    return "\n".join(rows) + "\n"


def _rates(lines: Sequence[Line]) -> list[str]:
    rates, each = _detail(lines, "records_per_s"), _detail(lines, "records_per_s_each") or {}
    if not isinstance(rates, Mapping):
        return []
    rows = ["", "| contestant | records/s, median | each round |", "|---|--:|---|"]
    for label, rate in rates.items():
        rounds = ", ".join(f"{one:,}" for one in each.get(label, ()))
        rows.append(f"| {label} | {rate:,} | {rounds} |")
    return rows


def _metric_row(line: Line) -> str:
    unit = "" if line["unit"] == "1" else f" {line['unit']}"
    verdict = {True: "yes", False: "**no**", None: ""}[line["holds"]]
    bar = "" if line["bar"] is None else f"{line['bar']:g}{unit}"
    return f"| `{line['metric']}` | {line['value']:,.4g}{unit} | {bar} | {verdict} |"
