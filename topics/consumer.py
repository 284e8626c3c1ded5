"""A whole consumer of a topic, as a script that a reader can copy and run."""

from __future__ import annotations

from typing import Final

from topics.declare import Content, Topic

__all__ = ["FIELDS", "consumer_example"]

FIELDS: Final = {
    "camera.frames.v1": ("seq", "motion", "keep_alive"),
    "camera.snapshots.v1": ("event_id", "position"),
    "camera.detections.v1": ("camera_id", "seq", "detections"),
    "camera.tracks.v1": ("camera_id", "label", "frames"),
    "device.assignments.v1": ("device_id", "kind", "source"),
    "device.probes.v1": ("device_id", "state", "last_frame_at"),
    "security.events.v1": ("site_id", "event_type", "occurred_at"),
    "security.decisions.v1": ("event_id", "result", "reason"),
    "security.alerts.v1": ("state", "severity", "rank", "event_type"),
    "security.alert-activity.v1": ("alert_id", "kind", "actor"),
    "alert.commands.v1": ("alert_id", "kind", "actor"),
    "notify.requests.v1": ("receiver", "status", "total"),
    "notify.results.v1": ("receiver", "outcome", "attempt"),
    "config.documents.v1": ("revision", "author", "site"),
}
"""The fields of a topic's message that a line has room for."""


def consumer_example(topic: Topic, address: str | None = None) -> str:
    """A script that reads the topic with confluent-kafka alone, and prints a line a record.

    address: the topic's name on the broker, where it has a namespace before it.
    """
    name = address or topic.name
    lines = [
        "import json",
        "import os",
        "",
        "from confluent_kafka import Consumer",
        "",
        "consumer = Consumer(",
        "    {",
        '        "bootstrap.servers": os.environ["KAFKA"],  # as in \'watchfloor status\'',
        f'        "group.id": "example.{name}",',
        '        "auto.offset.reset": "earliest",',
        "    }",
        ")",
        f'consumer.subscribe(["{name}"])',
        "try:",
        "    while (record := consumer.poll(30)) is not None:  # 30 s without a record end it",
        "        if record.error():",
        "            raise SystemExit(str(record.error()))",
        "        headers = dict(record.headers())",
    ]
    if topic.compact:
        lines += [
            "        if record.value() is None:  # a tombstone",
            '            print(record.key().decode(), "removed", flush=True)',
            "            continue",
        ]
    if topic.content is Content.JPEG:
        lines += [
            f'        about = json.loads(headers["{topic.header}"])',
            '        print(about["captured_at"], len(record.value()), "bytes of JPEG", flush=True)',
        ]
    else:
        fields = ", ".join(f'value.get("{f}")' for f in FIELDS.get(topic.name, ("now",)))
        lines += [
            "        value = json.loads(record.value())",
            f'        print(headers["ce_id"].decode(), {fields}, flush=True)',
        ]
    lines += ["finally:", "    consumer.close()"]
    return "\n".join(lines) + "\n"
