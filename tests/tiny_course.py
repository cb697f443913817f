"""A course of one small lesson with one exercise, for tests of what judges exercises; a test may spoil any of it."""

import shutil
from importlib.util import find_spec
from pathlib import Path

FOLDER = "lessons/01_tiny"
BEFORE = "lessons/00_before"
ANSWERS = f"{FOLDER}/answers/01.1.md"

SHOP = """\
import os

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app)
Migrate(app, db)


class User(db.Model):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(120))
"""

BASELINE = '''\
"""create users"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("email", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )


def downgrade():
    op.drop_table("users")
'''

ROWS = "INSERT INTO users (email) VALUES ('ann@example.com'), ('o''neill@example.com'), ('李雷@例子.中国');\n"

MANIFEST = """\
title: A tiny lesson
summary: It adds a column.
engines: [sqlite, postgres]
exercises:
  "01.1":
    title: An optional nickname
    engines: [sqlite, postgres]
    hints: {question: "Where is it said?", pointer: "Look at the model."}
"""

CHECKS = '''\
from migration_lab.teaching.judging import FilesJudge


class Nickname(FilesJudge):
    exercise = "01.1"
    stub_fails = "column"
    changes = ("users.nickname",)
    last = ("no_other_change", "one_head", "downgrade", "upgrade_again", "rows_kept", "new_database", "no_drift")

    def column(self) -> None:
        """`users.nickname` is there: text, up to 40 characters"""
        column = self.head.column("users.nickname")
        self.expect(
            column is not None and (column.kind, column.length) == ("text", 40),
            expected="`users.nickname`, VARCHAR(40)",
            found=column.type if column else "no column of that name",
            cause="The revision was not written, or it names another table or type.",
            next_step="Write the column into the model, and let `flask db migrate` write the revision.",
        )

    def nullable(self) -> None:
        """`users.nickname` may be left empty"""
        column = self.head.column("users.nickname")
        self.expect(
            column.nullable, expected="It may be null.", found=str(column), next_step="Say `Mapped[str | None]`."
        )
'''

MODEL = """\
```python tags=["solution"]
from pathlib import Path
model = Path("shop.py")
model.write_text(model.read_text() + "    nickname: Mapped[str | None] = mapped_column(String(40))\\n")
```
"""

EXERCISES = f"""\
# Exercises

## 01.1 An optional nickname

Support asks for a nickname.

```python tags=["start"]
shop = lab.exercise("01.1")
```

{MODEL}
```python tags=["solution"]
%flask db migrate -m "add users.nickname" --rev-id 0002
```

```python tags=["solution"]
%flask db upgrade
```

```python tags=["stub"]
# Your commands.
```
"""


def revision(up: str, down: str, rev_id: str = "0002", after: str = "0001") -> str:
    """A revision file's text; `up` and `down` are one line of Python each, or several joined by newlines."""
    body = "import sqlalchemy as sa\nfrom alembic import op\n\n"
    head = f'"""add users.nickname"""\n{body}revision = "{rev_id}"\ndown_revision = "{after}"\n\n\n'
    return head + "\n\n\n".join(
        f"def {name}():\n" + "\n".join(f"    {line}" for line in lines.splitlines())
        for name, lines in (("upgrade", up), ("downgrade", down))
    )


ADD = 'op.add_column("users", sa.Column("nickname", sa.String(40)))'
DROP = 'op.drop_column("users", "nickname")'


def answer(name: str, up: str, down: str, *, rejected_by: str | None = None) -> str:
    """An answer: the model's line, and a revision written by hand."""
    heading = f"## {name}: {f'rejected by {rejected_by}' if rejected_by else 'right'}\n\nWhy {name}.\n\n"
    cell = f"%%writefile migrations/versions/0002_add_users_nickname.py\n{revision(up, down)}\n"
    first = MODEL.replace(' tags=["solution"]', "")
    return f"{heading}{first}\n```python\n{cell}```\n"


def make(root: Path) -> Path:
    """Write the course into a folder; what it holds is right in every way."""
    files = {
        "sample_app/shop.py": SHOP,
        "sample_app/rows.sql": ROWS,
        f"{FOLDER}/lesson.yaml": MANIFEST,
        f"{FOLDER}/lesson.md": "# A tiny lesson\n",
        f"{FOLDER}/exercises.md": EXERCISES,
        f"{FOLDER}/checks.py": CHECKS,
        f"{BEFORE}/lesson.yaml": 'title: Before\nsummary: It makes the table.\nleaves: "0001"\n',
        f"{BEFORE}/leaves/migrations/versions/0001_create_users.py": BASELINE,
        ANSWERS: "\n".join(
            [
                answer("by_hand", ADD, DROP),
                answer("too_long", ADD.replace("40", "400"), DROP, rejected_by="column"),
                answer(
                    "not_null",
                    ADD.replace("String(40)", 'String(40), nullable=False, server_default=""'),
                    DROP,
                    rejected_by="nullable",
                ),
                answer("no_downgrade", ADD, "pass", rejected_by="downgrade"),
            ]
        ),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    flask_migrate = find_spec("flask_migrate")
    assert flask_migrate, "the course depends on it"
    environment = Path(str(flask_migrate.origin)).parent / "templates" / "flask"
    migrations = root / BEFORE / "leaves" / "migrations"
    shutil.copyfile(environment / "alembic.ini.mako", migrations / "alembic.ini")
    for name in ("env.py", "script.py.mako"):
        shutil.copyfile(environment / name, migrations / name)
    return root
