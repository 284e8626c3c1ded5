"""A line a record, and no secret in it, whatever is logged."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from infra.logs import ABOUT, REQUESTS, About, JsonFormatter, log_to_stderr
from infra.settings import Settings


def line(message: str, *arguments: Any, exc_info: Any = None) -> dict[str, Any]:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, message, arguments, exc_info)
    text = JsonFormatter("decide").format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("two\nlines", "two\nlines"),
        ('"quoted" \x00 \x1b[31m', '"quoted" \x00 \x1b[31m'),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
        ("postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
    ],
)
def test_messages(message: str, said: str) -> None:
    found = line(message)
    assert found["message"] == said
    assert (found["level"], found["logger"], found["process"]) == ("error", "x", "decide")
    assert "request_id" not in found


def test_a_traceback_is_scrubbed_and_on_the_line() -> None:
    try:
        raise RuntimeError("token=hunter2")
    except RuntimeError:
        found = line("failed", exc_info=sys.exc_info())
    assert "RuntimeError" in found["error"]
    assert "hunter2" not in found["error"]


def test_what_a_line_belongs_to_is_said() -> None:
    before = ABOUT.set(About(request_id="r1"))
    try:
        assert line("x")["request_id"] == "r1"
    finally:
        ABOUT.reset(before)


@pytest.fixture
def loggers() -> Iterator[None]:
    """Put back what `log_to_stderr` changes for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    requests = logging.getLogger(REQUESTS).level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger(REQUESTS).setLevel(requests)


@pytest.mark.parametrize(
    ("form", "level", "lines"),
    [("json", "info", 1), ("text", "info", 0), ("text", "debug", 1), ("json", "error", 0)],
)
@pytest.mark.usefixtures("loggers")
def test_a_line_a_request_is_jsons(
    form: str, level: str, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    logging.getLogger(REQUESTS).setLevel(logging.NOTSET)
    log_to_stderr(Settings(log_format=form, log_level=level), "api")
    logging.getLogger(REQUESTS).info("GET / 200")
    found = out.getvalue().splitlines()
    assert len(found) == lines
    assert [json.loads(one)["message"] for one in found if form == "json"] == ["GET / 200"] * (
        lines if form == "json" else 0
    )
