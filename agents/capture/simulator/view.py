"""One camera's picture at a time, and what is true of it. Nothing depends on earlier frames."""

from __future__ import annotations

from functools import cached_property, lru_cache

import cv2
import numpy as np

from agents.capture.simulator import weather
from agents.capture.simulator.backdrop import Backdrop, paint_backdrop, sun_direction
from agents.capture.simulator.canvas import Bytes, Colour, Sprite, blend
from agents.capture.simulator.dice import dice
from agents.capture.simulator.figures import Look, Outline, cast_shadow, draw, outline
from agents.capture.simulator.foliage import Foliage
from agents.capture.simulator.layout import Layout
from agents.capture.simulator.lens import HEIGHT, WIDTH
from agents.capture.simulator.light import Clouds, HeadLamps, lamp_is_on, night_gain
from agents.capture.simulator.occlusion import Occluder, overlap, restore
from agents.capture.simulator.people import Pose
from agents.capture.simulator.scene import Scene
from agents.capture.simulator.traffic import Actor, Traffic
from agents.capture.simulator.truth import Signal
from agents.capture.simulator.vehicles import Vehicle

__all__ = ["Seen", "View"]

_OUTAGE = 60.0
"""Seconds: in each such slot, a camera that suffers outages has one."""

Seen = tuple[Actor, Pose, Outline]


def _rectangle(sprite: Sprite) -> tuple[int, int, int, int]:
    height, width = sprite.pixels.shape[:2]
    return sprite.x, sprite.y, sprite.x + width, sprite.y + height


