"""Addresses, and credentials that nobody sees."""

from __future__ import annotations

import pytest

from agents.capture.sources import (
    Credentials,
    SourceError,
    SourceKind,
    parse_address,
)

SECRET = "p@ss:w/rd%1"


@pytest.mark.parametrize(
    ("text", "kind", "location"),
    [
        ("rtsp://cam.lan/main", SourceKind.RTSP, "rtsp://cam.lan/main"),
        ("rtsps://cam.lan:8322/main?x=1", SourceKind.RTSP, "rtsps://cam.lan:8322/main?x=1"),
        ("http://[fd00::1]:8080/mjpg", SourceKind.HTTP, "http://[fd00::1]:8080/mjpg"),
        ("https://cam.lan/mjpg#frag", SourceKind.HTTP, "https://cam.lan/mjpg"),
        ("file:/videos/a b?.mp4", SourceKind.FILE, "/videos/a b?.mp4"),
        ("file:///videos/a%20b.mp4", SourceKind.FILE, "/videos/a b.mp4"),
        ("images:/pictures?fps=2", SourceKind.IMAGES, "/pictures"),
        ("sim:day?seed=1&camera=gate", SourceKind.SIMULATOR, "day"),
    ],
)
def test_parse(text: str, kind: SourceKind, location: str) -> None:
    address = parse_address(text)
    assert (address.kind, address.location) == (kind, location)
    assert address.credentials is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cam.lan",
        "ftp://cam.lan/a.mp4",
        "rtsp:///nobody",
        "rtsp://cam:99999999/x",
        "http://[::1/x",
        "file:",
        "images:?fps=2",
        "sim:",
        "rtsp://cam.lan/\nHost: other",
        "file:/a\0b",
        "rtsp://" + "a" * 3000,
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SourceError):
        parse_address(text)


def test_userinfo_is_taken_out() -> None:
    address = parse_address("rtsp://adm%40in:p%40ss%3Aw%2Frd%251@cam.lan:8554/main")
    assert address.credentials == Credentials("adm@in", SECRET)
    assert address.location == "rtsp://cam.lan:8554/main"
    assert address.url() == "rtsp://adm%40in:p%40ss%3Aw%2Frd%251@cam.lan:8554/main"


def test_secret_wins_over_userinfo() -> None:
    address = parse_address("rtsp://a:b@cam.lan/main", Credentials.parse(f"root:{SECRET}\n"))
    assert address.credentials == Credentials("root", SECRET)


def test_credentials_are_never_text() -> None:
    credentials = Credentials.parse(f"adminuser:{SECRET}")
    address = parse_address("http://cam.lan/mjpg?pwd=hunter22", credentials)
    for shown in (repr(credentials), str(credentials), repr(address), str(address)):
        assert SECRET not in shown
        assert "adminuser" not in shown
    assert "hunter22" not in str(address)


@pytest.mark.parametrize("text", ["rtsp://user:s3cret@cam:port/x", "rtsp://user:s3cret@/x"])
def test_error_does_not_quote_the_url(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_address(text)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("secret", "user", "password"),
    [("a:b:c", "a", "b:c"), ("only", "", "only"), (":x", "", "x"), ("u:p\r\n", "u", "p")],
)
def test_secret_text(secret: str, user: str, password: str) -> None:
    assert Credentials.parse(secret) == Credentials(user, password)
