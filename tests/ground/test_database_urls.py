"""The URL of any Postgres or SQLite database is understood, whatever it was written for; others get a sentence."""

import pytest

from migration_lab.ground.database_urls import is_the_labs, parse
from migration_lab.ground.errors import LabError


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", *(f"postgresql+{name}" for name in ("psycopg", "psycopg2", "asyncpg", "pg8000"))],
)
def test_a_postgres_url_is_for_our_driver_whatever_it_names(scheme: str) -> None:
    parsed = parse(f"{scheme}://ann:secret@host:6543/app")
    assert parsed.render_as_string(hide_password=False) == "postgresql+psycopg://ann:secret@host:6543/app"


def test_parameters_of_another_driver_are_those_of_libpq() -> None:
    parsed = parse("postgresql+asyncpg://host/app?ssl=require&prepared_statement_cache_size=0&application_name=x")
    assert dict(parsed.query) == {"sslmode": "require", "application_name": "x"}
    assert not parse("postgresql+asyncpg://host/app?command_timeout=3&timeout=9").query
    assert not parse("postgresql+psycopg://host/app?autocommit=true&prepare_threshold=0").query
    assert parse("postgresql://host/app?options=-csearch_path%3Da&options=-cjit%3Doff").query["options"] == (
        "-csearch_path=a -cjit=off"
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://ann:secret@host/x", "Postgres and SQLite, and the database URL names mysql"),
        ("mysql+pymysql://ann:secret@host/x", "names mysql\\+pymysql"),
        ("oracle://ann:secret@host/x", "names oracle"),
        ("secret", "cannot be read"),
        ("postgresql://ann:secret@host:many/x", "cannot be read"),
        ("sqlite://secret.db", "names a server, and SQLite has none"),
        ("sqlite:///file:secret?mode=memory&uri=true", "in memory"),
        ("sqlite:///file:secret.db?vfs=unix-none&uri=true", "`vfs`"),
    ],
)
def test_what_is_not_postgres_or_a_sqlite_file_gets_a_sentence(url: str, says: str) -> None:
    with pytest.raises(LabError, match=says) as refused:
        parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("sqlite:///file:x.db?mode=ro&uri=true", "x.db", {"mode": "ro"}),
        ("sqlite:///file:/a%2520b/x.db?uri=true", "/a b/x.db", {}),
        ("sqlite:///file:///a/x.db?uri=true&cache=private", "/a/x.db", {}),
        ("sqlite+aiosqlite:////a/x.db", "/a/x.db", {}),
        ("sqlite:///file:x.db", "file:x.db", {}),
    ],
)
def test_the_uri_of_a_sqlite_file_is_its_path_and_mode(url: str, path: str, query: dict[str, str]) -> None:
    parsed = parse(url)
    assert (parsed.drivername, parsed.database, dict(parsed.query)) == ("sqlite", path, query)


def test_the_labs_own_databases_are_known_by_their_names() -> None:
    assert is_the_labs("sqlite:////home/ann/my_work/01_a/instance/shop.db")
    assert is_the_labs("postgresql://lab@/lab_01_a_0123456789ab?host=/tmp")
    assert not is_the_labs("sqlite:////srv/app.db")
    assert not is_the_labs("postgresql://ann@host/app")
