"""Examples for the API's description: what is to be done at an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from api.alert.schemas import ProcedureView, StepView, ZoneProcedure
from api.examples import ALERT_ID, AT
from schemas.ids import step_id

__all__ = ["PROCEDURE", "STEP_ID"]

LOOK: Final = "Look at the pictures before and after, and at the neighbouring camera."
CALL: Final = "Call the guard at the gate; nobody leaves the gatehouse alone."
STEP_ID: Final = step_id("north", "yard", LOOK)

PROCEDURE: Final = ProcedureView(
    alert_id=ALERT_ID,
    site_id="north",
    zones=(
        ZoneProcedure(
            zone_id="yard",
            steps=(
                StepView(
                    step_id=STEP_ID, text=LOOK, done_by="kim", done_at=AT + timedelta(seconds=41)
                ),
                StepView(
                    step_id=step_id("north", "yard", CALL), text=CALL, done_by=None, done_at=None
                ),
            ),
        ),
    ),
)
