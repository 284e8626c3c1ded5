"""What is dumped is read again as it was, for any document that has no problems."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.base import Severity
from schemas.document import (
    Camera,
    Channel,
    Device,
    Document,
    Escalation,
    EscalationStep,
    Inhibition,
    Receiver,
    Route,
    Routing,
    Schedule,
    Silence,
    Site,
    SiteNotifications,
    Window,
    Zone,
)
from schemas.document_reader import dump, examine, read

TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=12
)
ID = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,6}", fullmatch=True)
LABEL = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)
DURATION = st.timedeltas(timedelta(0), timedelta(days=400))
SHARE = st.floats(0, 1, allow_nan=False)
MATCHERS = st.lists(
    st.builds('{}{}"{}"'.format, LABEL, st.sampled_from(["=", "!=", "=~", "!~"]), ID),
    min_size=1,
    max_size=3,
).map(tuple)
CLOCK = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
WINDOW = st.builds(
    Window,
    days=st.lists(
        st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True
    ).map(tuple),
    start=CLOCK,
    end=CLOCK | st.just("24:00"),
)
SCHEDULE = st.builds(
    Schedule,
    timezone=st.none() | st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
    windows=st.lists(WINDOW, max_size=2).map(tuple),
)
OPTION = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT.filter(lambda text: "://" not in text)
    | st.sampled_from(
        ["yes", "12", "0x1f", "1e5", "12:30", "null", "~", "", "2026-03-02", "1_000"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(LABEL, inner, max_size=2),
    max_leaves=4,
)
CHANNEL = st.builds(
    Channel,
    kind=st.sampled_from(["log", "recording"]),
    name=st.none() | TEXT,
    options=st.dictionaries(LABEL.map(lambda name: f"x_{name}"), OPTION, max_size=2),
)


@st.composite
def sites(draw: st.DrawFn, site_id: str, receivers: list[str]) -> Site:
    ids = draw(st.lists(ID, min_size=3, max_size=6, unique=True))
    cameras = tuple(
        Camera(
            camera_id=name,
            name=draw(st.none() | TEXT),
            nvr_id=draw(st.sampled_from([None, ids[0]])),
            stream=draw(st.sampled_from([None, "rtsp://10.0.0.1/s", "sim:a"])),
            detect_fps=draw(st.floats(0.1, 60)),
            credentials=draw(st.none() | ID),
            address=draw(st.none() | ID),
            driver=draw(st.sampled_from([None, "onvif"])),
            serial=draw(st.none() | ID),
        )
        for name in ids[2:]
    )
    zone = Zone(
        zone_id=ids[1],
        camera_ids=tuple(camera.camera_id for camera in cameras),
        severity=draw(st.sampled_from(Severity)),
        active_schedule=draw(SCHEDULE),
        alert_destinations=tuple(receivers[: draw(st.integers(0, 2))]),
        dedupe_window_sec=draw(st.floats(0, 86_400)),
        polygons=draw(
            st.sampled_from([{}, {cameras[0].camera_id: ((0.0, 0.0), (1.0, 1e-05), (0.5, 1.0))}])
        ),
        labels=tuple(draw(st.lists(TEXT, max_size=2))),
        min_confidence=draw(SHARE),
    )
    return Site(
        site_id=site_id,
        name=draw(st.none() | TEXT),
        enabled=draw(st.booleans()),
        notifications=SiteNotifications(
            enabled=draw(st.booleans()), rate_limit_per_min=draw(st.integers(0, 100))
        ),
        devices=(Device(device_id=ids[0], kind="nvr", address=draw(st.none() | ID)),),
        cameras=cameras,
        zones=(zone,),
    )


@st.composite
def routes(draw: st.DrawFn, receivers: list[str], depth: int = 0) -> Route:
    children = [] if depth > 1 else draw(st.lists(routes(receivers, depth + 1), max_size=2))
    return Route(
        receiver=draw(st.sampled_from(receivers)),
        matchers=draw(MATCHERS) if depth else (),
        group_by=draw(st.none() | st.lists(LABEL, max_size=2).map(tuple)),
        group_wait=draw(st.none() | DURATION),
        resolve_after=draw(st.none() | DURATION),
        send_resolved=draw(st.none() | st.booleans()),
        repeat_acknowledged=draw(st.none() | st.booleans()),
        continue_=draw(st.booleans()),
        mute_schedules=draw(st.none() | st.lists(SCHEDULE, max_size=1).map(tuple)),
        routes=tuple(children),
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    names = draw(st.lists(TEXT, min_size=2, max_size=3, unique=True))
    site_ids = draw(st.lists(ID.filter(lambda i: i != "routing"), max_size=2, unique=True))
    start = draw(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1))).replace(tzinfo=UTC)  # noqa: DTZ001
    routing = Routing(
        route=draw(st.none() | routes(names)),
        receivers=tuple(
            Receiver(
                name=name,
                channels=tuple(draw(st.lists(CHANNEL, max_size=2))),
                fanout=draw(st.booleans()),
                retry_for=draw(DURATION),
            )
            for name in names
        ),
        inhibit=(Inhibition(source=draw(MATCHERS), target=draw(MATCHERS), equal=("site",)),),
        silences=(
            Silence(
                silence_id=draw(TEXT),
                matchers=draw(MATCHERS),
                starts_at=start,
                ends_at=start + timedelta(hours=1),
                comment=draw(TEXT) + "\nsecond line",
            ),
        ),
        escalations=(Escalation(steps=(EscalationStep(after=draw(DURATION), receiver=names[0]),)),),
    )
    return Document(sites=tuple(draw(sites(i, names)) for i in site_ids), routing=routing)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(documents())
def test_dump_and_read_are_inverse(document: Document) -> None:
    assert read(dump(document)) == document


JSON_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sites", "route", "zones", "site_id", "receivers", "name", "x"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JSON_VALUE | st.text(alphabet=string.printable, max_size=60))
def test_nothing_raises(value: Any) -> None:
    import yaml

    text = value if isinstance(value, str) else yaml.safe_dump(value, allow_unicode=True)
    reading = examine(text)
    assert (reading.document is None) is bool(reading.problems)
