"""The shop's history keeps its promises at every checkpoint, on both engines, over rows like those of a real shop."""

from pathlib import Path
from typing import Any

from migration_lab.ground.course import Lesson
from migration_lab.instruments.schema import Schema
from tests.lessons.spine import LAST, Shop, at_each_checkpoint, head_before, head_of, on_both_engines, shop_at

# What is written while the history goes on: after which revision, to which row, what.
WRITTEN_MEANWHILE = {
    "0003": ("users", 1, "nickname", "Ann 'the' Ögre"),
    "0009": ("orders", 1, "currency", "USD"),
    "0011": ("users", 1, "timezone", "Europe/Rome"),
    "0014": ("users", 2, "is_active", False),
    "0030": ("users", 1, "phone", "+39 06 555 0100"),
    "0031": ("orders", 1, "note", "Ring twice"),
}


def revisions(shop: Shop) -> list[str]:
    """The ids in the order in which Alembic applies them: here, that of their names."""
    return sorted(path.name[:4] for path in (shop.folder / "migrations" / "versions").glob("*.py"))


def write_meanwhile(shop: Shop, revision: str) -> None:
    table, row, column, value = WRITTEN_MEANWHILE[revision]
    literal = "false" if value is False else "'" + str(value).replace("'", "''") + "'"
    shop.execute(f"UPDATE {table} SET {column} = {literal} WHERE id = {row}")


def as_promised(row: dict[str, Any], head: str, since: str) -> dict[str, Any]:
    """A row of revision 0001 as the history promises it at a later one, with what was written after `since`."""
    table = "users" if "email" in row else "orders"
    made: list[tuple[str, str, str, Any]] = [
        ("0002", "users", "last_login_at", None),
        ("0004", "users", "display_name", None),
        ("0010", "orders", "currency", "EUR"),
        ("0012", "users", "timezone", "UTC"),
        ("0014", "users", "is_active", True),
        ("0023", "orders", "updated_at", None),
        ("0030", "users", "phone", None),
        ("0031", "orders", "note", None),
    ]
    row = dict(row)
    row |= {column: value for revision, of, column, value in made if of == table and revision <= head}
    if head >= "0018" and row.get("status") == "canceled":
        row["status"] = "cancelled"
    if head >= "0029" and table == "orders":
        row["total_cents"] = row.pop("amount_cents")
    for revision, (written_table, written_id, column, value) in WRITTEN_MEANWHILE.items():
        if (written_table, written_id) == (table, row["id"]) and since < revision <= head:
            row["display_name" if column == "nickname" else column] = value
    return row


@on_both_engines
def test_every_row_lives_through_every_revision(engine_name: str, tmp_path: Path) -> None:
    """At the last checkpoint alone: no other one has these revisions in other words (`test_spine_code.py`)."""
    with shop_at(LAST, engine_name, tmp_path) as shop:
        assert_rows_live(shop, LAST, seeded(shop), since="0001")


@at_each_checkpoint
@on_both_engines
def test_every_row_lives_through_a_lessons_revisions_down_and_up_again(
    lesson: Lesson, engine_name: str, tmp_path: Path
) -> None:
    """Up and down the lesson's own revisions one by one, and up again to the same schema.

    At the last checkpoint, which has all revisions, also down to 0001 and to nothing.
    """
    before = max(head_before(lesson), "0001")
    with shop_at(lesson, engine_name, tmp_path) as shop:
        first = seeded(shop)
        at_first = shop.schema()
        assert_rows_live(shop, lesson, first, since=before)
        schema = shop.schema()
        assert "No new upgrade operations detected." in shop.do("db", "check")

        new = [revision for revision in revisions(shop) if revision > before]
        for revision in reversed([before, *new][:-1]):
            shop.do("db", "downgrade", revision)
        shop.do("db", "upgrade")
        assert shop.schema() == schema
        # What was written into the lesson's own columns has gone with them.
        assert_rows_are_as_promised(shop, lesson, first, since=head_of(lesson))

        if lesson == LAST:
            assert_nothing_is_left_on_the_way_to_base(shop, first, at_first)
            shop.do("db", "upgrade")
            assert shop.schema() == schema


def assert_nothing_is_left_on_the_way_to_base(shop: Shop, first: dict[str, Any], at_first: Schema) -> None:
    """Go down to 0001, where the schema and the rows are as they were, and to base, where only the coupons are left."""
    shop.do("db", "downgrade", "0001")
    assert shop.schema().only("users", "orders").tables == at_first.tables
    for table, rows in first.items():
        assert shop.rows(table) == {key: row | respelled(row, head_of(LAST)) for key, row in rows.items()}
    shop.do("db", "downgrade", "base")
    left = shop.schema()
    assert [table.name for table in left.tables] == ["coupons"]
    assert not list(left.beside_tables())


def seeded(shop: Shop) -> dict[str, Any]:
    """The rows of revision 0001, by table; the shop stands there afterwards."""
    shop.do("db", "upgrade", "0001")
    shop.seed()
    return {table: shop.rows(table) for table in ("users", "orders")}


def assert_rows_live(shop: Shop, lesson: Lesson, first: dict[str, Any], *, since: str) -> None:
    """Rows of revision 0001, and what is written after each revision that follows `since`, keep their values.

    The revisions after `since` run one by one, those before it at once.
    """
    if since != "0001":
        shop.do("db", "upgrade", since)
    for revision in [each for each in revisions(shop) if each > since]:
        shop.do("db", "upgrade", revision)
        if revision in WRITTEN_MEANWHILE:
            write_meanwhile(shop, revision)

    assert shop.stands_at() == (head_of(lesson),)
    assert_rows_are_as_promised(shop, lesson, first, since=since)
    if shop.engine.name == "sqlite":
        assert not shop.sql("SELECT * FROM pragma_foreign_key_check").rows


def assert_rows_are_as_promised(shop: Shop, lesson: Lesson, first: dict[str, Any], *, since: str) -> None:
    for table, rows in first.items():
        assert shop.rows(table) == {key: as_promised(row, head_of(lesson), since) for key, row in rows.items()}


def respelled(row: dict[str, Any], head: str) -> dict[str, str]:
    """The one value that no downgrade brings back: 0018 says so."""
    return {"status": "cancelled"} if head >= "0018" and row.get("status") == "canceled" else {}
