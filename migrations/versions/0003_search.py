"""What finds decisions by any filter, what has ended, and how far the hiding of numbers has come."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEXES = {
    "decisions_by_time": ["at", "ms"],
    "decisions_by_did": ["did_key", "at"],
    "decisions_by_caller": ["caller_key", "at"],
    "decisions_by_source": ["source", "status", "at"],
}
_DRILLED = """instr(trail, '"drill: ') > 0"""


def upgrade() -> None:
    for name, columns in _INDEXES.items():
        op.create_index(name, "decisions", columns)
    op.create_index("decisions_by_rule", "decisions", ["rule", "at"], sqlite_where=sa.text("rule <> ''"))
    op.create_index("decisions_drilled", "decisions", ["at"], sqlite_where=sa.text(_DRILLED))
    op.create_index("events_by_end", "events", ["ended_at"], sqlite_where=sa.text("state <> 'pending'"))
    op.create_table(
        "progress",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )


def downgrade() -> None:
    op.drop_table("progress")
    op.drop_index("events_by_end", "events")
    for name in (*_INDEXES, "decisions_by_rule", "decisions_drilled"):
        op.drop_index(name, "decisions")
