"""Alembic's entry: the connection and the schema come from `infra.db.migrate`."""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table="schema_version",
    version_table_schema=attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()
