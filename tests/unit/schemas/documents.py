"""A document with everything in it, for tests to spoil."""

# ruff: noqa: E501 - as people write them
from __future__ import annotations

from typing import Any

from schemas.document_reader import examine

GOOD = """\
sites:
  - site_id: north
    name: North depot
    timezone: Europe/London
    notifications: {enabled: true, rate_limit_per_min: 3, mode: cards}
    devices:
      - {device_id: nvr-1, kind: nvr, name: Recorder, address: 10.0.0.2}
      - {device_id: dock, kind: camera, parent: nvr-1}
    cameras:
      - {camera_id: gate, name: Gate, nvr_id: nvr-1, stream: rtsp://10.0.0.3/s, credentials: gate}
      - {camera_id: fence, stream: "sim:fence", detect_fps: 2}
    zones:
      - zone_id: yard
        camera_ids: [gate, fence, dock]
        severity: high
        labels: [person]
        min_confidence: 0.6
        dwell_sec: 2
        dedupe_window_sec: 60
        alert_destinations: [soc]
        polygons:
          gate: [[0.1, 0.2], [0.9, 0.2], [0.9, 1], [0.1, 1]]
        active_schedule:
          timezone: Europe/Berlin
          windows:
            - {days: [fri, sat], start: 18:00, end: 06:00}
            - {days: [sun], start: "00:00", end: "24:00"}
route:
  receiver: soc
  group_by: [site, zone]
  group_wait: 10s
  group_interval: 1m30s
  repeat_interval: 4h
  resolve_after: 1800
  send_resolved: false
  mute_schedules: [{windows: [{days: [mon], start: "12:00", end: "13:00"}]}]
  routes:
    - {matchers: ['severity="high"'], receiver: pager, continue: true}
receivers:
  - {name: soc, retry_for: 10m, channels: [{kind: webhook, url: "https://soc.example.org/hook", secret: soc-hook}]}
  - {name: pager, fanout: true, channels: [{kind: pushover, credentials: app, user: soc, priority: 1}, {kind: log}]}
inhibit:
  - {source: ['kind="nvr"'], target: ['kind="camera"'], equal: [site, nvr]}
silences:
  - {silence_id: works, matchers: ['camera="gate"'], starts_at: 2026-03-02T10:00:00Z, ends_at: "2026-03-02T12:00:00+01:00", created_by: kim, comment: painting}
escalations:
  - {matchers: ['severity="critical"'], steps: [{after: 5m, receiver: pager}, {after: 15m, receiver: soc}]}
"""


def problems(text: str, **options: Any) -> list[str]:
    """The problems of a text, as a person reads them."""
    return [str(problem) for problem in examine(text, file="site.yaml", **options).problems]
