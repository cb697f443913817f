"""A small project that is made to fail, and the card that must match its output."""

import re
from dataclasses import dataclass
from pathlib import Path

from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.process import Completed
from migration_lab.teaching.explain import explain

APP = """
import os
from flask import Flask
from flask_migrate import Migrate
from ext import db, options
import models

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db.init_app(app)
Migrate(app, db, **options)
"""
EXT = """
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy(metadata=sa.MetaData(naming_convention={convention}))
options = dict({options})
"""
USER = """
class User(db.Model):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    email = sa.Column(sa.String(255))
"""
REVISION = '''"""step {own}"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = {own!r}
down_revision = {down!r}


def upgrade():
    {up}


def downgrade():
    {undo}
'''
USERS = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.String(255)))'
T = "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('x', {}))"
ANN = "op.execute(\"INSERT INTO users (id, email) VALUES (1, 'ann')\")"
TWO_ANNS = ANN + "; op.execute(\"INSERT INTO users (id, email) VALUES (2, 'ann')\")"
CONVENTION = '{"uq": "uq_%(table_name)s_%(column_0_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s"}'
BATCH = 'batch = op.batch_alter_table("users")\n    with batch as b: '


@dataclass
class Project:
    """A small project with migrations, in which anything may be broken."""

    folder: Path
    url: str

    def settings(self, *, app: str = "app", url: str | None = None) -> None:
        (self.folder / ".flaskenv").write_text(f"FLASK_APP={app}\nDATABASE_URL={url or self.url}\n")

    def models(self, text: str = "", *, convention: str = "None", options: str = "") -> None:
        (self.folder / "ext.py").write_text(EXT.format(convention=convention, options=options))
        (self.folder / "models.py").write_text("from ext import db, sa\n" + text)

    def revision(self, own: str, down: str | tuple[str, ...] | None, up: str = "pass", undo: str = "pass") -> Path:
        path = self.folder / "migrations" / "versions" / f"{re.sub('[^a-z0-9]', '_', own)}_step.py"
        path.write_text(REVISION.format(own=own, down=down, up=up, undo=undo))
        return path

    def line(self, *bodies: str) -> None:
        """Revisions 1, 2, 3... one after the other."""
        for number, body in enumerate(bodies, 1):
            self.revision(str(number), str(number - 1) if number > 1 else None, body)

    def flask(self, *words: str) -> Completed:
        return run_flask(self, *words)

    def db(self, *words: str) -> str:
        return self.flask("db", *words).output

    def good(self, *words: str) -> str:
        done = self.flask("db", *words)
        assert done.exit_code == 0, done.output
        return done.output


def expect(output: str, card_id: str) -> None:
    found = explain(output)
    assert found is not None, output
    assert found.id == card_id, output
