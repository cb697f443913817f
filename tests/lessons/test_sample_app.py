"""The shop before its first migration, and its rows."""

import re
from pathlib import Path

import pytest

from migration_lab.ground.course import lesson
from migration_lab.ground.places import course_root
from migration_lab.ground.spine import spine
from tests.lessons.spine import WITH_HISTORY, on_both_engines, shop_at

SHOP = course_root() / "sample_app"


@on_both_engines
def test_the_start_has_no_tables_and_no_migrations(engine_name: str, tmp_path: Path) -> None:
    with shop_at(lesson("02"), engine_name, tmp_path) as shop:
        asked = shop.flask("routes")

        assert asked.exit_code == 0, asked.output
        assert "health.health" in asked.output
        assert not shop.schema().tables
        assert "No such command 'db'" in shop.flask("db current").output


def test_the_service_never_makes_its_tables() -> None:
    for left in spine():
        for name, content in (left.before | left.made).items():
            assert not name.startswith("shop/") or b"create_all" not in content, (left.lesson.slug, name)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres://shop@localhost/shop", "Can't load plugin: sqlalchemy.dialects:postgres"),
        ("", "Could not parse SQLAlchemy URL"),
    ],
)
def test_a_wrong_url_is_passed_on_as_it_is_written(url: str, message: str, tmp_path: Path) -> None:
    with shop_at(lesson("02"), "sqlite", tmp_path) as shop:
        (shop.folder / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL={url or 'nonsense'}\n")

        assert message in shop.flask("routes").output


@on_both_engines
def test_the_rows_are_odd_but_legal(engine_name: str, tmp_path: Path) -> None:
    with shop_at(WITH_HISTORY[0], engine_name, tmp_path) as shop:
        shop.do("db", "upgrade", "0001")
        shop.seed()
        users, orders = shop.rows("users"), shop.rows("orders")

        emails = [row["email"] for row in users.values()]
        assert (len(emails), len(orders)) == (40, 120)
        assert len({email.lower() for email in emails}) == 40
        assert max(map(len, emails)) == 255
        assert any(not email.isascii() for email in emails)
        assert any("'" in email for email in emails)
        assert any(email != email.lower() for email in emails)
        assert {row["user_id"] for row in orders.values()} < users.keys(), "some users have no orders"
        assert min(row["amount_cents"] for row in orders.values()) == 0
        assert {row["status"] for row in orders.values()} == {"pending", "paid", "shipped", "cancelled", "canceled"}

        shop.execute("INSERT INTO users (email) VALUES ('new@example.com')")
        assert max(shop.rows("users")) > max(users), "the database goes on giving ids"


def test_the_readme_names_every_route() -> None:
    readme = (SHOP / "README.md").read_text(encoding="utf-8")
    for path in (SHOP / "shop" / "routes").glob("*.py"):
        prefix = re.search(r'url_prefix="(.*?)"', path.read_text(encoding="utf-8"))
        for method, route in re.findall(r'@blueprint\.(\w+)\("(.*?)"', path.read_text(encoding="utf-8")):
            address = re.sub(r"<int:\w+>", "1", (prefix[1] if prefix else "") + route)
            assert f"`{method.upper()} {address}`" in readme
