"""The server of `LAB_POSTGRES_URL`: used as it is, never started; its errors are reported without the password."""

import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from migration_lab.ground.connect import to_server
from migration_lab.ground.engines import engine, postgres, why_no_postgres
from migration_lab.ground.engines.postgres import engine as engine_module
from migration_lab.ground.engines.postgres.private import write_private
from migration_lab.ground.errors import LabError

SECRET = "s3cret:with\\odd/characters@%"


@pytest.fixture
def administrator() -> Iterator[psycopg.Connection]:
    """A connection to the session's server, which stands in for an external one."""
    with to_server(postgres.attach()) as connection:
        yield connection


@pytest.fixture
def role(administrator: psycopg.Connection, tmp_path: Path) -> Iterator[str]:
    """A role that may make databases and nothing else."""
    name = f"room_{abs(hash(tmp_path))}"
    administrator.execute(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD '{SECRET}'")
    yield name
    administrator.execute(f"DROP ROLE {name}")


@pytest.fixture
def url(role: str, administrator: psycopg.Connection) -> str:
    """The URL of the session's server as an instructor would hand it out."""
    host = quote(str(administrator.info.host), safe="")
    return f"postgresql://{role}:{quote(SECRET, safe='')}@/postgres?host={host}"


def test_a_role_that_may_make_databases_is_enough(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", url)
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "state"))
    server, folder, copy = engine("postgres"), tmp_path / "shop", tmp_path / "copy"
    for each in (folder, copy):
        each.mkdir()
    server.create(folder)
    connected = create_engine(server.url(folder))
    with connected.begin() as connection:
        connection.execute(text("CREATE TABLE users (name TEXT)"))
    server.save_template(folder, str(tmp_path))
    server.clone(str(tmp_path), copy)
    moved = tmp_path / "moved"
    copy.rename(moved)
    server.move(copy, moved)
    cloned = create_engine(server.url(moved))
    with cloned.begin() as connection:
        connection.execute(text("ALTER TABLE users ADD COLUMN email TEXT"))
    connected.dispose()
    cloned.dispose()
    server.drop_template(str(tmp_path))
    for each in (folder, moved):
        server.drop(each)
    assert not list((tmp_path / "state" / "postgres").glob("*/data"))  # nothing was started


def test_the_url_of_the_shop_holds_no_password(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", url)
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "state"))
    shown = engine("postgres").url(tmp_path)
    passfile = Path(str(make_url(shown).query["passfile"]))
    assert make_url(shown).password is None
    assert passfile.stat().st_mode & 0o777 == 0o600


def test_two_learners_on_one_server_do_not_meet(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", url)
    found = set()
    for learner in ("one", "two"):
        monkeypatch.setenv("LAB_STATE", str(tmp_path / learner))
        found.add(make_url(engine("postgres").url(tmp_path)).database)
    assert len(found) == 2


def test_two_notebooks_that_begin_at_once_have_the_same_databases(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first one on a server makes the name that tells this learner's databases from those of others."""

    def write_slowly(path: Path, text: str) -> None:
        time.sleep(0.3)
        write_private(path, text)

    monkeypatch.setattr(engine_module, "write_private", write_slowly)
    monkeypatch.setenv("LAB_POSTGRES_URL", url)
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "state"))
    with ThreadPoolExecutor() as pool:
        shown = list(pool.map(lambda _: engine("postgres").url(tmp_path), range(3)))
    assert len({make_url(each).database for each in shown}) == 1


def test_a_role_without_the_right_is_told_which(
    url: str, role: str, administrator: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    administrator.execute(f"ALTER ROLE {role} NOCREATEDB")
    monkeypatch.setenv("LAB_POSTGRES_URL", url)
    with pytest.raises(LabError, match=r"permission denied to create database.*ALTER ROLE name CREATEDB"):
        engine("postgres").create(tmp_path)


def test_a_wrong_password_is_said_and_not_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", url.replace("s3cret", "wr0ng"))
    message = str(why_no_postgres())
    assert "refuses the user name or the password" in message
    assert "wr0ng" not in message


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("postgresql://ann:s3cret@127.0.0.1:1/shop", "does not answer"),
        ("postgresql://ann:s3cret@no-such-machine.invalid/shop", "machine or a port"),
        ("postgresql:///shop?host=/nonexistent", "does not answer"),
        ("postgresql://ann:s3cret%zz@localhost/shop", "not the URL of a Postgres server"),
        ("postgresql://ann:s3cret@localhost:port/shop", "machine or a port"),
        ("sqlite:///shop.db", "not the URL of a Postgres server"),
        ("host=localhost password=s3cret", "not the URL of a Postgres server"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(wrong: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", wrong)
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "state"))
    assert said in str(why_no_postgres())
    with pytest.raises(LabError) as caught:
        engine("postgres").create(tmp_path)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    assert not (tmp_path / "state" / "postgres").exists()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_each_way_to_write_the_scheme_will_do(url: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", url.replace("postgresql:", f"{scheme}:"))
    assert why_no_postgres() is None
