"""What Alembic runs: migrations on the connection that fallbackrouter.store.migrate opened.

It configures no logging and prints nothing. DDL is transactional here (the connection begins for itself), which
Alembic does not expect of SQLite and is told.
"""

from alembic import context

from fallbackrouter.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
