"""`watchfloor replay`: a file through the whole pipeline, apart from the live one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json_line, steps, table

if TYPE_CHECKING:
    from infra.replay import Replayed

EPILOG = """\
\b
Examples:
  watchfloor replay gate.mp4
  watchfloor replay gate.mp4 --model yolox_nano.onnx --site-document site.yaml --json
  watchfloor replay gate.mp4 --site-document site.yaml --camera north/gate --speed 1
"""

app = typer.Typer(add_completion=False)


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 100:
        raise typer.BadParameter("1 is real time, max is as fast as it goes; at most 100")
    return value


@app.command(epilog=EPILOG)
def replay(
    ctx: typer.Context,
    video: Annotated[Path, typer.Argument(help="The video file.")],
    model: Annotated[
        str | None, typer.Option(help="A model file, or a catalogue name; none: motion.")
    ] = None,
    site_document: Annotated[
        Path | None, typer.Option(help="The site document; none: one zone, the whole picture.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="SITE/CAMERA whose frames they are; else the only one.")
    ] = None,
    speed: Annotated[str, typer.Option(help="1 is real time, max as fast as it goes.")] = "max",
    start: Annotated[
        str, typer.Option(help="When frame 0 was captured (ISO 8601).")
    ] = "2026-01-01T00:00:00Z",
    notify: Annotated[
        bool, typer.Option("--notify", help="Let notifications leave this machine.")
    ] = False,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Push a video through real broker and workers, and print the events and alerts it makes.

    It runs in a namespace of its own, uses the servers of `up` where they run, and leaves no
    trace there. The same file again gives the same ids.
    """
    from infra.replay import default_document, place_in, read_document, replay, with_model
    from infra.sandbox import sandbox
    from infra.videos import check_video

    pace = _speed(speed)
    begin = _time(start)
    check_video(video)
    document = read_document(site_document) if site_document else default_document()
    place = place_in(document, camera)
    settings = with_model(settings_of(ctx, state), model)
    with (
        steps(quiet=json) as step,
        sandbox(
            settings,
            "replay",
            outside_time=True,
            notify=notify,
            say=step.say,
            count=step.count,
        ) as box,
    ):
        result = replay(
            box,
            video,
            document,
            place,
            start=begin,
            speed=pace,
            progress=lambda done: step.say(f"{done - done % 50} frames looked at"),
        )
        step.say("putting things away")
    if json:
        for line in result.lines():
            print_json_line(line)
    else:
        _show(result)


def _time(text: str) -> datetime:
    from schemas.base import SchemaError, utc

    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, SchemaError):
        raise typer.BadParameter(
            f"{text!r} is no time with a timezone; for example 2026-01-01T00:00:00Z"
        ) from None


def _show(result: Replayed) -> None:
    lines = result.lines()
    table(
        ["frame", "at", "zone", "type", "label", "result", "reason"],
        [
            [
                line["frame"],
                line["at"][11:19],
                line["zone"],
                line["type"],
                line["label"] or "",
                line["result"],
                line["reason"] or "",
            ]
            for line in lines
            if line["kind"] == "event"
        ],
    )
    table(
        ["rank", "severity", "camera", "zone", "type", "events", "repeats"],
        [
            [
                line["rank"],
                line["severity"],
                line["camera"],
                line["zone"],
                line["type"],
                line["events"],
                line["repeats"],
            ]
            for line in lines
            if line["kind"] == "alert"
        ],
    )
    console().print(
        f"{result.frames} frames, {result.sent} of them looked at, in {result.seconds:.1f} s"
    )
