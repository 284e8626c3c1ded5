from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.setting_values import (
    as_bytes,
    as_count,
    as_duration,
    as_host,
    as_hosts,
    as_networks,
    as_path,
    as_tiles,
    as_web_address,
    as_words,
    default_cache,
    show,
    show_bytes,
    show_duration,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        (1024, 1024),
        ("500MB", 500_000_000),
        ("500MiB", 524_288_000),
        ("1.5 gib", 1_610_612_736),
        ("2t", 2_000_000_000_000),
        ("10 kB", 10_000),
    ],
)
def test_as_bytes(text: object, size: int) -> None:
    assert as_bytes(text, "x") == size


@pytest.mark.parametrize("text", ["", "-1", "1XB", "MB", True, 1.5, None, "1e3"])
def test_as_bytes_refuses(text: object) -> None:
    with pytest.raises(SettingsError, match="x: "):
        as_bytes(text, "x")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6", 6), (6, 6), ("250ms", 0.25), ("1h30m", 5400), ("2w", 1_209_600), ("0.5s", 0.5)],
)
def test_as_duration(text: object, seconds: float) -> None:
    assert as_duration(text, "x") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0", "-5s", "5 s", "1h 30m", "5x", "999999w", True, [], "s"])
def test_as_duration_refuses(text: object) -> None:
    with pytest.raises(SettingsError, match="duration"):
        as_duration(text, "x")


def test_as_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/kim")
    assert as_path("a/../b", "x") == tmp_path / "b"
    assert as_path("~/c", "x") == Path("/home/kim/c")
    for bad in ("", "a\0b"):
        with pytest.raises(SettingsError):
            as_path(bad, "x")


def test_as_networks() -> None:
    assert as_networks("10.0.0.1/8, 192.168.1.7,fd00::/8", "x") == (
        "10.0.0.0/8",
        "192.168.1.7/32",
        "fd00::/8",
    )
    assert as_networks([], "x") == ()
    for wrong in ("10.0.0.0/40", "everything", ["10.0.0.0/8"] * 101):
        with pytest.raises(SettingsError):
            as_networks(wrong, "x")


def test_as_words() -> None:
    assert as_words(" CUDA , CPU,", "x") == ("CUDA", "CPU")
    assert as_words(["a", "b"], "x") == ("a", "b")
    assert as_words("", "x") == ()


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.9", "127.0.0.9"),
        ("::1", "::1"),
        ("0.0.0.0", "0.0.0.0"),
        ("192.0.2.5", "192.0.2.5"),
    ],
)
def test_as_host(text: str, host: str) -> None:
    assert as_host(text, "x") == host


def test_as_hosts() -> None:
    assert as_hosts("Watch.example.org., 192.0.2.5,*.inner.example", "x") == (
        "watch.example.org",
        "192.0.2.5",
        "*.inner.example",
    )
    assert as_hosts(["2001:db8::1"], "x") == ("2001:db8::1",)
    for wrong in ("a:8080", "*", "https://a", "a b", ["a"] * 101):
        with pytest.raises(SettingsError):
            as_hosts(wrong, "x")


def test_as_web_address() -> None:
    assert as_web_address("https://watch.example.org/", "x") == "https://watch.example.org"
    assert as_web_address("http://[::1]:8080", "x") == "http://[::1]:8080"
    for wrong in (
        "watch.example.org",
        "ftp://a",
        "https://a/b",
        "https://u:p@a",
        "https://a:0",
        "http://a",
    ):
        with pytest.raises(SettingsError):
            as_web_address(wrong, "x")


def test_default_cache_ignores_a_relative_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache() == Path("/home/kim/.cache/watchfloor")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert default_cache() == Path("/var/cache/watchfloor")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (6, "6s"), (5400, "1h30m"), (0.25, "250ms"), (90_061, "1d1h1m1s")],
)
def test_show_duration(seconds: float, text: str) -> None:
    assert show_duration(timedelta(seconds=seconds)) == text


def test_show_bytes() -> None:
    assert show_bytes(0) == "0 B"
    assert show_bytes(10 * 1024**3) == "10 GiB"
    assert show_bytes(5 * 1024**4) == "5 TiB"


def test_show_masks() -> None:
    assert show("amqp://a:b@c") == "amqp://a:***@c"
    assert show(None) is None
    assert show(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize(("text", "count"), [("1", 1), (7, 7), (" 100 ", 100)])
def test_as_count(text: object, count: int) -> None:
    assert as_count(100)(text, "x") == count


@pytest.mark.parametrize("text", ["0", "101", "-1", "1.0", "", True, None, "1e2"])
def test_as_count_refuses(text: object) -> None:
    with pytest.raises(SettingsError, match="x: "):
        as_count(100)(text, "x")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://tiles.example.com/{z}/{x}/{y}.png", True),
        ("https://tiles.example.com:8443/a/{z}/{x}/{y}.webp?k=a-b", True),
        ("http://tiles.example.com/{z}/{x}/{y}.png", False),
        ("https://me:secret@tiles.example.com/{z}/{x}/{y}.png", False),
        ("https://tiles.example.com/{z}/{x}.png", False),
        # What is put into a header must not end it, nor allow another source.
        ("https://tiles.example.com; script-src *//{z}/{x}/{y}", False),
        ("https://*/{z}/{x}/{y}.png", False),
    ],
)
def test_where_pictures_of_the_earth_are(given: str, taken: bool) -> None:
    if taken:
        assert as_tiles(given, "x") == given
        return
    with pytest.raises(SettingsError, match="tiles") as found:
        as_tiles(given, "map_tiles_url")
    assert "secret" not in str(found.value)
