"""axe-core on a page: what somebody with a screen reader, or with a keyboard, would fail at."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from api.dashboard.serve import DIST

SOURCE = DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def troubles(page: Page) -> list[str]:
    """What axe finds serious or critical, a line each."""
    if not SOURCE.exists():
        pytest.skip("axe-core is not installed (npm ci in api/dashboard)")
    page.evaluate(SOURCE.read_text())
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
