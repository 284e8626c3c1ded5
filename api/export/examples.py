"""Examples for the API's description: rows of a small site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

__all__ = ["AFTER", "CSV", "NDJSON"]

AFTER: Final = "north,2026-03-02T22:14:07.400Z,6c0c0b1e-3f0c-5d0e-9a53-9d2f6f4d2a11"
SINCE: Final = datetime(2026, 3, 2, tzinfo=UTC)
NDJSON: Final = (
    '{"decision_id":"0d1c","event_id":"6c0c","site_id":"north",'
    '"decided_at":"2026-03-02T22:14:08Z","result":"sent","reason":null,"alert_id":"0b7f",'
    '"stages":[{"stage":"dedupe","verdict":"pass"}]}\n'
)
CSV: Final = (
    "decision_id,event_id,site_id,decided_at,result,reason,alert_id,stages\r\n"
    "0d1c,6c0c,north,2026-03-02T22:14:08Z,sent,,0b7f,"
    '"[{""stage"":""dedupe"",""verdict"":""pass""}]"\r\n'
)
