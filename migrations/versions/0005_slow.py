"""Slow decisions by indexes of their own: what a decision took is known late, and no entry has to be moved for it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BANDS = {
    "decisions_over_1000_ms": "ms >= 1000",
    "decisions_over_400_ms": "ms >= 400 AND ms < 1000",
    "decisions_over_100_ms": "ms >= 100 AND ms < 400",
    "decisions_over_10_ms": "ms >= 10 AND ms < 100",
    "decisions_under_10_ms": "ms < 10",
}


def upgrade() -> None:
    op.drop_index("decisions_by_time", "decisions")
    op.create_index("decisions_by_time", "decisions", ["at"])
    for name, band in _BANDS.items():
        op.create_index(name, "decisions", ["at", "ms"], sqlite_where=sa.text(band))


def downgrade() -> None:
    for name in _BANDS:
        op.drop_index(name, "decisions")
    op.drop_index("decisions_by_time", "decisions")
    op.create_index("decisions_by_time", "decisions", ["at", "ms"])
