"""give every user a display name

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-13 09:23:41.003127

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from shop.models import User

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    session = Session(op.get_bind())
    for user in session.scalars(sa.select(User).where(User.display_name.is_(None))):
        user.display_name = user.email.split("@")[0][:80]
    session.commit()


def downgrade():
    """Leave the names: some users have changed theirs since."""
