"""Opens, reads and changes a workspace, for the tests of workspaces."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from migration_lab.ground.course import lesson
from migration_lab.ground.engines import Engine
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.git_command import run_git
from migration_lab.shops.identity import Identity, Workspace
from migration_lab.shops.workspace import open_lesson

SHOP = "shop.py"
START = ["ann@example.com", "o'neill@example.com", "李雷@例子.中国", "it's; odd"]
CHANGED = {
    "a file written": lambda at: write(at, "notes.txt"),
    "a file changed by a letter": lambda at: (at.folder / SHOP).write_text((at.folder / SHOP).read_text()[:-1] + "#"),
    "a repository made": lambda at: run_git(at, "init", "-q"),
    "a file removed": lambda at: (at.folder / SHOP).unlink(),
    "a file renamed": lambda at: (at.folder / SHOP).rename(at.folder / "app.py"),
    ".flaskenv changed": lambda at: write(at, ".flaskenv"),
    "a broken link": lambda at: (at.folder / "link").symlink_to("nowhere"),
    "a row inserted": lambda at: execute(at, "INSERT INTO users (id, email) VALUES (5, 'x')"),
    "a row updated": lambda at: execute(at, "UPDATE users SET nickname = 'x' WHERE id = 1"),
    "a row deleted": lambda at: execute(at, "DELETE FROM users WHERE id = 1"),
    "a table made": lambda at: execute(at, "CREATE TABLE more (id integer)"),
    "a table dropped": lambda at: execute(at, "DROP TABLE users"),
    "an index made": lambda at: execute(at, "CREATE INDEX more ON users (email)"),
    "a downgrade": lambda at: run_flask(at, "db", "downgrade"),
    "a stamp": lambda at: run_flask(at, "db", "stamp", "0001"),
    "the database lost": lambda at: at.engine.drop(at.folder),
}


@dataclass(frozen=True)
class Place:
    """A folder in which commands run, where it does not matter whose shop that is."""

    folder: Path


def second(each_engine: Engine) -> Identity:
    return Identity("02_second", each_engine.name)


def opened(each_engine: Engine, scene: str | None = None) -> Workspace:
    return open_lesson(lesson("02"), each_engine, scene).workspace


def execute(at: Workspace, sql: str) -> None:
    with sqlalchemy.create_engine(at.url, poolclass=sqlalchemy.NullPool).begin() as connection:
        connection.exec_driver_sql(sql)


def emails(at: Workspace) -> list[str]:
    with sqlalchemy.create_engine(at.url, poolclass=sqlalchemy.NullPool).connect() as connection:
        return list(connection.exec_driver_sql("SELECT email FROM users ORDER BY id").scalars())


def write(at: Workspace, name: str) -> None:
    (at.folder / name).parent.mkdir(exist_ok=True)
    (at.folder / name).write_text("x")