class View:
    """The camera of `layout` in `scene`. number: which of the site's cameras it is."""

    def __init__(self, layout: Layout, scene: Scene, seed: int, number: int) -> None:
        self.layout, self.scene, self.seed = layout, scene, seed
        self.traffic = Traffic(layout, scene, seed)
        self._number = number
        self._lit = lru_cache(maxsize=4)(self._light)

    @cached_property
    def _backdrop(self) -> Backdrop:
        wet = self.scene.rain > 0.0
        return paint_backdrop(self.layout, self.seed, sunny=self.scene.sunny, wet=wet)

    @cached_property
    def _sunlit(self) -> Bytes:
        return np.asarray(self._backdrop.shade * 255.0, np.uint8)

    @cached_property
    def _clouds(self) -> Clouds | None:
        if not self.scene.clouds or self.layout.indoors:
            return None
        return Clouds(self.layout.lens, self._backdrop, self.seed)

    @cached_property
    def _before(self) -> tuple[tuple[Foliage, tuple[Occluder, ...]], ...]:
        """Each plant with what stands in front of it."""
        return tuple(
            (plant, tuple(o for o in self._backdrop.occluders if o.hides(*plant.at)))
            for plant in self._backdrop.foliage
        )

    def _light(self, burning: tuple[bool, ...]) -> tuple[Bytes, Bytes, tuple[Bytes, ...]]:
        """The empty picture, the light (H / 4, W / 4, 3; 255 is 1.0) and the plants, lit."""
        backdrop = self._backdrop
        plants = tuple(plant.sprite.pixels for plant in backdrop.foliage)
        if not self.scene.night:
            day = 232 if self.scene.rain else 255
            return backdrop.albedo, np.full((HEIGHT // 4, WIDTH // 4, 3), day, np.uint8), plants
        gain = night_gain(self.layout, backdrop, burning)
        wide = cv2.resize(gain, (WIDTH, HEIGHT))
        picture = np.clip(backdrop.albedo * wide, 0, 255).astype(np.uint8)
        lit = []
        for plant in backdrop.foliage:
            x1, y1, x2, y2 = _rectangle(plant.sprite)
            pixels = plant.sprite.pixels.astype(np.float32)
            pixels[..., :3] *= wide[y1:y2, x1:x2]
            lit.append(np.clip(pixels, 0, 255).astype(np.uint8))
        return picture, np.clip(gain * 255.0, 0, 255).astype(np.uint8), tuple(lit)

    def signal(self, seconds: float) -> Signal:
        """What the camera delivers at `seconds`."""
        if not self.scene.outages:
            return Signal.OK
        # One camera of the site goes dark, the next one away; the others stay.
        turn = (self._number - self.seed) % 4
        if turn > 1:
            return Signal.OK
        slot = int(seconds // _OUTAGE)
        chance = dice("outage", self.seed, self.layout.camera_id, slot)
        start = _OUTAGE * slot + 15.0 + 10.0 * chance.random()
        if start <= seconds < start + 22.0 + 8.0 * chance.random():
            return Signal.DARK if turn == 0 else Signal.LOST
        return Signal.OK

    def seen(self, seconds: float) -> list[Seen]:
        """Who is in the picture, the farthest first."""
        found = []
        for actor, pose in self.traffic.at(seconds):
            shape = outline(self.layout.lens, actor.look, pose)
            x1, y1, x2, y2 = shape.box
            if x2 - x1 >= 1.0 and y2 - y1 >= 1.0:
                found.append((actor, pose, shape))
        return found

    def render(self, microseconds: int, *, peopled: bool = True, plain: bool = False) -> Bytes:
        """The picture (H, W, 3) uint8, blue, green, red.

        peopled: with those who come and go. plain: without what hides a pixel's cause (their
        shadows and lamps, and all that `weather` adds): for tests.
        """
        seconds = microseconds / 1e6
        tick = dice("frame", self.seed, self.layout.camera_id, microseconds).getrandbits(62)
        if self.signal(seconds) is Signal.DARK:
            frame: Bytes = np.full((HEIGHT, WIDTH, 3), 7, np.uint8)
        else:
            frame = self._scenery(seconds, self.seen(seconds) if peopled else [], plain=plain)
            if not plain:
                self._weather(frame, seconds, tick)
        if not plain:
            weather.add_noise(frame, tick, night=self.scene.night)
            weather.stamp(frame, self.layout.name, seconds)
        return frame

    def _weather(self, frame: Bytes, seconds: float, tick: int) -> None:
        scene, camera = self.scene, self.layout.camera_id
        if scene.rain:
            weather.add_rain(frame, tick, scene.rain, night=scene.night)
            weather.wet_lens(frame, camera, seconds, self.seed)
        if scene.insects:
            weather.add_insect(frame, camera, seconds, self.seed, scene.insects)
            if self.layout.infrared:
                weather.add_web(frame, camera, seconds, self.seed)

    def _scenery(self, seconds: float, seen: list[Seen], *, plain: bool) -> Bytes:
        scene, lens = self.scene, self.layout.lens
        burning = tuple(
            lamp_is_on(self.layout, self.seed, number, seconds, switching=scene.switching)
            for number in range(len(self.layout.lamps))
        )
        picture, light, plants = self._lit(burning)
        frame = picture.copy()
        for (plant, front), pixels in zip(self._before, plants, strict=True):
            sprite = plant.swayed(seconds, scene.wind, pixels)
            blend(frame, sprite)
            for occluder in front:
                restore(frame, picture, occluder, _rectangle(sprite))
        left: Bytes | None = None
        if self._clouds is not None:
            left = self._clouds.gain(seconds)
            wide = cv2.cvtColor(cv2.resize(left, (WIDTH, HEIGHT)), cv2.COLOR_GRAY2BGR)
            cv2.multiply(frame, wide, dst=frame, scale=1 / 255)
        head = HeadLamps(lens)
        if scene.night and not plain:
            for actor, pose, _ in seen:
                if isinstance(actor.look, Vehicle):
                    head.add(actor.look, pose)
            head.shine(frame, self._backdrop.albedo)
        if seen:
            self._figures(frame, seen, light, left, shadows=not plain)
        head.glare(frame)
        if scene.night and self.layout.infrared:
            cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR, dst=frame)
        return frame

    def _figures(
        self, frame: Bytes, seen: list[Seen], light: Bytes, clouds: Bytes | None, *, shadows: bool
    ) -> None:
        lens, sunny = self.layout.lens, self.scene.sunny and not self.layout.indoors
        empty = frame.copy()
        sun = sun_direction(self.layout)
        gains = [self._gain(shape, light, clouds) for _, _, shape in seen]
        if shadows:
            for (actor, pose, _), gain in zip(seen, gains, strict=True):
                strength = 0.5 * min(1.0, gain[1]) if sunny else 0.3
                cast_shadow(
                    frame, lens, actor.look, pose, sun if sunny else None, self._sunlit, strength
                )
        for (actor, pose, shape), gain in zip(seen, gains, strict=True):
            sprite = draw(lens, actor.look, pose, shape, gain, sun)
            blend(frame, sprite)
            for occluder in self._backdrop.occluders:
                if occluder.hides(pose.x, pose.y):
                    restore(frame, empty, occluder, _rectangle(sprite))

    def _gain(self, shape: Outline, light: Bytes, clouds: Bytes | None) -> Colour:
        x = min(WIDTH - 1, int(shape.foot[0] * WIDTH))
        y = min(HEIGHT - 1, int(shape.foot[1] * HEIGHT))
        blue, green, red = light[y // 4, x // 4].tolist()
        part = 1.0 / 255.0
        if self.scene.sunny and not self.layout.indoors:
            part *= 0.58 + 0.42 * self._sunlit.item(y, x) / 255.0
        if clouds is not None:
            part *= clouds.item(y // 8, x // 8) / 255.0
        return blue * part, green * part, red * part

    def visible(self, seen: list[Seen], index: int) -> float:
        """The part of the figure, 0..1, that is in the frame and not hidden."""
        actor, pose, shape = seen[index]
        fronts = [o for o in self._backdrop.occluders if o.hides(pose.x, pose.y)]
        return self._shown(actor.look, pose, shape, seen[index + 1 :], fronts)

    def _shown(
        self, look: Look, pose: Pose, shape: Outline, nearer: list[Seen], fronts: list[Occluder]
    ) -> float:
        x1, y1, x2, y2 = shape.box
        own = (int(x1), int(y1), int(x2) + 1, int(y2) + 1)
        blocking = [item for item in nearer if overlap(own, _whole(item[2].box))]
        fronts = [occluder for occluder in fronts if overlap(own, occluder.rectangle)]
        if not blocking and not fronts:
            return shape.inside
        white, sun = (1.0, 1.0, 1.0), (0.0, 0.0, 1.0)
        lens = self.layout.lens
        sprite = draw(lens, look, pose, shape, white, sun)
        alpha = sprite.alpha.astype(np.float32)
        total = float(alpha.sum())
        if total <= 0.0:
            return 0.0
        left = alpha
        for other, place, extent in blocking:
            hiding = draw(lens, other.look, place, extent, white, sun)
            left = _behind(left, sprite, hiding.x, hiding.y, hiding.alpha)
        for occluder in fronts:
            left = _behind(left, sprite, occluder.x, occluder.y, occluder.alpha)
        return shape.inside * float(left.sum()) / total

    @cached_property
    def parked(self) -> tuple[tuple[str, str, Outline, float], ...]:
        """Id, label, outline and visible part of each vehicle that is parked for good."""
        found = []
        for number, (vehicle, x, y, heading) in enumerate(self._backdrop.parked):
            pose = Pose(x, y, heading, 0.0, 0.0, 0.0)
            shape = outline(self.layout.lens, vehicle, pose)
            # Its own outline is an occluder as well, and does not hide itself.
            fronts = [o for o in self._backdrop.occluders if o.hides(x, y) and o.line[0] != (x, y)]
            shown = self._shown(vehicle, pose, shape, [], fronts)
            found.append((f"{self.layout.camera_id}/parked/{number}", vehicle.label, shape, shown))
        return tuple(found)


def _whole(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    return int(box[0]), int(box[1]), int(box[2]) + 1, int(box[3]) + 1


def _behind(
    left: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    sprite: Sprite,
    x: int,
    y: int,
    alpha: Bytes,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    shared = overlap(_rectangle(sprite), (x, y, x + alpha.shape[1], y + alpha.shape[0]))
    if shared is None:
        return left
    x1, y1, x2, y2 = shared
    hidden = left.copy()
    hidden[y1 - sprite.y : y2 - sprite.y, x1 - sprite.x : x2 - sprite.x] *= (
        1.0 - alpha[y1 - y : y2 - y, x1 - x : x2 - x] / 255.0
    )
    return hidden
