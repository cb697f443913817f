"""Columns are as wide as what is in them, and no line ends in spaces."""

from migration_lab.ground.text_table import text_table


def test_numbers_end_at_the_right() -> None:
    rows = [("users", "7"), ("orders", "12000"), ("x", "")]
    assert text_table(("table", "n"), rows, numeric=[1]) == [
        "table       n",
        "------  -----",
        "users       7",
        "orders  12000",
        "x",
    ]
    assert text_table(("table", "n"), rows, numeric=[1], heads_at_left=True)[0] == "table   n"


def test_a_table_without_rows_has_its_headings() -> None:
    assert text_table(("table", "n"), []) == ["table  n", "-----  -"]
