"""Documents that are meant to do harm, and passwords where they must not be."""

from __future__ import annotations

import pytest

from schemas.document_reader import examine
from tests.unit.schemas.documents import problems


@pytest.mark.parametrize(
    "secret_line",
    [
        "stream: rtsp://admin:hunter2@10.0.0.3/s",
        "stream: rtsp://hunter2@10.0.0.3/s",
        "stream: http://10.0.0.3/mjpeg?user=a&password=hunter2",
        "stream: RTSP://admin:hunter2@10.0.0.3",
        "stream: sim:day, address: admin:hunter2@10.0.0.3",
        "stream: rtsp://admin:hun/ter2hunter2@10.0.0.3",
        'stream: "hunter2\\u0007"',
        "stream: hunter2://[",
        "credentials: admin:hunter2",
        "credentials: [hunter2]",
        "credentials: 'hunter2 '",
        "substream: [rtsp://admin:hunter2@x]",
        "stream: " + "hunter2" * 400,
    ],
)
def test_password_is_refused_and_never_shown(secret_line: str) -> None:
    text = f"sites: [{{site_id: n, cameras: [{{camera_id: gate,\n {secret_line}}}]}}]"
    found = problems(text)
    assert found
    assert "hunter2" not in "".join(found)
    assert found[0].startswith("site.yaml:2:")


@pytest.mark.parametrize(
    "channel",
    [
        "{kind: email, url: 'smtp://u:hunter2@mail'}",
        "{kind: pushover, token: hunter2}",
        "{kind: email, smtp: {password: hunter2}}",
        "{kind: webhook, url: 'https://x/', secret: 'hunter2 !'}",
        "{kind: apprise, urls: ['a://b', 'c://u:hunter2@d']}",
    ],
)
def test_password_in_a_channel_is_refused_and_never_shown(channel: str) -> None:
    found = problems(f"receivers: [{{name: soc, channels: [{channel}]}}]")
    assert found
    assert "hunter2" not in "".join(found)
    assert "credentials: NAME" in found[0]


def test_syntax_error_shows_no_source() -> None:
    found = problems('sites: [{site_id: n, credentials: "hunter2\n')
    assert len(found) == 1
    assert "this is no YAML" in found[0]
    assert "hunter2" not in found[0]


def nested_aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"- a\n- b\n", "is a mapping"),
        (b"just text", "is a mapping"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: \x00", "a character that YAML does not allow"),
        (b"x" * (5 * 1024 * 1024 + 1), "5,242,881 bytes; at most 5,242,880"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b"{a: " * 100_000, "nested more than 64 deep"),
        (nested_aliases().encode(), "more than 1,000,000 values, aliases written out"),
        (b"&a [*a]", "no anchor before it"),
        (b"sites: *nothing", "no anchor before it"),
        (b"sites: []\nsites: []", "'sites' comes twice, first in line 1"),
        (b"sites: []\n---\nsites: []", "a second document starts here"),
        (b"sites: !!python/object/apply:os.system [id]", "the tag"),
        (b"? [a, b]\n: c", "a field's name must be plain text"),
        (b"sites: [\n", "this is no YAML"),
        (b"<<: 1", "'<<' takes a mapping"),
    ],
)
def test_hostile_bytes_are_a_problem_and_nothing_worse(data: bytes, says: str) -> None:
    reading = examine(data)
    assert reading.document is None
    assert any(says in str(problem) for problem in reading.problems), reading.problems


def test_problems_are_bounded() -> None:
    reading = examine("\n".join(f"k{i}: 1" for i in range(1000)))
    assert len(reading.problems) == 201
    assert "and 800 more problems" in {problem.message for problem in reading.problems}
