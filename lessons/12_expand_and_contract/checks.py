"""Lesson 12: the judges of its exercises."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.instruments.service import serve
from migration_lab.instruments.traffic import Request, ids_in
from migration_lab.instruments.traffic.outcome import reasons
from migration_lab.teaching.judging import Database, FilesJudge, Miss, Snapshot, differences_in, listed, part_of
from migration_lab.teaching.judging.interruptions import Interruptions, gaps_in
from migration_lab.teaching.judging.rollout import Served, both_releases, release_before, revisions_ahead
from migration_lab.teaching.judging.way_back import UNDO

Names = dict[Any, str | None]  # by the user's id
MOMENT = (
    "The deploy needs a revision at which both releases serve and show every name: both columns are there, and filled "
    "in."
)
COPY = "When a program writes one of the columns, in an `INSERT` or an `UPDATE`, the other one must be written too."
BACK = "A column that comes back on the way down comes back empty. Fill it, and keep both alike while both are there."
STRONGER = (
    "A transaction that has a weak lock on `users` and then needs a stronger one waits for a request, which waits for "
    "the weak one. Begin with the strongest lock."
)
SUPPORT = "As long as there is a `display_name`, support can change it with SQL."
SUPPORT_GOES_ON = (
    "Support writes into `display_name` as long as it is there. Drop the trigger in the revision that drops the column."
)
JUDY = 31  # the id of a user
A_FEW = 10  # requests
MOVE_SECONDS = 30.0  # for the last requests to a release; a command and a request may take ten each
AN_EMPTY_NAME = "UPDATE users SET display_name = '' WHERE id = 34"  # as an old import may have written it
MIX: tuple[Request, ...] = (
    ("GET", "/users/{id}", None),
    ("POST", "/users", {"email": "{new}@during.example", "display_name": "During"}),
    ("POST", "/users/{id}/logins", None),
)


class PublicName(FilesJudge):
    exercise = "12.1"
    stub_fails = "both_serve"
    changes = ("users.display_name", "users.public_name")
    moves = {"users.display_name": "users.public_name"}

    def renamed(self) -> None:
        """after the last revision `users` has `public_name`, text of up to 80 characters that may be null, and no
        `display_name`"""
        self.expect_column("users.public_name", where=self.head, length=80)
        then = "Drop it in a revision that runs when today's release is gone."
        self.expect_gone("users.display_name", where=self.head, next_step=then)

    def both_serve(self) -> None:
        """there is a revision at which both releases serve and show every name; until then today's release does, and
        from then on the new one"""
        _ = self._deploy

    def shown_by_both(self) -> None:
        """while both serve, each shows what the other one and support have written: new names, changed ones, and none
        where one was taken away; and what support writes later, as long as there is a `display_name`"""
        _ = self._deploy

    def way_back(self) -> None:
        """on the way back, one revision at a time, each release serves and shows every name where it did on the way
        up"""
        _ = self._deploy

    def rolling_deploy(self) -> None:
        """under requests all the time, through all revisions and a rolling deploy, none fails"""
        self.expect_none(
            failed := self._under_requests[1],
            expected="No request fails.",
            cause=STRONGER if any("DeadlockDetected" in each for each in failed) else "",
            next_step="For each statement, ask what the serving releases need.",
        )

    def no_gap(self) -> None:
        """what somebody writes between two statements of a revision is in both columns afterwards, up and back; who
        signs up during the deploy has a name"""
        at = self._deploy
        for command, column, from_head in (
            (f"db upgrade {at}", "display_name", False),
            (f"db downgrade {at}", "public_name", True),
        ):
            for number, statement in gaps_in(self._before(from_head=from_head), command, "users"):
                copy = self._before(from_head=from_head)
                with Interruptions(copy).paused_before(number, command) as paused:
                    refused = copy.refusal(WRITE.format(column))
                    ended = paused.completed()
                self.expect_success(ended, copy, expected=f"`flask {command}` succeeds while others write to `users`.")
                found = [
                    f"In the end, of the user with id {id_}, {quoted(wanted)} was to be in both. `display_name` has "
                    f"{quoted(old)}, and `public_name` {quoted(new)}."
                    for id_, wanted, old, new in copy.sql(BOTH).rows
                    if not old == new == wanted
                ]
                self.expect(
                    "lock timeout" in refused or not found,
                    expected=f"What is written while `flask {command}` runs is in both columns afterwards.",
                    found=refused or f"`{column}` was written before this statement:\n{statement}\n{listed(found)}",
                    cause="No lock keeps others out there: a commit has released it, or it is not taken yet.",
                    next_step="Let the trigger be there before the old rows are filled in, or do it all in one "
                    "transaction.",
                )
        # Last: whether a request meets a gap depends on the moment.
        self.expect(
            not self._under_requests[0].sql(NAMELESS).scalar,
            expected="Each user who signs up during the deploy has a name.",
            found="Some have none.",
            next_step="Let the trigger be there before the old rows are filled in.",
        )

    def _before(self, *, from_head: bool) -> Database:
        copy = self.fresh("the database during a revision", watched=False)
        if from_head:
            copy.reach()
        return copy

    @cached_property
    def _deploy(self) -> str:
        """The revision at which the new release is deployed, when both have been through all revisions and back."""
        copy = self.fresh("the database under both releases", watched=False, sql=AN_EMPTY_NAME)
        names = copy.snapshot().values_of("users.display_name")
        with both_releases(copy, course.lesson("12")) as (old, new):
            ahead = revisions_ahead(copy)
            with part_of("both_serve"):
                at = ahead.index(until_both_serve(old, new, ahead, names))
            with part_of("shown_by_both"):
                names |= written(old, new)
                for release in (old, new):
                    shows(release, names, COPY)
            with part_of("both_serve"):
                for each in ahead[at + 1 :]:
                    copy.reach(each)
                    serves(new, f"new-{each}", names, "Drop the old column only where every value is in the new one.")
                    names |= support_writes(new, f"Judy at {each}")
                    with part_of("shown_by_both"):
                        shows(new, names, SUPPORT_GOES_ON)
            with part_of("way_back"):
                names |= renamed(new, {11: "Dave", 27: None, 32: "Karl"})
                for each in ahead[at:-1][::-1]:
                    copy.downgrade(each)
                    serves(new, f"new-back-{each}", names, BACK)
                    names |= support_writes(new, f"Judy back at {each}")
                    shows(new, names, SUPPORT_GOES_ON)
                serves(old, "old-back", names, BACK)
                for each in [*ahead[:at][::-1], self.back_to]:
                    copy.downgrade(each)
                    serves(old, f"old-back-{each}", names, BACK)
        return ahead[at]

    @cached_property
    def _under_requests(self) -> tuple[Database, list[str]]:
        """A database that went through all revisions under requests, and why requests failed."""
        deploy_at = self._deploy
        copy = self.fresh("the database under requests", watched=False)
        ids = ids_in(copy.url, "users")
        with (
            serve(release_before(copy, course.lesson("12"))) as old,
            serve(copy.workspace) as new,
            old.requests(per_second=40, mix=MIX, ids=ids) as seen,
        ):
            seen.wait_for(A_FEW)
            copy.reach(deploy_at)
            for phase, ports in (("both releases", (old.port, new.port)), ("the new release", (new.port,))):
                seen.phase(phase)
                seen.retarget(dict.fromkeys(ports, 1.0), within=MOVE_SECONDS)  # none is under way to one that ends
                seen.wait_for(4 * A_FEW)
            copy.reach()
            seen.phase("afterwards")
            seen.wait_for(A_FEW)
        return copy, sorted(reasons(seen.outcomes))


NAMELESS = "SELECT count(*) FROM users WHERE email LIKE '%@during.example' AND public_name IS DISTINCT FROM 'During'"
# Users with a name and without one; of one it is taken away.
MEANWHILE = "(VALUES (1, 'Meanwhile'), (2, 'Meanwhile'), (4, NULL)) AS meanwhile (id, name)"
WRITE = f"SET LOCAL lock_timeout = '200ms'; UPDATE users SET {{}} = name FROM {MEANWHILE} WHERE users.id = meanwhile.id"
BOTH = f"SELECT id, name, display_name, public_name FROM users JOIN {MEANWHILE} USING (id) ORDER BY id"


def until_both_serve(old: Served, new: Served, ahead: list[str], names: Names) -> str:
    """Upgrade to the first revision at which both releases serve and show every name, and say which it is.

    Raises:
        Miss: there is none, or the old release does not serve until then.
    """
    late = ""
    for revision in ahead:
        old.copy.reach(revision)
        wrong = differing(new, names)
        try:
            serves(old, f"old-{revision}", names, MOMENT)
        except Miss as miss:
            miss.cause = late
            raise
        if shown(new) and wrong:
            late = f"At `{revision}` the new release did not show every name. {wrong[0]}"
        elif unanswered := new.unanswered(*visits(f"new-{revision}")):
            late = f"At `{revision}` the new release did not serve. {unanswered[0]}"
        else:
            return revision
    serves(new, "new", names, MOMENT)
    raise Miss(expected="There is a revision at which both releases serve.", found=late or "None.", next_step=MOMENT)


def visits(name: str) -> list[Request]:
    """What people ask of a release, under an address that nobody has yet."""
    return [
        ("POST", "/users", {"email": f"{name}@example.com", "display_name": name}),
        ("GET", "/users/2", None),
        ("POST", "/users/2/logins", None),
        ("PATCH", "/users/2", {"is_active": True}),
    ]


def shown(release: Served) -> Names:
    """The names that a release shows, by the user's id; none if it does not answer."""
    answer = release.service.get("/users")
    return {each["id"]: each["display_name"] for each in answer.json} if answer.ok else {}


