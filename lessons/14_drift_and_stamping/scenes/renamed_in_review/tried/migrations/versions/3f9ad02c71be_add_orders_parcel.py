"""add orders parcel

Revision ID: 3f9ad02c71be
Revises: 0032
Create Date: 2026-04-03 16:48:20.310977

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "3f9ad02c71be"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("parcel", sa.String(length=40), nullable=True))


def downgrade():
    op.drop_column("orders", "parcel")
