"""A tiny course, so that these tests depend on no lesson: an app with one table, two revisions, one scene."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from migration_lab.ground import layers
from migration_lab.ground.engines import Engine, engine
from migration_lab.shops.process import run

APP = """
    import os

    from flask import Flask
    from flask_migrate import Migrate
    from flask_sqlalchemy import SQLAlchemy

    db = SQLAlchemy()
    migrate = Migrate()


    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)
        email = db.Column(db.String(80))


    def create_app():
        app = Flask(__name__)
        app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
        db.init_app(app)
        migrate.init_app(app, db)
        return app
"""
CHANGES = """
    ```diff shop/__init__.py
         email = db.Column(db.String(80))
    +    nickname = db.Column(db.String(80))
    ```
"""
FIRST = """
    import sqlalchemy as sa
    from alembic import op

    revision = "0001"
    down_revision = None


    def upgrade():
        op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.String(80)))


    def downgrade():
        op.drop_table("users")
"""
SECOND = """
    import sqlalchemy as sa
    from alembic import op

    revision = "0002"
    down_revision = "0001"


    def upgrade():
        op.add_column("users", sa.Column("nickname", sa.String(80)))
        op.execute("UPDATE users SET nickname = upper(email)")


    def downgrade():
        op.drop_column("users", "nickname")
"""
ROWS = """
    INSERT INTO users (id, email) VALUES (1, 'ada@example.com');
    INSERT INTO users (id, email) VALUES (2, 'it''s; odd');
"""
EMPTY_LESSON = """
    title: Before the first migration
    summary: None.
    leaves: "0002"
    scenes: {with_a_history: "02"}
"""
LESSON = """
    title: The second
    summary: None.
    exercises:
      "02.1": {title: One, engines: [sqlite, postgres], hints: {question: Why, pointer: There}}
      "02.2": {title: Two, engines: [sqlite, postgres], scene: stuck, hints: {question: Why, pointer: There}}
"""
SCENE_CHANGES = """
    ## files

    ```diff shop/__init__.py
    -    nickname = db.Column(db.String(80))
    +    nickname = db.Column(db.String(40))
    ```
"""
SCENE = """
    steps:
      - lay: files
      - flask: db upgrade
        fails: true
      - sql: {sqlite: "UPDATE users SET email = 'from sqlite'", postgres: "UPDATE users SET email = 'from postgres'"}
      - sql: DELETE FROM users WHERE id = 2
      - remove: migrations/versions/0002_nickname.py
"""
FAILING = """
    from alembic import op

    revision = "0003"
    down_revision = "0002"


    def upgrade():
        op.execute("SELECT * FROM nowhere")
"""


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip(), encoding="utf-8")


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny course, made once."""
    root = tmp_path_factory.mktemp("course")
    leaves = "lessons/01_first/leaves"
    versions = f"{leaves}/migrations/versions"
    write(
        root,
        {
            "sample_app/shop/__init__.py": APP,
            "sample_app/rows.sql": ROWS,
            "lessons/01_first/lesson.yaml": EMPTY_LESSON,
            "lessons/02_second/lesson.yaml": LESSON,
            f"{leaves}/changes.md": CHANGES,
            f"{versions}/0001_users.py": FIRST,
            f"{versions}/0002_nickname.py": SECOND,
            "lessons/02_second/scenes/stuck/scene.yaml": SCENE,
            "lessons/02_second/scenes/stuck/changes.md": SCENE_CHANGES,
            "lessons/02_second/scenes/stuck/files/migrations/versions/0003_fails.py": FAILING,
        },
    )
    scratch = tmp_path_factory.mktemp("scratch")
    shutil.copytree(root / "sample_app", scratch, dirs_exist_ok=True)
    made = run(
        ["flask", "db", "init"],
        folder=scratch,
        env={**os.environ, "FLASK_APP": "shop", "DATABASE_URL": "sqlite://"},
    )
    assert made.exit_code == 0, made.output
    shutil.copytree(scratch / "migrations", root / leaves / "migrations", dirs_exist_ok=True)
    return root


@pytest.fixture
def tiny_course(tiny_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may change, in place of the real course."""
    root = tmp_path / "tiny"
    shutil.copytree(tiny_files, root)
    monkeypatch.setenv("LAB_COURSE", str(root))
    return root


@pytest.fixture
def shop(tiny_files: Path, tmp_path: Path) -> Path:
    """The tiny app in a folder, with its two revisions, a `.flaskenv` and no database yet."""
    folder = tmp_path / "shop"
    *_, (_, files) = layers.history(tiny_files / "sample_app", [tiny_files / "lessons/01_first/leaves"])
    layers.write(files, folder)
    write(folder, {".flaskenv": "FLASK_APP=shop\nDATABASE_URL=sqlite:///shop.db\n"})
    return folder


@pytest.fixture(params=["sqlite", "postgres"])
def each_engine(request: pytest.FixtureRequest) -> Engine:
    """Both engines, one after the other."""
    return engine(request.param)


@pytest.fixture(params=["forked", "spawned"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the forkserver, and without it as on systems that cannot fork."""
    if request.param == "spawned":
        monkeypatch.setenv("LAB_FORKSERVER", "0")
    return str(request.param)


@pytest.fixture
def no_databases_left(home: Path, each_engine: Engine) -> Iterator[None]:
    """The server is shared by all tests: take what this one made away again."""
    yield
    for path in [*home.glob("shops/*/"), *home.glob("shops/kept/*/")]:
        if path.is_dir():
            each_engine.drop(path)
