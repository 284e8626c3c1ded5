"""`watchfloor demo`: from nothing to alerts, in the terminal and in a browser."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps
from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from agents.capture.simulator import Score
    from infra.demo import DemoResult
    from infra.sandbox import Sandbox
    from schemas.alert import Alert

EPILOG = """\
\b
Examples:
  watchfloor demo
  watchfloor demo --seconds 60 --scene night --seed 3
  watchfloor demo --video gate.mp4 --model yolox_nano.onnx
"""

app = typer.Typer(add_completion=False)

DOOR_FOR = timedelta(hours=12)

SHADES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


@app.command(epilog=EPILOG)
def demo(
    ctx: typer.Context,
    seconds: Annotated[
        float | None, typer.Option(min=5, max=86_400, help="End by itself, with a summary.")
    ] = None,
    scene: Annotated[str, typer.Option(help="What the simulator shows.")] = "day",
    seed: Annotated[int, typer.Option(min=0, help="Which world of that scene.")] = 1,
    video: Annotated[
        Path | None, typer.Option(help="A video file instead of the simulator.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model file, or a catalogue name; none: motion.")
    ] = None,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Start everything, watch a simulated site, and print its alerts as they come.

    The broker, the database, the roles and the API are real and run in a namespace of their own.
    With --seconds it ends by itself and scores the alerts against what truly happened.
    """
    from agents.capture.simulator import SCENES, SimulatedSite
    from agents.runtime.clock import wall
    from infra.dashboard import build
    from infra.demo import Demo, simulated_document, video_document
    from infra.replay import with_model
    from infra.sandbox import sandbox
    from infra.videos import check_video

    if scene not in SCENES:
        raise WatchfloorError(f"--scene {scene}: unknown", hint=f"Scenes: {', '.join(SCENES)}")
    if video is not None:
        check_video(video)
    world = wall().replace(microsecond=0)
    document = simulated_document(scene, seed, world) if video is None else video_document(video)
    settings = with_model(settings_of(ctx, state), model)
    out = console(stderr=json)
    with steps(quiet=json) as step:
        unbuilt = build(settings.cache_dir, step.say)
        step.say("starting")
        opened = sandbox(settings, "demo", api=True, say=step.say, count=step.count)
        box = opened.__enter__()
    try:
        eye = settings.model or "motion, and the people detector that OpenCV ships (no model)"
        out.print(f"Watching {_what(scene, seed, video)} with {eye}.", markup=False)
        if unbuilt is not None:
            out.print(unbuilt, markup=False)
        out.print(f"Dashboard: [bold]{_door(box)}[/bold]   Ctrl-C ends it.")
        result = Demo(box, document).run(seconds, lambda alert, what: _tell(out, alert, what))
    except KeyboardInterrupt:
        result = None
    finally:
        with steps(quiet=json) as step:
            step.say("putting things away")
            opened.__exit__(None, None, None)
    if result is None:
        return
    judged = None
    if video is None:
        judged = result.judge(SimulatedSite(scene, seed), world)
    summary = _summary(result, judged, scene=scene, seed=seed, seconds=seconds)
    if json:
        print_json(summary)
    else:
        _show(out, summary)


def _door(box: Sandbox) -> str:
    """The live page's address, which signs an administrator in once."""
    import asyncio

    from api.account.console import Console

    code = asyncio.run(Console(box.settings).door(DOOR_FOR))
    return box.url if code is None else f"{box.url}/sign-in/{code}"


def _what(scene: str, seed: int, video: Path | None) -> str:
    return f"{video}" if video is not None else f"the simulated site '{scene}', seed {seed},"


def _tell(out: Any, alert: Alert, what: str) -> None:
    from rich.text import Text

    line = Text()
    line.append(f"{alert.last_event.astimezone():%H:%M:%S}  ", "dim")
    line.append(f"rank {alert.rank:>3}  ")
    line.append(f"{alert.severity.value:<8}", SHADES[alert.severity.value])
    name = alert.label or alert.event_type.replace("_", " ")
    line.append(f"  {name} at {alert.camera_name or alert.camera_id}, zone {alert.zone_id}")
    if what == "updated":
        line.append(f"  ({alert.events} events, {alert.repeats} repeats)", "dim")
    out.print(line)


def _summary(result: DemoResult, judged: Score | None, **asked: Any) -> dict[str, Any]:
    def ms(value: float | None) -> float | None:
        return None if value is None else round(value * 1000, 1)

    found: dict[str, Any] = {
        **asked,
        "events": len(result.events),
        "alerts": len(result.alerts),
        "measured_s": round((result.ended - result.began) / timedelta(seconds=1), 1),
    }
    if judged is not None:
        found |= {
            "stays": judged.stays,
            "excluded_stays": judged.excluded,
            "true_events": judged.true_events,
            "false_events": judged.false_events,
            "duplicates": judged.duplicates,
            "missed": judged.missed,
            "precision": None if judged.precision is None else round(judged.precision, 3),
            "recall": None if judged.recall is None else round(judged.recall, 3),
            "latency_p50_ms": ms(judged.latency(50)),
            "latency_p99_ms": ms(judged.latency(99)),
        }
    return found


def _show(out: Any, summary: dict[str, Any]) -> None:
    out.print()
    out.print(
        f"{summary['events']} events in {summary['alerts']} alerts in {summary['measured_s']} s.",
        markup=False,
    )
    if "precision" not in summary:
        return
    out.print(
        f"Against the truth: precision {summary['precision']}, recall {summary['recall']} "
        f"({summary['true_events']} of {summary['stays']} stays, {summary['false_events']} false, "
        f"{summary['duplicates']} of them duplicates; {summary['excluded_stays']} stays were too "
        "short to judge).",
        markup=False,
    )
    out.print(
        f"From a frame's capture to its alert: p50 {summary['latency_p50_ms']} ms, "
        f"p99 {summary['latency_p99_ms']} ms.",
        markup=False,
    )
