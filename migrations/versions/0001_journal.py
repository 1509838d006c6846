"""The journal: decisions, events, incidents, remembered answers, applied rules, saved addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    _decisions()
    _events()
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        _whole("at"),
        *_texts("part", "state", "reason"),
    )
    _remembered()
    op.create_table(
        "rulesets",
        sa.Column("id", sa.Integer, primary_key=True),
        _whole("at"),
        *_texts("digest"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *_texts("note"),
    )
    op.create_table(
        "addresses",
        *_texts("host", "address"),
        sa.Column("ttl_s", sa.REAL, nullable=False),
        _whole("at"),
        sa.PrimaryKeyConstraint("host", "address"),
    )


def _decisions() -> None:
    times = ("read_ms", "walk_ms", "live_queue_ms", "live_ms", "journal_ms", "write_ms")
    op.create_table(
        "decisions",
        *_texts("id"),
        _whole("at"),
        *_texts("node", "call_id", "linked_id", "did", "caller", "did_key", "caller_key", "stage", "line"),
        *_texts("context", "channel", "source", "rule", "status"),
        _whole("test"),
        sa.Column("ms", sa.REAL),
        *_texts("route", "trail"),
        *(sa.Column(name, sa.REAL) for name in times),
        sa.PrimaryKeyConstraint("id"),
    )


def _events() -> None:
    op.create_table(
        "events",
        *_texts("event_id"),
        _whole("at"),
        *_texts("node", "call_id", "linked_id", "call_key"),
        _whole("seq"),
        *_texts("stage", "did", "caller", "decision_id", "details", "state"),
        _whole("test"),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("events_by_call", "events", ["node", "call_key", "seq"], unique=True)


def _remembered() -> None:
    op.create_table(
        "remembered",
        *_texts("key"),
        sa.Column("route", sa.Text),
        _whole("at"),
        sa.Column("ttl_s", sa.REAL, nullable=False),
        *_texts("fallback_rule", "writer"),
        _whole("change"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("remembered_by_change", "remembered", ["change"], unique=True)


def downgrade() -> None:
    for name in ("addresses", "rulesets", "remembered", "incidents", "events", "decisions"):
        op.drop_table(name)
