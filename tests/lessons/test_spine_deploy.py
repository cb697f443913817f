"""What the finished shop promises for a deploy: replicas, locks, the script, the table made by hand, the gate."""

import re
import subprocess
import threading
from pathlib import Path

import pytest
import sqlalchemy

from migration_lab.ground.course import lesson
from migration_lab.ground.engines.postgres.binaries import find_binaries
from migration_lab.shops.flask_command import run_flask
from tests.lessons.spine import LAST, Shop, head_of, on_both_engines, shop_at

COUPONS_BY_HAND = """
    CREATE TABLE coupons (
        code varchar(40) NOT NULL PRIMARY KEY, percent_off integer NOT NULL,
        created_at {moment} NOT NULL
    );
    INSERT INTO coupons (code, percent_off) VALUES ('BLACK-FRIDAY', 30)
"""


@on_both_engines
def test_a_table_made_by_hand_comes_into_the_history_with_its_rows(engine_name: str, tmp_path: Path) -> None:
    moment = "timestamptz DEFAULT now()" if engine_name == "postgres" else "datetime DEFAULT CURRENT_TIMESTAMP"
    with shop_at(LAST, engine_name, tmp_path) as production:
        production.do("db", "upgrade")
        fresh = production.schema()
        production.empty()
        production.do("db", "upgrade", "0032")
        production.execute(COUPONS_BY_HAND.format(moment=moment))

        production.do("db", "upgrade")

        assert production.sql("SELECT code, percent_off FROM coupons").rows == (("BLACK-FRIDAY", 30),)
        assert "No new upgrade operations detected." in production.do("db", "check")
        assert production.schema() == fresh


@on_both_engines
def test_another_table_of_the_same_name_is_refused(engine_name: str, tmp_path: Path) -> None:
    with shop_at(LAST, engine_name, tmp_path) as shop:
        shop.do("db", "upgrade", "0032")
        shop.execute("CREATE TABLE coupons (code varchar(40) NOT NULL PRIMARY KEY)")

        refused = shop.flask("db upgrade")

        assert refused.exit_code != 0
        assert "The table coupons has the columns ['code']" in refused.output
        assert "0032" in shop.do("db", "current")


def test_replicas_that_start_at_once_take_turns(tmp_path: Path) -> None:
    with shop_at(LAST, "postgres", tmp_path) as shop:
        codes: list[int] = []
        replicas = [threading.Thread(target=lambda: codes.append(shop.flask("db upgrade").exit_code)) for _ in "abc"]
        for replica in replicas:
            replica.start()
        for replica in replicas:
            replica.join()

        assert codes == [0, 0, 0]
        assert head_of(LAST) in shop.do("db", "current")


def test_a_lock_that_is_not_free_is_tried_again(tmp_path: Path) -> None:
    """An open transaction that has read the table; it ends after the first attempt has given up."""
    with shop_at(LAST, "postgres", tmp_path) as shop:
        shop.do("db", "upgrade", "0032")
        shop.do("db", "downgrade", "0029")
        reader = sqlalchemy.create_engine(shop.engine.sqlalchemy_url(shop.folder)).connect()
        reader.execute(sqlalchemy.text("SELECT count(*) FROM users"))
        printed: list[str] = []

        def let_go(text: str) -> None:
            printed.append(text)
            if "attempt 1 of 10" in "".join(printed):
                reader.close()

        done = run_flask(shop, "db", "upgrade", on_output=let_go)

        assert done.exit_code == 0, done.output
        assert "No lock within 2s (attempt 1 of 10)." in done.output
        assert head_of(LAST) in shop.do("db", "current")
        reader.engine.dispose()


