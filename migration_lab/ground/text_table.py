"""A table as text: how the tables of the lab look in a terminal, and in the text twins of pictures."""

from collections.abc import Collection, Sequence


def text_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Collection[int] = (), heads_at_left: bool = False
) -> list[str]:
    """The lines of a table: its headings, a line of dashes, its rows.

    Args:
        numeric: the numbers of columns that end at the right; the first column is 0.
        heads_at_left: whether the headings of such columns do not.
    """
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str], right: Collection[int]) -> str:
        placed = enumerate(zip(cells, widths, strict=True))
        return "  ".join(cell.rjust(w) if number in right else cell.ljust(w) for number, (cell, w) in placed).rstrip()

    dashes = "  ".join("-" * width for width in widths)
    return [line(columns, () if heads_at_left else numeric), dashes, *(line(row, numeric) for row in rows)]
