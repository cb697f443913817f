"""What the shop writes at the head: a request changes what it is about, and nothing else; for judges.

A model with `onupdate=`, or a route or a listener that sets one more value, undoes what a revision has filled in.
"""

from migration_lab.instruments.service import serve
from migration_lab.teaching.judging.judge import Judge
from migration_lab.teaching.judging.words import shown

# Each changes one column of one row.
PAYS, LOGS_IN = ("PATCH", "/orders/{}", {"status": "paid"}), ("POST", "/users/{}/logins", None)
WRITES = {"orders": (PAYS, "status"), "users": (LOGS_IN, "last_login_at")}
ROWS = 3  # the first, the last, and one between them


def expect_left_alone(judge: Judge) -> None:
    """Requests of the learner's shop leave other columns as they are; asked only where the shop was changed.

    Raises:
        Miss: one does not.
    """
    if not any(each.startswith("shop/") for each in (*judge.traces.changed, *judge.traces.added)):
        return
    copy = judge.upgraded("the shop's database")
    before, found = copy.snapshot(), []
    with serve(copy.workspace) as shop:
        for table, ((method, path, body), _) in WRITES.items():
            ids = sorted(before.values_of(f"{table}.id"))
            for id_ in dict.fromkeys(ids[:: max(1, len(ids) // ROWS)]):
                shop.send(method, path.format(id_), body)
    after = copy.snapshot()
    for table, ((method, path, _), column) in WRITES.items():
        rows = {row["id"]: row for row in after.rows_of(table)}
        for row in before.rows_of(table):
            now = rows.get(row["id"], {})
            found += [
                f"`{table}.{name}` was {shown(value)} and is {shown(now.get(name))} after "
                f"`{method} {path.format(row['id'])}`"
                for name, value in row.items()
                if name != column and now.get(name) != value
            ]
    judge.expect_none(
        found,
        expected="A request changes what it is about, and nothing else.",
        cause="A model, a route or a listener of the shop writes the value again whenever a row changes.",
        next_step="Let the shop write the value of a new row only.",
    )
