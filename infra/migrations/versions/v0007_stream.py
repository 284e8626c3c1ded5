"""Indexes for the queue's first page and for a search over sites."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What the API's queries ask for (api/alert/repository.py, api/event/repository.py)."""
    run("v0007_stream.sql")
