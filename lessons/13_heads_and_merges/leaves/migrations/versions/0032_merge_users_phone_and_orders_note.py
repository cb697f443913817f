"""merge users phone and orders note

Two branches came from 0029 at the same time. This revision ties them together and changes nothing itself.
To go back, name a revision: one step back from here could mean either branch.

Revision ID: 0032
Revises: 0030, 0031
Create Date: 2026-03-31 08:59:03.241961

"""

# revision identifiers, used by Alembic.
revision = "0032"
down_revision = ("0030", "0031")
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