def differing(release: Served, names: Names) -> list[str]:
    """Which users a release shows with another name, in sentences."""
    found = shown(release)
    return [
        f"It shows the user with id {id_} with {quoted(found.get(id_))}, not with {quoted(name)}."
        for id_, name in names.items()
        if found.get(id_) != name
    ]


def support_writes(release: Served, name: str) -> Names:
    """The name that support gives a user with SQL; none where there is no `display_name`."""
    refused = release.copy.refusal(f"UPDATE users SET display_name = '{name}' WHERE id = {JUDY}")
    if not refused:
        return {JUDY: name}
    if 'column "display_name" of relation "users" does not exist' in refused:
        return {}
    raise Miss(expected=SUPPORT, found=refused, next_step=SUPPORT_GOES_ON, of="shown_by_both")


def quoted(name: str | None) -> str:
    return "no name" if name is None else repr(name)


def shows(release: Served, names: Names, next_step: str) -> None:
    """A release shows these names."""
    if wrong := differing(release, names):
        expected = f"{release.name[:1].upper()}{release.name[1:]} shows every name."
        raise Miss(expected=expected, found=listed(wrong, 3), next_step=next_step)


def serves(release: Served, name: str, names: Names, next_step: str) -> None:
    """A release answers what people ask, and shows these names; the user who signs up is one of them from now on."""
    release.expect(*visits(name), next_step=next_step)
    shows(release, names, next_step)
    names |= {id_: each for id_, each in shown(release).items() if id_ not in names}


