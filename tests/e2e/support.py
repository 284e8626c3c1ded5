"""What tests of pages share: roles that are there, alerts, pictures, and a check by axe."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cv2
import msgspec
import numpy as np
from playwright.sync_api import BrowserContext, Page

from agents.runtime.follower import Follower
from api import examples
from api.account.identity import Role
from api.dashboard.serve import DIST
from infra.blob.open import open_store
from schemas.alert import Alert
from schemas.device import CameraState
from schemas.ids import snapshot_id
from tests.integration.api.people import PASSWORD, form, person
from tests.integration.api.support import Stack, probe_record, run_in_thread, tick_records
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    ASSIGNMENTS,
    EVENTS,
    FRAMES,
    NOTIFY_REQUESTS,
)
from topics.record import OutRecord, make

PATIENCE_MS = 30_000

GROUPS = {
    "watchfloor-capture": ASSIGNMENTS,
    "watchfloor-detect": FRAMES,
    "watchfloor-decide": EVENTS,
    "watchfloor-act": NOTIFY_REQUESTS,
    "watchfloor-archive": ACTIVITY,
}


def _gate(now: datetime) -> list[OutRecord]:
    return [probe_record(CameraState.CONNECTED, now)]


class Workers:
    """Members of every role's group, decide's ticks and capture's words, until stopped."""

    def __init__(self, stack: Stack, probes: Callable[[datetime], list[OutRecord]] = _gate) -> None:
        self._stack = stack
        self._probes = probes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: run_in_thread(self._run), daemon=True)

    def __enter__(self) -> Workers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """They leave, as workers that end do."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        followers = [
            Follower(self._stack.settings, [topic], group=group) for group, topic in GROUPS.items()
        ]
        for follower in followers:
            await follower.__aenter__()
        try:
            while not self._stop.is_set():
                for follower in followers:
                    async for _ in follower.chunks(timeout=0.1):
                        break
                now = datetime.now(UTC)
                self._stack.produce(*tick_records(now), *self._probes(now))
        finally:
            for follower in followers:
                await follower.__aexit__(None, None, None)


def an_alert(alert_id: str, **fields: Any) -> Alert:
    """The example's alert, of now, with other fields."""
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    now = datetime.now(UTC)
    times = {"opened_at": now, "updated_at": now, "first_event": now, "last_event": now}
    return Alert(**{**known, **times, "alert_id": alert_id, **fields})


def alert_record(alert_id: str, **fields: Any) -> OutRecord:
    """As decide writes it."""
    alert = an_alert(alert_id, **fields)
    return make(
        ALERTS,
        alert,
        id=f"{alert_id}.{alert.revision}",
        time=alert.updated_at,
        source="test",
        key=alert_id,
    )


def picture(stack: Stack, event_id: str) -> None:
    """A small picture of that event, in the store and in the database."""
    image = np.full((90, 160, 3), 80, np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    open_store(stack.settings).put(f"snapshots/{event_id}.jpg", jpeg)
    stack.archive(
        "snapshots",
        [
            {
                "event_id": event_id,
                "site_id": "north",
                "position": 0,
                "snapshot_id": snapshot_id("north", event_id, 0),
                "camera_id": "gate",
                "captured_at": datetime.now(UTC).isoformat(),
                "width": 160,
                "height": 90,
                "content_type": "image/jpeg",
                "bytes": len(jpeg),
                "blob_key": f"snapshots/{event_id}.jpg",
            }
        ],
    )


AXE = DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical on the page as it is; rule, and where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


TWICE = {"width": 640, "height": 400}
"""What is left of 1280 by 800 at 200 %."""

LOST = """
() => {
  const found = [];
  const focused = document.activeElement;
  const called = (one) => {
    const kind = one.getAttribute("class");
    const text = one.getAttribute("aria-label") || one.textContent || "";
    return `${one.tagName.toLowerCase()}.${kind} "${text.trim().slice(0, 40)}"`;
  };
  const above = (one) => {
    const all = [];
    for (let up = one.parentElement; up; up = up.parentElement) all.push(up);
    return all;
  };
  const hides = (one) => /hidden|clip/.test(getComputedStyle(one).overflow);
  // What is on a map is reached by the map's own keys, and by the table beside it.
  const apart = ".leaflet-map-pane, .hidden-text, [inert]";
  const seen = (one) =>
    one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.closest(apart);
  const controls = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  for (const one of document.querySelectorAll(controls)) {
    if (!seen(one)) continue;
    // What is there for keyboards only shows itself with the focus.
    one.focus({ preventScroll: true });
    one.scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = one.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    if (box.right < 2 || box.left > innerWidth - 2 || box.bottom < 2 || box.top > innerHeight - 2) {
      found.push(`${called(one)} is not in the window`);
      continue;
    }
    const cut = above(one).find((up) => hides(up) && (up.scrollLeft > 0 || up.scrollTop > 0));
    if (cut) {
      found.push(`${called(one)} is cut off by ${called(cut)}`);
      cut.scrollTo(0, 0);
      continue;
    }
    // What takes no pointer is not hit, whatever lies where.
    if (getComputedStyle(one).pointerEvents === "none") continue;
    // What is larger than the window is in it with a part.
    const [x, y] = [
      (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2,
      (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2,
    ];
    const top = document.elementFromPoint(x, y);
    if (top && !one.contains(top) && !top.contains(one)) {
      found.push(`${called(one)} is under ${called(top)}`);
    }
  }
  for (const one of document.querySelectorAll("body *")) {
    if (!seen(one) || !hides(one) || one.matches("svg, svg *, .leaflet-container")) continue;
    if (getComputedStyle(one).textOverflow === "ellipsis") continue;
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 2) {
      found.push(`${called(one)} is cut off at its side`);
    }
  }
  document.activeElement?.blur();
  focused?.focus({ preventScroll: true });
  scrollTo(0, 0);
  return [...new Set(found)];
}
"""


DRAWN = """
() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
"""
"""Until what follows the window's size, as charts do, has followed it."""


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    overflow: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return overflow <= 0


def lost(page: Page) -> list[str]:
    """Controls that cannot be brought into sight, and what is cut off."""
    found: list[str] = page.evaluate(LOST)
    return found


def stands_at_200(page: Page) -> None:
    """At 200 % nothing is scrolled sideways or out of reach, and axe finds nothing serious."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size(TWICE)  # type: ignore[arg-type]
    page.evaluate(DRAWN)
    assert fits(page), page.url
    # This module's assertions are not rewritten: they bring their own words.
    missing, faults = lost(page), serious(page)
    assert missing == [], missing
    assert faults == [], faults
    page.set_viewport_size(before)


def enter(
    context: BrowserContext, stack: Stack, url: str | None = None, name: str | None = None
) -> str:
    """Sign an administrator in, as the page would; the name.

    url: where the page is opened. name: who it is; else somebody new.
    """
    name = name or person(stack, Role.ADMIN)
    answer = context.request.post(
        f"{url or stack.url}/v1/auth/token", form={**form(name, PASSWORD), "cookies": "true"}
    )
    assert answer.ok, answer.text()
    return name
