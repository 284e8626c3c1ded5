"""RTSP and MJPEG sources against real servers."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import numpy as np
import pytest

from agents.capture.sources import (
    Credentials,
    CredentialsError,
    Limits,
    Source,
    SourceError,
    SourceFrame,
    UnreachableError,
    open_source,
)
from tests.integration.capture.conftest import RtspServer
from tests.integration.capture.mjpeg_server import PASSWORD, USER, MjpegServer
from tests.unit.agents.capture.videos import picture

Rtsp = Callable[..., RtspServer]
Mjpeg = Callable[..., MjpegServer]

QUICK = Limits(connect=timedelta(seconds=1), silence=timedelta(seconds=1))
LOGIN = Credentials(USER, PASSWORD)
USERINFO = f"{USER}:{quote(PASSWORD, safe='')}@"


def now() -> datetime:
    return datetime.now(UTC)


def make(url: str, credentials: Credentials | None = None, limits: Limits = QUICK) -> Source:
    return open_source(url, credentials, now=now, limits=limits)


def first(source: Source, count: int) -> list[SourceFrame]:
    frames = list(itertools.islice(source.frames(), count))
    source.close()
    return frames


def fails(source: Source, kind: type[SourceError], match: str) -> None:
    with pytest.raises(kind, match=match) as caught:
        first(source, 1000)
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "wrong", USER):
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


def test_rtsp_first_frame(rtsp: Rtsp) -> None:
    """How long it takes is printed (-s), not asserted."""
    server = rtsp("--fps", "10")
    began = time.monotonic()
    source = make(server.url(), limits=Limits())
    frames = source.frames()
    one = next(frames)
    print(f"first RTSP frame after {time.monotonic() - began:.3f} s")
    more = list(itertools.islice(frames, 9))
    source.close()
    assert (one.seq, one.at, one.width, one.height) == (0, timedelta(0), 320, 240)
    assert [frame.seq for frame in more] == list(range(1, 10))
    steps = [b.at - a.at for a, b in itertools.pairwise(more)]
    assert all(timedelta(0) < step < timedelta(seconds=2) for step in steps)
    assert more[0].picture(640).shape == (240, 320, 3)
    assert source.corrupt == 0


@pytest.mark.parametrize("where", ["secret", "url"])
def test_rtsp_password(rtsp: Rtsp, where: str) -> None:
    server = rtsp("--user", USER, "--password", PASSWORD)
    source = make(server.url(), LOGIN) if where == "secret" else make(server.url(USERINFO))
    assert len(first(source, 2)) == 2


def test_rtsp_refusals(rtsp: Rtsp) -> None:
    server = rtsp("--user", USER, "--password", PASSWORD)
    fails(make(server.url(), Credentials(USER, "wrong")), CredentialsError, "refuses the user")
    fails(make(server.url()), CredentialsError, "asks for a user")
    fails(make(server.url(path="/nope"), LOGIN), UnreachableError, "no such stream")


def test_rtsp_stream_that_ends(rtsp: Rtsp) -> None:
    server = rtsp("--frames", "20", "--fps", "20")
    fails(make(server.url()), UnreachableError, "ended its stream|does not answer in time")


def test_rtsp_server_that_dies(rtsp: Rtsp) -> None:
    server = rtsp()
    source = make(server.url())
    frames = source.frames()
    next(frames)
    server.kill()
    with pytest.raises(UnreachableError):
        list(frames)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_nobody_there(scheme: str, closed: int) -> None:
    fails(make(f"{scheme}://{USERINFO}127.0.0.1:{closed}/x"), UnreachableError, "refuses the conn")


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_nobody_answers(scheme: str, mute: int) -> None:
    fails(
        make(f"{scheme}://{USERINFO}127.0.0.1:{mute}/x"),
        UnreachableError,
        "does not answer in time|stopped sending",
    )


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_no_such_host(scheme: str) -> None:
    fails(make(f"{scheme}://{USERINFO}nobody.invalid/x"), UnreachableError, "host|not there")


def test_rtsp_redirect_is_not_followed() -> None:
    """libavformat would follow it, and take the password along."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(4096)
                assert b"Authorization" not in asked
                connection.sendall(
                    b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:1/x\r\n\r\n"
                )

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        fails(make(f"rtsp://{USERINFO}127.0.0.1:{port}/x"), UnreachableError, "do not follow")
        thread.join()


def test_http_server_is_no_rtsp(mjpeg: Mjpeg) -> None:
    fails(make(f"rtsp://127.0.0.1:{mjpeg().port}/stream"), UnreachableError, "not in RTSP")


def test_mjpeg(mjpeg: Mjpeg) -> None:
    server = mjpeg()
    source = make(server.url("/stream"))
    frames = first(source, 4)
    assert [frame.seq for frame in frames] == [0, 1, 2, 3]
    assert all(a.at < b.at for a, b in itertools.pairwise(frames))
    for number, frame in enumerate(frames):
        assert np.abs(frame.picture(640).astype(int) - picture(number)).mean() < 6


@pytest.mark.parametrize("path", ["/basic", "/digest"])
@pytest.mark.parametrize("where", ["secret", "url"])
def test_mjpeg_password(mjpeg: Mjpeg, path: str, where: str) -> None:
    server = mjpeg()
    secret = where == "secret"
    source = make(server.url(path), LOGIN) if secret else make(server.url(path, USERINFO))
    assert len(first(source, 2)) == 2
    fails(make(server.url(path), Credentials(USER, "wrong")), CredentialsError, "refuses the user")
    fails(make(server.url(path)), CredentialsError, "asks for a user")


def test_mjpeg_redirects(mjpeg: Mjpeg) -> None:
    server = mjpeg()
    assert len(first(make(server.url("/same"), LOGIN), 2)) == 2
    fails(make(server.url("/other"), LOGIN), UnreachableError, "another host")


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/picture", "sends image/jpeg"),
        ("/bomb", "16384x16384"),
        ("/status/404", "no such stream"),
        ("/status/500", "answers 500"),
        ("/ends", "ended its stream|breaks off"),
        ("/silent", "stopped sending"),
    ],
)
def test_mjpeg_trouble(mjpeg: Mjpeg, path: str, match: str) -> None:
    fails(make(mjpeg().url(path)), UnreachableError, match)


def test_mjpeg_damaged_pictures_cost_themselves(mjpeg: Mjpeg) -> None:
    source = make(mjpeg().url("/damaged"))
    assert [frame.seq for frame in first(source, 3)] == [0, 2, 4]
    assert source.corrupt == 2


def test_mjpeg_close_ends_a_read(mjpeg: Mjpeg) -> None:
    source = make(mjpeg().url("/silent"), limits=Limits())
    frames = source.frames()
    for _ in range(3):
        next(frames)
    threading.Timer(0.05, source.close).start()
    assert list(frames) == []
