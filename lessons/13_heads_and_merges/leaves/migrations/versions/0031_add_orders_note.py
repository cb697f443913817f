"""add orders note

What a user wants the courier to know. Nullable: most have nothing to say.

Revision ID: 0031
Revises: 0029
Create Date: 2026-03-30 11:48:16.875530

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("note", sa.String(length=500), nullable=True))


def downgrade():
    """Drop the column. Every note is lost."""
    op.drop_column("orders", "note")
