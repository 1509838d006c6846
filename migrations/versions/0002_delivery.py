"""The delivery of events: how often and when each was tried, what came of it, and what finds them and their calls."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")


def _columns() -> list[sa.Column[int] | sa.Column[str]]:
    moments = ("due_at", "tried_at", "missing_since")
    return [
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        *(sa.Column(name, sa.Integer) for name in moments),
        sa.Column("answer", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("ended_at", sa.Integer),
    ]


def upgrade() -> None:
    for column in _columns():
        op.add_column("events", column)
    op.execute("UPDATE events SET due_at = at WHERE state = 'pending'")
    op.drop_index("events_by_call", "events")
    op.create_index("events_by_call", "events", ["call_key", "node", "seq"], unique=True)
    op.create_index("events_by_channel", "events", ["call_id"], sqlite_where=sa.text("call_id <> call_key"))
    op.create_index("events_waiting", "events", ["call_key", "node", "seq"], sqlite_where=_PENDING)
    op.create_index("events_due", "events", ["due_at"], sqlite_where=_PENDING)
    op.create_index("events_by_state", "events", ["state", "event_id"])
    op.create_index("decisions_by_call", "decisions", ["call_id", "id"])
    op.create_index(
        "decisions_by_linked", "decisions", ["linked_id", "id"], sqlite_where=sa.text("linked_id <> call_id")
    )


def downgrade() -> None:
    op.drop_index("decisions_by_linked", "decisions")
    op.drop_index("decisions_by_call", "decisions")
    for name in ("events_by_state", "events_due", "events_waiting", "events_by_channel", "events_by_call"):
        op.drop_index(name, "events")
    for column in _columns():
        op.drop_column("events", column.name)
    op.create_index("events_by_call", "events", ["node", "call_key", "seq"], unique=True)
