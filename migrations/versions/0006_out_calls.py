"""Calls that the CRM has made: what was asked for, and how far each has come."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXTS = ("node", "owner", "crm_id", "channel", "context", "exten", "priority", "caller", "details", "state")
_MOMENTS = ("sent_at", "answered_at", "ended_at", "cause")


def upgrade() -> None:
    op.create_table(
        "out_calls",
        sa.Column("out_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("not_after", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Integer) for name in _MOMENTS),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
    )
    unnamed = sa.text("crm_id <> ''")
    op.create_index("out_calls_by_crm_id", "out_calls", ["owner", "crm_id"], unique=True, sqlite_where=unnamed)
    op.create_index("out_calls_by_owner", "out_calls", ["owner", "at"])
    op.create_index("out_calls_open", "out_calls", ["state", "out_id"], sqlite_where=sa.text("ended_at IS NULL"))
    op.create_index("out_calls_by_end", "out_calls", ["ended_at"], sqlite_where=sa.text("ended_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_table("out_calls")
