"""What became of each try to tell an event, besides the latest."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("tries", sa.Text, nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.drop_column("events", "tries")
