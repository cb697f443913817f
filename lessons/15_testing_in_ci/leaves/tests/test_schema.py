from flask import Flask
from sqlalchemy import text

from shop.extensions import db
from shop.schema import dump, path_for


def test_the_migrations_make_the_schema_on_file(app: Flask) -> None:
    with db.engine.connect() as connection:
        assert dump(connection) == path_for(connection).read_text(encoding="utf-8")


def test_a_view_that_nobody_wrote_down_is_seen(app: Flask) -> None:
    with db.engine.connect() as connection:
        before = dump(connection)
        connection.execute(text("CREATE VIEW by_hand AS SELECT id FROM users"))
        try:
            assert dump(connection) != before
        finally:
            connection.execute(text("DROP VIEW by_hand"))
        assert dump(connection) == before
