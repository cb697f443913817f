"""Whether new rows get numbers that are free: for judges, on Postgres. SQLite gives one more than the highest."""

from dataclasses import dataclass

from migration_lab.instruments.shop import PlainShop
from migration_lab.teaching.judging.rows import quoted

SEQUENCES = """
    SELECT c.relname, a.attname, pg_get_serial_sequence(c.oid::regclass::text, a.attname)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
        AND pg_get_serial_sequence(c.oid::regclass::text, a.attname) IS NOT NULL
    ORDER BY 1, 2
"""
NEXT = "SELECT last_value + is_called::int, (SELECT coalesce(max({column}), 0) FROM {table}) FROM {sequence}"
FREE = "New rows get numbers that no row has."
BROUGHT = "Rows were written with their numbers, or a sequence was set back. A sequence does not look at the rows."
SET_IT = (
    "Let the database give the numbers, or move the sequence on: `SELECT setval(pg_get_serial_sequence('orders', "
    "'id'), max(id)) FROM orders`."
)


@dataclass(frozen=True)
class Taken:
    """A column whose next number is one that a row has, or comes before one that a row has."""

    table: str
    column: str
    next: int
    highest: int

    def __str__(self) -> str:
        return f"The next row of `{self.table}` gets the {self.column} {self.next}; the highest is {self.highest}."


def taken_numbers(database: PlainShop) -> list[Taken]:
    """The columns of a database in which a new row would meet the number of an old one."""
    if database.engine.name != "postgres":
        return []
    columns = [(table, column, sequence) for table, column, sequence in database.sql(SEQUENCES).rows]
    if not columns:
        return []
    queries = (
        NEXT.format(column=quoted(column), table=quoted(table), sequence=sequence)
        for table, column, sequence in columns
    )
    found = database.sql(" UNION ALL ".join(queries)).rows
    both = zip(columns, found, strict=True)
    return [Taken(*place[:2], number, highest) for place, (number, highest) in both if number <= highest]


def newly_taken(before: list[Taken], now: list[Taken]) -> list[Taken]:
    """Those that are taken now, in columns of which this was not so before."""
    places = {(each.table, each.column) for each in before}
    return [each for each in now if (each.table, each.column) not in places]