def written(old: Served, new: Served) -> Names:
    """Names that both releases and support write at one moment, by the user's id."""
    names: Names = {}
    for release, name in ((old, "Of the old one"), (new, "Of the new one"), (old, None), (new, None)):
        email = f"{release.name.replace(' ', '-')}-{'named' if name else 'nameless'}@example.com"
        release.expect(("POST", "/users", {"email": email, "display_name": name}), next_step=COPY)
        names[release.copy.sql(f"SELECT id FROM users WHERE email = '{email}'").scalar] = name
    names |= renamed(new, {1: "Anna", 9: None, 30: "Ivan"})
    for id_, name in ((26, "Erin B."), (28, None), (JUDY, "Judy"), (33, "")):
        value = "NULL" if name is None else f"'{name}'"
        if refused := new.copy.refusal(f"UPDATE users SET display_name = {value} WHERE id = {id_}"):
            raise Miss(expected=SUPPORT, found=refused, next_step=COPY)
        names[id_] = name
    for id_, release in zip(names, (old, new) * len(names), strict=False):
        release.expect(("POST", f"/users/{id_}/logins", None), next_step=COPY)  # which changes no name
    return names


def renamed(new: Served, names: Names) -> Names:
    """The names, after users have changed theirs in the new release."""
    new.expect(*(("PATCH", f"/users/{id_}", {"display_name": name}) for id_, name in names.items()), next_step=COPY)
    return names


PAID = ("paid", "shipped")


def flag_of(order: dict[str, Any]) -> bool | str:
    """The flag of an order. On SQLite it may be a text, which Python would take for true."""
    flag = order["is_paid"]
    return flag if isinstance(flag, str) else bool(flag)


