"""What commands print: tables and progress for people, JSON for programs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Steps", "console", "print_json", "print_json_line", "steps", "table"]

WIDE: Final = 400
"""Columns, where there is no terminal."""


def console(*, stderr: bool = False) -> Console:
    """Where people read. Colour only on a terminal, none with NO_COLOR: rich sees to both."""
    import os

    from rich.console import Console

    out = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        # Nobody's window is to be respected: a table in a file keeps its cells whole.
        out.width = WIDE
    return out


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_json_line(value: Any) -> None:
    """One JSON document on a line of its own, out at once: somebody may be reading along."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people. Cells are text, whatever brackets they have."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        shown.add_column(name)
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    console().print(shown)


class Steps:
    """What happens now, on standard error: a spinner on a terminal, lines elsewhere."""

    def __init__(self, say: Callable[[str], None], count: Callable[[int, int], None]) -> None:
        self.say = say
        self.count = count


@contextlib.contextmanager
def steps(*, quiet: bool = False) -> Iterator[Steps]:
    """`say(text)` names the step; `count(done, total)` shows bytes of a download.

    quiet: says nothing, for `--json`.
    """
    out = console(stderr=True)
    if quiet:
        yield Steps(lambda _text: None, lambda _done, _total: None)
        return
    if not out.is_terminal:
        last = ""

        def say(text: str) -> None:
            nonlocal last
            if text != last:
                out.print(text, markup=False)
            last = text

        told = 0

        def count(done: int, total: int) -> None:
            nonlocal told
            quarter = 4 * done // total if total else 4
            if done == 0 or quarter > told:
                told = quarter
                out.print(f"Downloading Kafka: {done >> 20} of {total >> 20} MiB", markup=False)

        yield Steps(say, count)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as live:
        task = live.add_task("Starting", total=None)

        def step(text: str) -> None:
            live.update(task, description=text, total=None)

        def download(done: int, total: int) -> None:
            text = f"Downloading Kafka, once: {done >> 20} of {total >> 20} MiB"
            live.update(task, description=text, completed=done, total=total)

        yield Steps(step, download)
