"""Decisions by their call's first channel, without those whose channel is not known: an index less to write to."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("decisions_by_linked", "decisions")
    known = sa.text("linked_id <> call_id AND linked_id <> ''")
    op.create_index("decisions_by_linked", "decisions", ["linked_id", "id"], sqlite_where=known)


def downgrade() -> None:
    op.drop_index("decisions_by_linked", "decisions")
    op.create_index(
        "decisions_by_linked", "decisions", ["linked_id", "id"], sqlite_where=sa.text("linked_id <> call_id")
    )
