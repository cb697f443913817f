"""What the load generator is to send."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from migration_lab.ground.database_urls import parse
from migration_lab.ground.errors import LabError

READERS = WRITERS = 6  # clients of each kind, so that writers that wait do not keep the readers from asking
IDS_AT_MOST = 1000
DRAIN_SECONDS = 10.0  # without an answer, until what is still under way at the end is given up

Request = tuple[str, str, Mapping[str, Any] | None]  # method, path, body

# A shop is read more often than written to.
READS_AND_WRITES: tuple[Request, ...] = (
    ("GET", "/users", None),
    ("GET", "/users/1/orders", None),
    ("POST", "/orders", {"user_id": 1, "amount_cents": 1250}),
    ("GET", "/users/1", None),
)
# Each about one row, found by its key: as quick with a million rows as with ten.
ONE_ROW_EACH: tuple[Request, ...] = (
    ("GET", "/users/{id}", None),
    ("POST", "/users/{id}/logins", None),
)


def over_http(
    targets: Mapping[int, float],
    mix: Sequence[Request],
    *,
    per_second: float,
    ids: Sequence[int] = (1,),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """A plan for requests over HTTP to ports of 127.0.0.1.

    Args:
        targets: ports and their share of the requests.
        mix: methods, paths and JSON bodies, sent in turn. `{id}` in them is one of `ids`, and `{new}` is a text that no
            other request has.
        per_second: how many in all.
        ids: those that may stand for `{id}`; one of them is drawn for each request, the same ones in each run.
        headers: sent with each request.

    Raises:
        LabError: there is nothing to send.
    """
    requests = [
        {"name": f"{method} {path}", "method": method, "path": path, "body": body, "writes": method != "GET"}
        for method, path, body in mix
    ]
    where = {"targets": [list(each) for each in targets.items()], "url": "", "headers": dict(headers)}
    return _plan(requests, per_second, ids) | where


def over_sql(
    url: str, reads: Sequence[str], writes: Sequence[str], *, per_second: float, ids: Sequence[int] = (1,)
) -> dict[str, Any]:
    """A plan for statements sent straight to a database, each committed by itself: lighter than the shop.

    Args:
        url: the database, for SQLAlchemy.
        reads: statements that only look, with `:id` for one of `ids`.
        writes: statements that change something; they take turns with the reads.
        per_second, ids: as for `over_http`.

    Raises:
        LabError: it is not a database URL, or there is nothing to send.
    """
    parse(url)
    requests = [
        {"name": sql, "path": sql, "writes": writing}
        for each in zip(_as_long_as(reads, writes), _as_long_as(writes, reads), strict=True)
        for sql, writing in zip(each, (False, True), strict=True)
        if sql
    ]
    return _plan(requests, per_second, ids) | {"targets": [], "url": url}


def ids_in(url: str, table: str) -> list[int]:
    """Ids of rows that are there, `IDS_AT_MOST` of them, from all over the table.

    Raises:
        LabError: the table has no rows, or is not there, or its ids are not whole numbers.
    """
    from migration_lab.instruments import query  # here: the load generator imports this package and starts without it

    ends = [query.query(url, f"SELECT id FROM {table} ORDER BY id {way} LIMIT 1").rows for way in ("ASC", "DESC")]
    if not all(ends):
        raise LabError(f"The table `{table}` has no rows to ask for.", "Open the lesson's shop again, which has some.")
    (lowest,), (highest,) = (rows[0] for rows in ends)
    if not (isinstance(lowest, int) and isinstance(highest, int)):
        raise LabError(
            f"The ids of `{table}` are not whole numbers, and requests ask for such ids.",
            "Name another table.",
        )
    step = max((highest - lowest) // IDS_AT_MOST, 1)
    found = query.query(url, f"SELECT id FROM {table} WHERE id % {step} = 0 ORDER BY id LIMIT {IDS_AT_MOST}").rows
    return [int(row[0]) for row in found] or [int(lowest)]


def _as_long_as(some: Sequence[str], others: Sequence[str]) -> list[str]:
    """Repeated until there are as many as of the others; empty text where there are none at all."""
    length = max(len(some), len(others))
    return [some[number % len(some)] if some else "" for number in range(length)]


def _plan(requests: list[dict[str, Any]], per_second: float, ids: Sequence[int]) -> dict[str, Any]:
    if not requests or not all(each["path"].strip() for each in requests):
        raise LabError("There is nothing to send, or one of the requests is empty.", "Name at least one, and its text.")
    if not ids:
        raise LabError("There are no ids to ask for.", "Name at least one: `ids=[1]`.")
    clients = {"readers": READERS, "writers": WRITERS, "drain": DRAIN_SECONDS}
    return {"mix": requests, "per_second": per_second, "ids": list(ids), **clients}
