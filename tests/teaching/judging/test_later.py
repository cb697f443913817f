"""A copy whose revisions find no models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground import course, engines
from migration_lab.shops import workspace
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.later import forgetful, models_gone

REVISION = '''\
"""look at the models"""

import sqlalchemy as sa
from alembic import op
{imports}

revision = "0009"
down_revision = "0008"

OWN = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer))


def upgrade():
    {body}
    op.execute(sa.select(OWN.c.id))


def downgrade():
    pass
'''
ASKS = (
    ("from shop.models import User", "pass"),
    ("", "from shop.models.user import User"),
    ("from shop.models.order import STATUSES", "pass"),
    ("import shop.models", "shop.models.User"),
    ("import shop.models", "shop.models.order.STATUSES"),
    ("from shop.extensions import db", 'db.metadata.tables["users"]'),
    ("from flask import current_app", 'current_app.extensions["migrate"].db.metadata.tables["users"]'),
    ("", 'op.get_context().opts["target_metadata"].tables["users"]'),
)


@pytest.fixture
def shop(home: Path) -> Iterator[Database]:
    copy = Database(workspace.open_lesson(course.lesson("06"), engines.engine("sqlite")).workspace, "the copy")
    yield forgetful(copy)
    copy.engine.drop(copy.folder)


def write(shop: Database, imports: str, body: str) -> None:
    text = REVISION.format(imports=imports, body=body)
    (shop.folder / "migrations/versions/0009_look_at_the_models.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("imports", "body"), ASKS)
def test_a_revision_that_asks_the_models_fails_while_they_are_gone(shop: Database, imports: str, body: str) -> None:
    write(shop, imports, body)
    with models_gone(shop):
        failed = shop.flask("db upgrade")
    assert failed.exit_code != 0, failed.output
    shop.must("db upgrade")


def test_a_revision_does_not_find_a_model_that_the_app_does_not_import(shop: Database) -> None:
    model = "from shop.extensions import db\n\n\nclass Note(db.Model):\n    __tablename__ = 'notes'\n"
    (shop.folder / "shop/models/note.py").write_text(f"{model}    id = db.Column(db.Integer, primary_key=True)\n")
    write(shop, "import shop.models.note", "pass")
    with models_gone(shop):
        assert "shop.models.note" in shop.flask("db upgrade").output
    assert shop.stands_at() != ("0009",)
    shop.must("db upgrade")


@pytest.mark.parametrize("imports", ["from shop import create_app", "from shop.extensions import db", ""])
def test_a_revision_that_asks_none_of_them_runs(shop: Database, imports: str) -> None:
    write(shop, imports, "pass")
    with models_gone(shop):
        shop.must("db upgrade")
    assert shop.stands_at() == ("0009",)