def test_the_script_makes_what_the_run_makes_with_the_same_transactions(tmp_path: Path) -> None:
    with shop_at(LAST, "postgres", tmp_path) as shop:
        script = shop.do("db", "upgrade", "--sql")
        script = "\n".join(line for line in script.splitlines() if not line.startswith("INFO "))
        shop.do("db", "upgrade")
        schema = shop.schema()
        shop.empty()

        (tmp_path / "upgrade.sql").write_text(script, encoding="utf-8")
        psql = [
            str(find_binaries().folder / "psql"),
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            str(tmp_path / "upgrade.sql"),
        ]
        url = sqlalchemy.make_url(shop.engine.sqlalchemy_url(shop.folder)).set(drivername="postgresql")
        ran = subprocess.run([*psql, url.render_as_string(hide_password=False)], capture_output=True, text=True)

        assert ran.returncode == 0, ran.stderr
        assert shop.schema() == schema
    for part in script.split("-- Running upgrade ")[2:]:
        assert len(re.findall(r"^COMMIT;", part, re.MULTILINE)) >= 1, part


@on_both_engines
def test_the_schema_on_file_catches_what_the_drift_check_cannot_see(engine_name: str, tmp_path: Path) -> None:
    with shop_at(lesson("16"), engine_name, tmp_path) as shop:
        shop.do("db", "upgrade")
        shop.do("schema", "check")
        on_table = " ON orders" if engine_name == "postgres" else ""
        shop.execute(f"DROP TRIGGER orders_updated_at{on_table}")

        assert "No new upgrade operations detected." in shop.do("db", "check")
        found = shop.flask("schema check")

        assert found.exit_code == 1
        assert re.search(r"^-CREATE TRIGGER orders_updated_at", found.output, re.MULTILINE)


@pytest.mark.parametrize("revision", ["0010", "0012", "0020", "0026"])
def test_a_backfill_goes_in_batches_and_can_be_run_again(revision: str, tmp_path: Path) -> None:
    """With batches of seven ids; half of the rows are done already, as after a run that was interrupted."""
    before = f"{int(revision) - 1:04}"
    table, column, value = {
        "0010": ("orders", "currency", "'EUR'"),
        "0012": ("users", "timezone", "'UTC'"),
        "0020": ("orders", "status_as_enum", "status::order_status"),
        "0026": ("orders", "total_cents", "amount_cents"),
    }[revision]
    with shop_at(LAST, "postgres", tmp_path) as shop:
        shop.do("db", "upgrade", "0001")
        shop.seed()
        shop.execute(f"UPDATE {table} SET id = -3 WHERE id = 44")  # legal, and below any id of a sequence
        shop.do("db", "upgrade", before)
        shop.execute(f"UPDATE {table} SET {column} = {value} WHERE id BETWEEN 1 AND 20")
        path = next((shop.folder / "migrations" / "versions").glob(f"{revision}_*.py"))
        path.write_text(path.read_text().replace("BATCH_SIZE = 10_000", "BATCH_SIZE = 7"))

        shop.do("db", "upgrade", revision)

        assert shop.sql(f"SELECT count(*) FROM {table} WHERE {column} IS NULL").scalar == 0
        writers = shop.sql(f"SELECT count(DISTINCT xmin::text) FROM {table} WHERE id > 20").scalar
        assert writers >= 3, "each batch is a transaction of its own"


def test_an_invalid_index_is_built_again(tmp_path: Path) -> None:
    """Two users with the same email in another case make the build fail, and leave an index that is not valid."""
    with shop_at(LAST, "postgres", tmp_path) as shop:
        shop.do("db", "upgrade", "0016")
        for email in ("ann@example.com", "ANN@example.com"):
            shop.execute(f"INSERT INTO users (email, timezone, is_active) VALUES ('{email}', 'UTC', true)")
        failed = shop.flask("db upgrade 0017")
        assert "could not create unique index" in failed.output
        assert not is_valid(shop)

        shop.execute("DELETE FROM users WHERE email = 'ANN@example.com'")
        shop.do("db", "upgrade", "0017")

        assert is_valid(shop)


def is_valid(shop: Shop) -> bool:
    valid = shop.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_users_email_lower'::regclass").scalar
    return bool(valid)
