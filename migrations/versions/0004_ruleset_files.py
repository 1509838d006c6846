"""What applied rules were compiled from, so that they can be gone back to; and which files were rolled back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rulesets", sa.Column("files", sa.LargeBinary))
    op.add_column("rulesets", sa.Column("held", sa.Text, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("rulesets", "held")
    op.drop_column("rulesets", "files")
