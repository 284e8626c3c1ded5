"""`bench detect`: what the pipeline costs on top of a bare loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from infra.bench.bare import Pace, bare_loop
from infra.bench.frame import Bar, Bench, Measured, Metric, Run, asset
from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from infra.sandbox import Sandbox
    from infra.settings import Settings
    from schemas.document import Document

__all__ = ["BENCH"]

VIDEO: Final = "videos/one-by-one-person-detection.mp4"
MODEL: Final = "models/yolox_nano.onnx"
SITE: Final = "bench"
FPS: Final = 10.0
"""The clip's own, so that no frame is left out."""

ROUNDS: Final = 4
MANY_ROUNDS: Final = 15
BUDGET_S: Final = 300.0
"""No further round begins after it: what is left of 12 min covers one on a busy machine."""

STALLED_S: Final = 60.0

RATIO: Final = Metric(
    name="pipeline_over_bare_loop",
    unit="1",
    what="frames a second through the whole pipeline over those of a bare loop",
    bar=Bar(limit=0.8, side="at least"),
)


def measure(run: Run) -> Sequence[Measured]:
    """Run the two in turns, the bare loop first and last, and compare each with its neighbours.

    The pipeline's very first run only warms up, and is told beside the result.
    """
    from infra.sandbox import sandbox

    video, model = asset(run.settings, VIDEO), asset(run.settings, MODEL)
    settings = replace(
        run.settings,
        model=str(model.resolve()),
        providers=("CPUExecutionProvider",),
        origins={**run.settings.origins, "model": "bench", "providers": "bench"},
    )
    rounds = MANY_ROUNDS if run.full else ROUNDS
    began = monotonic()
    bare: list[Pace] = []
    piped: list[Pace] = []
    with sandbox(
        settings,
        "bench",
        outside_time=True,
        env={"WATCHFLOOR_DETECT_THREADS": "1"},
        say=run.say,
        count=run.count,
    ) as box:
        publish_document(box, rounds)
        frames = frames_in(video)
        # A broker that has just started is still being compiled, which takes half a core.
        run.say("the pipeline, to warm it up")
        warm_up = _piped(box, video, 0, frames)
        run.say("the bare loop")
        bare.append(bare_loop(video, model))
        for number in range(1, rounds + 1):
            run.say(f"the pipeline, round {number} of {rounds}")
            piped.append(_piped(box, video, number, frames))
            run.say("the bare loop")
            bare.append(bare_loop(video, model))
            if not run.full and monotonic() - began > BUDGET_S:
                break
        run.say("putting things away")
    detail = {**_detail(bare, piped), "warm_up_fps": round(warm_up.fps, 2)}
    return [Measured(metric=RATIO, value=ratio(bare, piped), detail=detail)]


def frames_in(video: Path) -> int:
    """How many frames of a video decode. Raises WatchfloorError where none does."""
    import av

    from infra.videos import check_video

    check_video(video)
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def ratio(bare: Sequence[Pace], piped: Sequence[Pace]) -> float:
    """The median over rounds of the pipeline's pace over that of the bare loops beside it.

    bare: one more than piped, the first before and the last after all. A neighbour shares the
    machine's mood, so the noise of a busy one mostly cancels out.
    """
    return median(
        pipe.fps / ((before.fps + after.fps) / 2)
        for pipe, before, after in zip(piped, bare[:-1], bare[1:], strict=True)
    )


def _detail(bare: Sequence[Pace], piped: Sequence[Pace]) -> dict[str, Any]:
    return {
        "pipeline_fps": round(median(one.fps for one in piped), 2),
        "bare_fps": round(median(one.fps for one in bare), 2),
        "pipeline_fps_each": [round(one.fps, 2) for one in piped],
        "bare_fps_each": [round(one.fps, 2) for one in bare],
        "frames": bare[0].frames,
        "rounds": len(piped),
    }


def camera_name(number: int) -> str:
    """Each round has a camera of its own, and with it a tracker that has seen nothing."""
    return f"round-{number}"


def document(rounds: int) -> Document:
    """A camera a round, and one to warm up, each with one zone over the whole picture."""
    from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone

    names = [camera_name(number) for number in range(rounds + 1)]
    return Document(
        sites=(
            Site(
                site_id=SITE,
                name="Bench",
                cameras=tuple(Camera(camera_id=one, name=one, detect_fps=FPS) for one in names),
                zones=tuple(
                    Zone(zone_id=f"{one}-picture", camera_ids=(one,), labels=("person",))
                    for one in names
                ),
            ),
        ),
        routing=Routing(
            route=Route(receiver="log"),
            receivers=(Receiver(name="log", channels=(Channel(kind="log"),)),),
        ),
    )


def publish_document(box: Sandbox, rounds: int) -> None:
    """Configure the rounds' cameras."""
    from infra.sandbox import publish

    publish(box.settings, document(rounds), "bench")


def _piped(box: Sandbox, video: Path, number: int, frames: int) -> Pace:
    """Push the video through once; raises WatchfloorError where not every frame was inferred."""
    camera = camera_name(number)
    asyncio.run(_assign(box.settings, f"file:{video.resolve()}", camera))
    first: tuple[int, float] | None = None
    seen, moved = 0, monotonic()
    while seen < frames:
        # At its ends a round is timed to a few ms; in between, asking costs what is measured.
        near_an_end = first is None or frames - seen < FPS
        sleep(0.02 if near_an_end else 0.5)
        box.children["detect"].check()
        now = monotonic()
        counted = frames_of(box.metrics("detect"), camera)
        if counted > seen:
            seen, moved = counted, now
            first = first or (counted, now)
        elif now - moved > STALLED_S:
            raise WatchfloorError(
                f"bench: {seen} of {frames} frames were looked at, then none for {STALLED_S:.0f} s"
            )
    assert first is not None
    return Pace(frames - first[0] + 1, moved - first[1])


def frames_of(metrics: str, camera: str) -> int:
    """How many of a camera's frames the detect role has looked at, by its own counter."""
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if (
                sample.name == "watchfloor_detect_frames_total"
                and sample.labels.get("camera") == camera
            ):
                return int(sample.value)
    return 0


async def _assign(settings: Settings, source: str, camera: str) -> None:
    from agents.runtime.emitter import Emitter
    from infra.replay import START
    from schemas.device import Assignment
    from topics.catalogue import ASSIGNMENTS
    from topics.record import make

    key = f"{SITE}/{camera}"
    assignment = Assignment(
        site_id=SITE,
        device_id=camera,
        kind="camera",
        revision="bench",
        source=source,
        detect_fps=FPS,
        start=START,
        speed=0.0,
        gate=False,
        run=camera,
    )
    emitter = Emitter(settings, "watchfloor-bench")
    await emitter.start()
    try:
        await emitter.emit(
            [
                make(
                    ASSIGNMENTS,
                    assignment,
                    id=f"bench/{key}",
                    time=START,
                    source="watchfloor/bench",
                    key=key,
                )
            ]
        )
    finally:
        await emitter.stop()


BENCH: Final = Bench(
    name="detect",
    summary="the whole pipeline against a bare loop, on real footage",
    metrics=(RATIO,),
    measure=measure,
)