LOOKED_AT = "Look at what the view reads after each of your revisions."


class Flag(FilesJudge):
    exercise = "12.2"
    stub_fails = "upgrade"
    changes = ("orders.is_paid", "finance_revenue")
    by_hand = ("finance_revenue",)
    writes = ("orders.is_paid",)  # `flag` looks at it
    only_on = {"rights": "postgres"}
    last = ("no_other_change", "downgrade", "rows_kept", "new_database", "past", "no_drift")

    def dropped(self) -> None:
        """`orders` has no `is_paid` after the last revision"""
        self.expect_gone("orders.is_paid", where=self.head, next_step="Drop the column in a revision.")

    def report(self) -> None:
        """at each revision, up and back, `finance_revenue` has the columns `user_id`, `orders` and `cents`; at the last
        one it has each user's paid and shipped orders, also those that come later, and on the way back as well"""
        for each in self._looks:
            self.expect(
                each.columns == REPORT,
                expected=f"{each.when}, `finance_revenue` has the columns {', '.join(REPORT)}.",
                found=each.refused or f"It has the columns {', '.join(each.columns)}.",
                next_step=LOOKED_AT,
            )
            self.expect_none(
                [] if each.may_be_late else each.wrong,
                expected=f"{each.when}, `finance_revenue` counts the orders that are paid or shipped, and no others.",
                next_step=LOOKED_AT,
            )

    def rights(self) -> None:
        """everybody who could read `finance_revenue` still can, up and back"""
        self.expect_none(
            [f"{each.when} they may not." for each in self._looks if not each.is_public],
            expected="Everybody may read `finance_revenue`, as at the start.",
            cause="With `security_invoker` a view reads with its reader's rights, and readers may not read `orders`."
            if any(each.asks_its_reader for each in self._looks)
            else "",
            next_step="`DROP VIEW` drops the rights with the view. `CREATE OR REPLACE VIEW` keeps them.",
        )

    def staging(self) -> None:
        """a database without the view can be upgraded, taken back and upgraded again"""
        copy = self.fresh("staging, which has no such view", sql="DROP VIEW finance_revenue", watched=False)
        for _ in range(2):
            copy.upgrade()
            with part_of("staging"):
                copy.downgrade(self.back_to)

    def flag(self) -> None:
        """after a downgrade to the start `is_paid` is right for every order, also for new ones"""
        _ = self._looks
        orders = self._production.snapshot().rows_of("orders")
        wrong = [
            f"The order with id {row['id']} is {row['status']!r}, and `is_paid` is {flag_of(row)!r}"
            for row in orders
            if flag_of(row) is not (row["status"] in PAID)
        ]
        then = "Let `downgrade()` fill in the flag from what the database knows."
        self.expect_none(
            wrong,
            expected="`is_paid` is true for `paid` and `shipped`, and false otherwise.",
            cause="A default in quotes is a text, and SQLite stores it as it is. `sa.false()` is right on both engines."
            if any(isinstance(flag_of(row), str) for row in orders)
            else "",
            next_step=then,
        )

    def downgrade(self) -> None:
        """`flask db downgrade`, back to the start, undoes what the upgrade did; what the view reads is left open"""
        then = "Compare `downgrade()` with the column as it was: type, NOT NULL, default."
        self.expect_same_schema(self.start, self.walk.back(), besides=self.by_hand, next_step=then)
        with part_of("upgrade"):
            self.expect_same_schema(self.head, self.walk.again(), besides=self.by_hand, next_step=then)

    @cached_property
    def _production(self) -> Database:
        return self.fresh("production", watched=False)

    @cached_property
    def _looks(self) -> list["Look"]:
        """What finance's view gives at each revision: on the way up, when there are new orders, and on the way back."""
        copy, looks = self._production, []
        for each in (ahead := revisions_ahead(copy)):
            copy.reach(each)
            looks.append(look(copy, f"After the upgrade to `{each}`", may_be_late=each != ahead[-1]))
        cast = "::order_status" if self.engine == "postgres" else ""
        copy.execute(NEW_ORDERS.format(cast))
        looks.append(look(copy, "When new orders have come"))
        for each in [*ahead[:-1][::-1], self.back_to]:
            copy.downgrade(each)
            looks.append(look(copy, f"After the downgrade to `{each}`"))
        return looks


