"""Accounts: who may sign in, as what and at which sites; sessions, tokens and keys."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables only: what is there stays as it is."""
    run("v0006_accounts.sql")
