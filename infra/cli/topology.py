"""`watchfloor topology`: roles, stages, tables and topics, from the declarations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(
    "topology", epilog="\b\nExamples:\n  watchfloor topology\n  watchfloor topology --svg out.svg"
)
def topology(
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write an SVG; - is the output.")
    ] = None,
) -> None:
    """Draw roles, stages, tables and topics from their declarations, as text or SVG."""
    from agents.runtime.topology import render_svg, render_text

    if svg is None:
        sys.stdout.write(render_text().rstrip("\n") + "\n")
    elif str(svg) == "-":
        sys.stdout.write(render_svg())
    else:
        svg.write_text(render_svg(), encoding="utf-8")