REPORT = ("user_id", "orders", "cents")
NEW_ORDERS = """
    INSERT INTO orders (user_id, amount_cents, currency, status, created_at)
    SELECT id, 100 + id, CASE WHEN id % 2 = 0 THEN 'EUR' END,
        (CASE id % 3 WHEN 0 THEN 'shipped' WHEN 1 THEN 'paid' ELSE 'pending' END){}, CURRENT_TIMESTAMP
    FROM users
"""


# A right on each column is as good as one on the view. Nobody else may read `orders`.
READERS = """
    SELECT bool_and(has_column_privilege('public', oid, attnum, 'SELECT')), bool_or(EXISTS (
        SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean))
    FROM pg_class JOIN pg_attribute ON attrelid = oid AND attnum > 0
    WHERE oid = 'finance_revenue'::regclass
"""


@dataclass(frozen=True)
class Look:
    """What finance's view gave at one moment.

    Args:
        columns: none where the database refused, and why.
        wrong: users whose row is not right, in sentences.
        is_public: whether everybody may read it, and what it reads.
        asks_its_reader: whether the reader needs rights on what it reads.
        may_be_late: whether it may still be the view of the start.
    """

    when: str
    columns: tuple[str, ...]
    refused: str
    wrong: list[str]
    is_public: bool
    asks_its_reader: bool
    may_be_late: bool


def look(copy: Database, when: str, *, may_be_late: bool = False) -> Look:
    """Ask the view, and count the orders by their status."""
    paid = "SELECT user_id, count(*), sum(amount_cents) FROM orders WHERE status IN ('paid', 'shipped') GROUP BY 1"
    wanted = {row[0]: tuple(map(int, row[1:])) for row in map(tuple, copy.sql(paid).rows)}
    try:
        found = copy.sql("SELECT * FROM finance_revenue")
    except LabError as error:
        return Look(when, (), error.message, [], True, False, may_be_late)
    rows = {row[0]: row[1:] for row in map(tuple, found.rows)} if found.columns == REPORT else {}
    wrong = [
        f"The user with id {each}: {rows.get(each, 'no row')}, not {wanted.get(each, 'no row')}"
        for each in sorted({*rows, *wanted})
        if repr(rows.get(each)) != repr(wanted.get(each))  # 5567.0 is another type
    ]
    is_public, asks = copy.sql(READERS).rows[0] if copy.engine.name == "postgres" else (True, False)
    return Look(when, tuple(found.columns), "", wrong, is_public and not asks, asks, may_be_late)


