from pathlib import Path

from alembic.script import ScriptDirectory
from flask.testing import FlaskClient

from shop import create_app


def test_health_tells_the_revision_of_the_database(client: FlaskClient) -> None:
    newest = ScriptDirectory("migrations").get_current_head()

    assert newest
    assert client.get("/health").json == {"status": "ok", "database_revision": newest}


def test_health_before_the_first_migration(tmp_path: Path) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'empty.db'}"})

    assert app.test_client().get("/health").json == {"status": "ok", "database_revision": None}


def test_health_without_a_database() -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite:////no/such/folder/shop.db"})

    answer = app.test_client().get("/health")

    assert (answer.status_code, answer.json["status"]) == (503, "no database")
