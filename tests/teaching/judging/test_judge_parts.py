"""A judge's declarations: which expectations concern an engine, what may be added, and which tables grow."""

from typing import cast

import pytest

from migration_lab.instruments.schema import Check, Column, Detail, Index, Schema
from migration_lab.instruments.schema import Table as SchemaTable
from migration_lab.teaching.judging import FilesJudge, Miss, Snapshot
from migration_lab.teaching.judging.copies import Copies
from migration_lab.teaching.judging.rows import MayChange, Table, changed
from migration_lab.teaching.judging.vocabulary import not_valid


class Large(FilesJudge):
    exercise = "01.1"
    stub_fails = "in_place"
    changes = ("orders.code",)
    adds = ("users", "*")
    only_on = {"in_place": "postgres"}  # noqa: RUF012 - as authors write it

    def in_place(self) -> None:
        """the table is not rewritten"""


class _Copies:
    class engine:  # noqa: N801 - an attribute
        name = "sqlite"


@pytest.mark.parametrize(("engine", "is_there"), [(None, True), ("postgres", True), ("sqlite", False)])
def test_an_expectation_of_one_engine_is_not_ticked_on_the_other(engine: str | None, is_there: bool) -> None:
    assert ("in_place" in [each.id for each in Large.expectations(engine)]) is is_there


def schema(users: tuple[str, ...], orders: tuple[str, ...], *others: str, index_on: str = "") -> Schema:
    def table(name: str, columns: tuple[str, ...]) -> SchemaTable:
        indexes = (Index(f"ix_{name}", (columns[0],)),) if name == index_on else ()
        return SchemaTable(name, tuple(Column(each, "TEXT", True) for each in columns), indexes=indexes)

    return Schema(
        "sqlite", (table("orders", orders), table("users", users), *(table(each, ("id",)) for each in others))
    )


@pytest.mark.parametrize(
    ("after", "others"),
    [
        (schema(("id", "note"), ("id", "code"), "notes", index_on="users"), []),
        (schema(("id",), ("id",), index_on="orders"), ["ix_orders"]),
        (schema(("note",), ("id",)), ["id"]),
    ],
)
def test_what_is_left_open_may_be_added_and_nothing_taken_away(after: Schema, others: list[str]) -> None:
    judge = Large(cast(Copies, _Copies()))
    assert [each.name for each in judge.other_changes(schema(("id",), ("id",)), after)] == others


def test_a_table_that_grows_keeps_its_old_rows() -> None:
    before = {"orders": Table(("id",), ("id", "source"), ((1, "web"),))}
    more = {"orders": Table(("id",), ("id", "source"), ((1, "web"), (2, "phone")))}
    other = {"orders": Table(("id",), ("id", "source"), ((1, "phone"), (2, "phone")))}
    assert changed(before, more, MayChange()) == ["`orders`: a row was added, with id 2"]
    assert changed(before, more, MayChange(grows=("orders",))) == []
    assert changed(before, other, MayChange(grows=("orders",))) == [
        "`orders.source` of the row with id 1 was 'web' and is 'phone'"
    ]


def rows(*pairs: tuple[str | None, str | None]) -> dict[str, Table]:
    numbered = tuple((number, *pair) for number, pair in enumerate(pairs, start=1))
    return {"orders": Table(("id",), ("id", "currency", "note"), numbered)}


def test_a_shop_in_use_fills_no_gap_as_a_whole() -> None:
    before, shop = rows(("EUR", "a"), (None, None), (None, None)), MayChange(business=True)
    assert changed(before, rows(("EUR", "a"), (None, "b"), (None, None)), shop) == []
    assert changed(before, rows(("EUR", "a"), ("USD", None), (None, None)), shop) == []
    assert changed(before, rows(("EUR", "a"), ("EUR", None), ("EUR", None)), shop) == [
        "`orders.currency` of the row with id 2 was NULL and is 'EUR'"
    ]


def test_what_may_be_lost_may_not_become_something_else() -> None:
    before, may = rows(("EUR", "a"), ("EUR", None)), MayChange(loses=("orders.note",))
    without = {"orders": Table(("id",), ("id", "currency"), ((1, "EUR"), (2, "EUR")))}
    assert changed(before, rows(("EUR", None), ("EUR", None)), may) == []
    assert changed(before, without, may) == []
    assert changed(before, rows(("EUR", "b"), ("EUR", None)), may) == [
        "`orders.note` of the row with id 1 was 'a' and is 'b'"
    ]
    assert changed(before, rows(("EUR", None), ("EUR", "b")), may) == [
        "`orders.note` of the row with id 2 was NULL and is 'b'"
    ]


def test_what_is_not_valid_is_named() -> None:
    language = Detail("NOT NULL of column", "language", "NOT VALID", "users")
    code = Detail("NOT NULL of column", "code", "called nn_code", "users")
    users = SchemaTable(
        "users",
        (),
        checks=(Check("ck_users", "language <> ''", valid=False),),
        indexes=(Index("ix_users", ("language",), valid=False), Index("ix_good", ("code",))),
    )
    found = not_valid(Schema("postgres", (users,), details=(language, code)), "users")
    assert [each.partition(" is ")[0] for each in found] == [
        "the index `ix_users`",
        "the check `ck_users`",
        "the NOT NULL of `users.language`",
    ]
    assert not_valid(Schema("postgres", (users,), details=(language, code)), "users.code") == []


def test_two_snapshots_differ_in_schema_rows_and_revisions() -> None:
    def snapshot(columns: tuple[str, ...], code: str, revision: str) -> Snapshot:
        rows = {"orders": Table(("id",), ("id", "code"), ((1, code),))}
        return Snapshot("the copy", schema(("id",), columns), rows, (revision,))

    one = snapshot(("id", "code"), "a", "0002")
    assert one.differences(one, MayChange()) == []
    assert one.differences(snapshot(("id", "code"), "b", "0002"), MayChange(writes=("orders.code",))) == []
    added, value, place = one.differences(snapshot(("id", "code", "note"), "b", "0001"), MayChange())
    assert "note" in added
    assert value == "`orders.code` of the row with id 1 was 'a' and is 'b'"
    assert place == "it stands at `0001`, and should stand at `0002`"


def test_what_is_wrong_is_listed_under_its_heading() -> None:
    judge = Large(cast(Copies, _Copies()))
    judge.expect_none([], expected="Nothing.", heading="After the upgrade:")
    with pytest.raises(Miss) as miss:
        judge.expect_none(["one", "two", "three"], expected="Nothing.", heading="After the upgrade:", most=2)
    assert miss.value.found == "After the upgrade:\none\ntwo\nand 1 more"
