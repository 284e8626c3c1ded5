"""What was decided about an event, in the index that finds it."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The key is made anew: on ten million decisions half a minute in which archive waits."""
    run("v0013_search.sql")
