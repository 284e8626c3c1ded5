"""Examples for the API's description."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.notify.schemas import NotifyAnswer, NotifyOutcome
from api.push.schemas import KeyView, PushState, PushSubscriptionView, PushView
from schemas.base import Severity

__all__ = ["PUSH", "SUBSCRIPTION", "SUBSCRIPTIONS", "TRIED", "UNDER_WAY"]

AT: Final = datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC)
KEY: Final = (
    "BNbxGYNMhEIi9zrneh7mqV4oUanjLUK3m-mYZBc62frMKrEoMk88r3Lk596T0ck9xlT-aok0fO1KXBLV4-XqxYM"
)
PUSH_ID: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SUBSCRIPTION: Final = PushSubscriptionView(
    push_id=PUSH_ID,
    label="Chrome, Android",
    least=Severity.HIGH,
    language="en",
    key=KEY,
    made_at=AT - timedelta(days=20),
    taken_at=AT,
    gone_at=None,
)
PUSH: Final = PushView(
    state=PushState.READY,
    keys=(KeyView(key=KEY, receivers=("night-shift",)),),
    subscriptions=(SUBSCRIPTION,),
)
SUBSCRIPTIONS: Final[dict[str, Any]] = {
    "a phone": {
        "endpoint": "https://push.example.org/send/…",
        "keys": {
            "p256dh": (
                "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8Qc"
                "YP7DkM"
            ),
            "auth": "tBHItJI5svbpez7KI4CCXg",
        },
        "key": KEY,
        "least": "high",
        "label": "Chrome, Android",
        "language": "en",
    }
}
TRIED: Final = NotifyAnswer(
    notification_id="9d3b6f0e-2d0a-5c1b-8f6e-0a4a1d2c3b4e",
    site_id="north",
    receiver="night-shift",
    result=NotifyOutcome.SENT,
    channel="phones",
)
UNDER_WAY: Final = NotifyAnswer(
    notification_id="9d3b6f0e-2d0a-5c1b-8f6e-0a4a1d2c3b4e",
    site_id="north",
    receiver="night-shift",
    result=NotifyOutcome.ACCEPTED,
    retrying=True,
)
