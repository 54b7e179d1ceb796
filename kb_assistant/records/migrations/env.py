"""Run by Alembic: migrates on the connection it is given, inside the transaction that is open there.

No `fileConfig`: logging belongs to the application.
"""

from alembic import context

from kb_assistant.records.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table only by copying it
)
with context.begin_transaction():
    context.run_migrations()
