"""Commands reach only the workspace's database, and look the same on every machine."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments import locks
from migration_lab.shops.flask_command import environment, run_flask, run_pytest, session_name
from migration_lab.shops.process import run
from tests.shops.work import Place

ELSEWHERE = {
    "DATABASE_URL": "sqlite:////nowhere/production.db",
    "SQLALCHEMY_DATABASE_URI": "sqlite:////nowhere/production.db",
    "FLASK_APP": "other",
    "FLASK_DEBUG": "1",
    "PGHOSTADDR": "192.0.2.1",
    "PGSERVICE": "production",
    "PGPASSWORD": "of another server",
    "PGSSLMODE": "verify-full",
    "FORCE_COLOR": "1",
    "COLUMNS": "200",
    "LANG": "de_DE.UTF-8",
}


def test_what_the_callers_environment_says_is_not_used(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    env = environment(shop)
    assert env["DATABASE_URL"] == "sqlite:///shop.db"
    assert env["FLASK_APP"] == "shop"
    assert (env["COLUMNS"], env["LANG"], env["NO_COLOR"]) == ("80", "C.UTF-8", "1")
    assert not set(env) & (set(ELSEWHERE) - {"DATABASE_URL", "FLASK_APP", "COLUMNS", "LANG"})
    assert run_flask(Place(shop), "db", "upgrade").exit_code == 0
    assert (shop / "instance" / "shop.db").stat().st_size > 0


def test_only_what_a_command_needs_is_passed_on(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = (
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "LAB_POSTGRES_URL",
        "JPY_PARENT_PID",
        "HTTPS_PROXY",
        "LAB_CHECK",
    )
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TZ", "Europe/Zurich")
    env = environment(shop)
    assert not set(secrets) & set(env)
    assert (env["PATH"], env["TZ"]) == (os.environ["PATH"], "Europe/Zurich")


@pytest.mark.parametrize(("query", "passed"), [("", True), ("?passfile=/private", False)])
def test_a_password_in_the_shell_does_not_come_before_the_passfile(
    query: str, passed: bool, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", "postgresql://server/postgres")
    monkeypatch.setenv("PGPASSWORD", "of another server")
    (shop / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL=postgresql+psycopg://ann@server/shop{query}\n")
    assert ("PGPASSWORD" in environment(shop)) == passed


def test_output_is_handed_on(shop: Path) -> None:
    pieces: list[str] = []
    completed = run_flask(Place(shop), "db", "heads", on_output=pieces.append)
    assert "".join(pieces) == completed.output == "0002 (head)\n"


def test_the_shops_own_tests_run(shop: Path) -> None:
    (shop / "test_shop.py").write_text("from shop import app\ndef test_app():\n    assert app\n")
    completed = run_pytest(Place(shop), "-q")
    assert completed.exit_code == 0, completed.output
    assert "1 passed" in completed.output
    assert "\x1b" not in completed.output
    assert not (shop / ".pytest_cache").exists()


@pytest.mark.parametrize("text", [None, "", "FLASK_APP=shop\n", "DATABASE_URL=\n", "\0\n"])
def test_nothing_runs_when_flaskenv_names_no_database(
    text: str | None, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/production.db")
    folder = shop.rename(shop.with_name("02_first_migration-sqlite"))
    (folder / ".flaskenv").unlink()
    if text is not None:
        (folder / ".flaskenv").write_text(text)
    with pytest.raises(LabError) as raised:
        run_flask(Place(folder), "db", "upgrade")
    assert "02_first_migration-sqlite has no `.flaskenv`" in raised.value.message
    assert raised.value.next_step == "Run `lab reset 02_first_migration`."


def test_a_deleted_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"exercise-02.1-sqlite is not there any more. Run `lab reset 02.1`"):
        run_flask(Place(tmp_path / "exercise-02.1-sqlite"), "db", "upgrade")


@pytest.mark.parametrize(
    ("args", "name"),
    [
        (("db", "upgrade"), "flask db upgrade"),
        (("db", "upgrade", "0003"), "flask db upgrade"),
        (("db", "revision", "-m", "what it\nsays"), "flask db revision"),
        (("--app", "shop", "routes"), "flask"),
        ((), "flask"),
    ],
)
def test_a_command_is_named_by_what_it_is_and_not_by_what_it_is_given(args: tuple[str, ...], name: str) -> None:
    assert session_name("flask", args) == name
    assert session_name("pytest", args) == "pytest"


@pytest.mark.parametrize("external", ["", "postgresql://server/postgres"])
def test_sessions_have_the_labs_name_on_the_own_server_and_on_another(
    external: str, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", external)
    monkeypatch.setenv("PGAPPNAME", "of the caller")
    assert environment(shop)["PGAPPNAME"] == "shop"
    assert environment(shop, "flask db upgrade")["PGAPPNAME"] == "flask db upgrade"


def test_postgres_shows_a_command_by_its_name_and_the_command_prints_the_same(shop: Path) -> None:
    server = engine("postgres")
    server.create(shop)
    (shop / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL={server.url(shop)}\n")
    url = server.sqlalchemy_url(shop)
    assert run_flask(Place(shop), "db", "upgrade", "0001").exit_code == 0
    with locks.watch(url) as seen, ThreadPoolExecutor() as threads, locks.idle_reader(url, "SELECT 1 FROM users") as it:
        upgrade = threads.submit(run_flask, Place(shop), "db", "upgrade")
        seen.wait_until_blocked()
        it.close()
    assert [(each.who, each.blockers) for each in seen.waits] == [("flask db upgrade", ("report",))]
    assert run_flask(Place(shop), "db", "downgrade", "0001").exit_code == 0
    unnamed = {name: value for name, value in environment(shop).items() if name != "PGAPPNAME"}
    assert run(["flask", "db", "upgrade"], folder=shop, env=unnamed) == upgrade.result()
    server.drop(shop)