class DearCustomer(FilesJudge):
    exercise = "12.3"
    stub_fails = "column"
    changes = fills = ("users.display_name",)
    writes = ("kept_display_names",)  # `kept` and `later_names` look at it
    as_shown = ("kept_display_names",)

    def column(self) -> None:
        """`users` has `display_name` again: text of up to 80 characters that may be null, without a default"""
        self.expect_column("users.display_name", where=self.head, length=80)

    def names(self) -> None:
        """everyone who had a name has it again, and no other user has one"""
        staging = self.fresh("staging, where people have other names", watched=False, sql=OTHER_NAMES)
        there, by_hand = (
            "Compare the ids and the addresses of both tables.",
            "Take the names from the table, not from a list.",
        )
        for before, after, then in ((self.start, self.head, there), (staging.snapshot(), staging.upgrade(), by_hand)):
            kept = {(row["user_id"], row["email"]): row["display_name"] for row in self._kept(before)}
            wanted = {row["id"]: kept.get((row["id"], row["email"])) for row in before.rows_of("users")}
            self.expect_values("users.display_name", wanted, where=after, next_step=then)

    def serves(self) -> None:
        """last week's release and this folder's both serve then, and the database accepts the users of today's, which
        does not know the column"""
        copy = self.fresh("the database under both releases", watched=False)
        with both_releases(copy, course.lesson("12")) as (old, new):
            copy.reach()
            requests = ("POST", "/users", {"email": "last-week@example.com", "display_name": "Last Week"}), *LOOKS
            old.expect(*requests, next_step="Compare the column with the model of last week's release.")
            new.expect(("POST", "/users", {"email": "folder@example.com"}), *LOOKS)
            name = copy.sql("SELECT display_name FROM users WHERE email = 'folder@example.com'").scalar
        self.expect(
            name is None,
            expected="A user who comes through the release of this folder has no name.",
            found=f"The name is {name!r}.",
            next_step="Take the default out of the model: the column had none.",
        )
        self.expect_taken(
            copy,
            TODAY.format("today"),
            expected="A user of today's release, who comes without a name, is accepted.",
            next_step="Let the column be null.",
        )

    def later_names(self) -> None:
        """back to `0025` and up again: names that were new, changed or taken away in between are so again, also the
        second time; and where the way up stopped at a revision in between, everyone has a name again who had one"""
        copy = self.upgraded("the database in use")
        for number, changes in enumerate((LATER, LATER_STILL), start=1):
            for each in changes:
                copy.execute(each)
            names = copy.snapshot().values_of("users.display_name")
            with part_of("later_names"):
                copy.downgrade(self.back_to)
                copy.execute(TODAY.format(f"in-between-{number}"))
                copy.reach()
            then = "Let `downgrade()` write what is in the column into `kept_display_names`, before it drops it."
            self.expect_values("users.display_name", names, where=copy.snapshot(), next_step=then)
        for each in revisions_ahead(self.fresh(watched=False))[:-1]:
            copy = self.fresh(f"a database that was taken back at `{each}`", watched=False)
            copy.reach(each)
            with part_of("later_names"):
                copy.downgrade(self.back_to)
                copy.reach()
            then = "Each revision takes back what it has done itself. Let the one that fills in the names save them."
            names = self.head.values_of("users.display_name")
            self.expect_values("users.display_name", names, where=copy.snapshot(), next_step=then)

    def kept(self) -> None:
        """the names of deleted users stay in `kept_display_names`, on the way up and on the way back"""
        there = {(row["id"], row["email"]) for row in self.start.rows_of("users")}
        gone = [row for row in self._kept(self.start) if (row["user_id"], row["email"]) not in there]
        self.walk.again()
        self.expect_none(
            [
                f"{row['display_name']!r} of {row['email']} is missing {stop.when}"
                for stop in self.walk.stops
                for row in gone
                if row not in self._kept(stop.snapshot)
            ],
            expected="The names of deleted users stay where they are.",
            next_step="Look for what is dropped or deleted: only an existing user has another place for the name.",
        )

    def no_drift(self) -> None:
        """`flask db check` reports the table `kept_display_names`, as at the start, and nothing else"""
        database, _ = self.new
        if differences_in(database.flask("db check").output) != [KNOWN]:
            super().no_drift()
        elif database.stands_at() != self.start.revisions:
            with part_of("new_database"):
                self.expect_same_schema(self.start, database.downgrade(self.back_to), next_step=UNDO)

    @staticmethod
    def _kept(where: Snapshot) -> list[dict[str, Any]]:
        return where.rows_of("kept_display_names")


KNOWN = "Detected removed table 'kept_display_names'"
LOOKS: tuple[Request, ...] = (("GET", "/users", None), ("POST", "/users/2/logins", None))
OTHER_NAMES = """
    UPDATE kept_display_names SET display_name = display_name || ' of staging' WHERE user_id <> 27;
    UPDATE kept_display_names SET display_name = '' WHERE user_id = 27;
    UPDATE kept_display_names SET email = 'd_ve%' WHERE user_id = 11;
    DELETE FROM orders WHERE user_id = 26;
    DELETE FROM users WHERE id = 26;
    INSERT INTO users (id, email, timezone, is_active) VALUES (26, 'paul@example.org', 'UTC', true);
"""
TODAY = "INSERT INTO users (email, timezone, is_active) VALUES ('{}@example.com', 'UTC', true)"
LATER = (
    "INSERT INTO users (email, timezone, is_active, display_name) VALUES ('new@example.com', 'UTC', true, 'New')",
    "UPDATE users SET display_name = 'Anna' WHERE id = 1",
    "UPDATE users SET display_name = NULL WHERE id = 11",
    "UPDATE users SET display_name = 'O''Neill' WHERE id = 3",
    "UPDATE users SET display_name = 'Nina' WHERE id = 9",
    "UPDATE users SET display_name = '' WHERE id = 27",
)
LATER_STILL = (
    "UPDATE users SET display_name = 'Ann' WHERE id = 1",
    "UPDATE users SET display_name = 'Dave' WHERE id = 11",
    "UPDATE users SET display_name = NULL WHERE id = 3",
)
