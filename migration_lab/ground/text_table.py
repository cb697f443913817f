"""Tables as text, for terminals and for the text versions of pictures."""

from collections.abc import Collection, Sequence


def text_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Collection[int] = (), heads_at_left: bool = False
) -> list[str]:
    """The lines of a table: headings, a line of dashes, rows.

    Args:
        numeric: the columns that are aligned right, by number; the first column is 0.
        heads_at_left: whether the headings of these columns are aligned left.
    """
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str], right: Collection[int]) -> str:
        placed = enumerate(zip(cells, widths, strict=True))
        return "  ".join(cell.rjust(w) if number in right else cell.ljust(w) for number, (cell, w) in placed).rstrip()

    dashes = "  ".join("-" * width for width in widths)
    return [line(columns, () if heads_at_left else numeric), dashes, *(line(row, numeric) for row in rows)]
