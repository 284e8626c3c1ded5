"""What a document may not say is refused by the field's name, with what is allowed there."""

from __future__ import annotations

import pytest

from schemas.document_reader import examine

DOCUMENT = """\
sites:
  - site_id: north
    cameras: [{camera_id: gate}]
    zones: [{zone_id: yard, camera_ids: [gate]}]
receivers: [{name: soc, channels: [{kind: log}]}]
"""
SILENCE = (
    "{{silence_id: works, matchers: ['zone=\"yard\"'], created_by: kim, "
    "starts_at: 2026-03-02T10:00:00Z, ends_at: {}}}"
)
WINDOW = "{days: [mon], start: '10:00', end: '11:00'}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "route: {receiver: soc, matchers: ['severity>high']}",
            "matchers: 'severity>high' is no matcher; write name=\"value\", with !=, =~ or !~",
        ),
        (
            "inhibit: [{source: ['type=~\"(\"'], target: ['type=\"x\"']}]",
            "source: 'type=~\"(\"' has an expression that does not compile",
        ),
        (
            "route: {receiver: sock}",
            "receiver: a route names receiver 'sock', which does not exist. Did you mean 'soc'? "
            "Known receivers: soc.",
        ),
        (
            "escalations: [{steps: [{after: 5m, receiver: boss}]}]",
            "receiver: a step names receiver 'boss', which does not exist. Known receivers: soc.",
        ),
        (
            "silences: [" + SILENCE.format("2026-03-02T09:00:00Z") + "]",
            "ends_at: silence 'works' ends before it starts; it has to be after "
            "2026-03-02T10:00:00+00:00",
        ),
        (
            f"route: {{receiver: soc, mute_schedules: [{{timezone: Mars/Olympus, "
            f"windows: [{WINDOW}]}}]}}",
            "timezone: 'Mars/Olympus' is no IANA timezone; write for example 'Europe/Berlin'",
        ),
    ],
)
def test_refused(text: str, says: str) -> None:
    reading = examine(DOCUMENT + text, file="site.yaml")
    assert reading.document is None
    (problem,) = reading.problems
    assert problem.line == 6
    assert says in problem.message


def test_a_label_that_only_events_may_carry_is_pointed_out() -> None:
    text = "route: {receiver: soc, matchers: ['colour=\"red\"', 'zone=\"yard\"']}"
    reading = examine(DOCUMENT + text)
    assert reading.document is not None
    assert [note.message.partition(" (")[0] for note in reading.notes] == [
        "matchers: 'colour' is no label of ours"
    ]
