"""Lesson 08: what the result of each exercise must be."""

from dataclasses import dataclass, field
from functools import cached_property

from migration_lab import course
from migration_lab.checking import FilesJudge, Snapshot, error_in, listed
from migration_lab.checking.rollout import both_releases, revisions_ahead
from migration_lab.checking.stated import expect_stated
from migration_lab.checking.transactions import note_statements, noted_statements, rows_in_one_transaction
from migration_lab.service import Service

MANY_USERS = 100_000
MOST_ROWS = 20_000  # as operations ask for in the ticket
HAS_ROWS = (
    "There are users already, and what the revision asks for does not hold for them.",
    "Look at what `users` holds at the moment at which the statement runs.",
)


@dataclass
class Stop:
    """What each release does not answer as it should, while the database stands at a revision."""

    revision: str
    old: list[str]
    new: list[str]


@dataclass
class Deploy:
    """What happened in a rolling deploy: the stops up to the first at which both releases serve, and what came after."""

    stops: list[Stop] = field(default_factory=list)
    upgrade_said: str = ""
    end: list[str] = field(default_factory=list)
    head: Snapshot | None = None
    again: Snapshot | None = None
    back: Stop | None = None


class Language(FilesJudge):
    exercise = "08.1"
    stub_fails = "upgrade"
    changes = fills = ("users.language",)
    causes = {"F30": HAS_ROWS}

    def required(self) -> None:
        """`users.language` is required after the last revision: text of 2 characters, without a default in the database"""
        self.expect_column(
            "users.language",
            where=self.head,
            length=2,
            nullable=False,
            cause="The last step is missing, or the database fills in a language by itself when a program names none.",
            next_step="After the last revision a program that names no language has to be refused.",
        )

    def values(self) -> None:
        """users from before have `de` where their address ends in `.de`, however it is spelled, and `en` otherwise"""
        self.expect_values(
            "users.language",
            lambda row: "de" if row["email"].lower().endswith(".de") else "en",
            where=self.head,
            cause="The old rows are filled in by another rule.",
            next_step="Look at addresses with several dots, in capitals, and with `.de` in the middle.",
        )

    def both_serve(self) -> None:
        """there is a revision at which the old release and the new one both serve; before it the old one does, and
        after the last revision the new one; after the way back the old one serves again"""
        deploy, last = self._deploy, self._deploy.stops[-1]
        for stop in deploy.stops:
            self.expect(
                not stop.old,
                expected="The old release serves until there is a revision at which both do.",
                found=f"At {stop.revision} the old release fails, and the new one {'does, too' if stop.new else 'serves'}.\n"
                + listed(stop.old),
                cause="The column comes and is required in one revision, so that one of the releases always fails.",
                next_step="Between the column and the promise there has to be a moment for the deploy.",
            )
        self.expect(
            not last.new,
            expected="At one of the revisions both releases serve.",
            found=f"At {last.revision}, the last, the new release fails.\n{listed(last.new)}",
        )
        self.expect(not deploy.end, expected="The new release serves at the end.", found=listed(deploy.end))

    def late_users(self) -> None:
        """users whom the old release takes until the deploy is over have their language in the end"""
        deploy = self._deploy
        late = deploy.head and next(r["language"] for r in deploy.head.rows_of("users") if r["email"] == LATE)
        self.expect(
            late == "de",
            expected="A user whom the old release took during the deploy gets a language, and the upgrade succeeds.",
            found=deploy.upgrade_said or f"The language is {late!r}.",
            cause="The old rows are filled in before the old release is gone, and nobody does it again.",
            next_step="Fill in what is empty in a revision that comes after the deploy.",
        )

    def chosen(self) -> None:
        """what users have chosen stays, also when you go back to the first revision at which both serve, and forward
        again"""
        deploy = self._deploy
        for snapshot, when in ((deploy.head, "after the last revision"), (deploy.again, "after going back and up again")):
            assert snapshot
            found = {row["email"]: row.get("language") for row in snapshot.rows_of("users") if row["email"] in CHOSEN}
            self.expect(
                found == CHOSEN,
                expected="ann@example.com has chosen `fr`, and chosen@beispiel.de has chosen `en`.",
                found=f"{', '.join(f'{email} has {value!r}' for email, value in found.items())}, {when}.",
                cause="An `UPDATE` touches rows that have a value, or a `downgrade()` empties them.",
                next_step="Let `UPDATE` find only rows without a value, and let its `downgrade()` leave the values.",
            )

    def way_back(self) -> None:
        """on the way back each release serves where it served on the way up"""
        back, last = self._deploy.back, self._deploy.stops[-1]
        assert back
        self.expect(
            not back.new,
            expected=f"Back at {last.revision} the new release serves, as it did before.",
            found=listed(back.new),
            next_step="Undo in `downgrade()` each thing that `upgrade()` did.",
        )
        self.expect(
            not back.old,
            expected="Back at the start the old release serves.",
            found=listed(back.old),
            cause="The way back leaves the promise, or the column, in place.",
            next_step="Undo in `downgrade()` each thing that `upgrade()` did.",
        )

    def open_doors(self) -> None:
        """no transaction keeps people out of `users` and reads or changes a lot of it meanwhile (100,000 users)"""
        noted = self._noted
        rows = rows_in_one_transaction(noted, under_lock=True)
        reads = any(each.whole_reads for each in noted if each.keeps_out)
        everyone = any(each.keeps_out == "everyone" for each in noted if each.whole_reads or each.rows)
        self.expect(
            not reads and rows <= MOST_ROWS,
            expected="A lock that keeps people out of `users` lasts for a moment.",
            found=("Everyone waits" if everyone else "Everyone who writes waits")
            + (f" while a transaction changes {rows} rows." if rows > MOST_ROWS else " while the whole table is read."),
            cause="A strong lock of one statement lasts through the long work of another, or of the same.",
            next_step="Give each step a transaction of its own. The promise can rest on a check that was validated "
            "before.",
        )

    def small_steps(self) -> None:
        """no transaction changes more than 20,000 users (of 100,000)"""
        rows = rows_in_one_transaction(self._noted)
        self.expect(
            rows <= MOST_ROWS,
            expected=f"No transaction changes more than {MOST_ROWS} users.",
            found=f"One transaction changes {rows}, and keeps them locked until it ends.",
            cause="One statement fills in all rows, and each of them is locked until the last one is done.",
            next_step="Fill in by ranges of the primary key, and commit after each.",
        )

    def stated(self) -> None:
        """a `downgrade()` that loses something, leaves something or refuses says so"""
        expect_stated(self.fresh(watched=False), "users.language", self.back_to)

    @cached_property
    def _deploy(self) -> Deploy:
        """Walk through the revisions with both releases running, and deploy at the first at which both serve."""
        copy, deploy = self.fresh("the database under both releases", watched=False), Deploy()
        with both_releases(copy, course.lesson("08")) as (old, new):
            for revision in revisions_ahead(copy):
                copy.upgrade(revision)
                deploy.stops.append(stop(revision, old, new))
                if not (deploy.stops[-1].old or deploy.stops[-1].new):
                    break
            else:
                return deploy
            old.post("/users", {"email": LATE})
            new.post("/users", {"email": "chosen@beispiel.de", "language": "en"})
            copy.execute("UPDATE users SET language = 'fr' WHERE email = 'ann@example.com'")
            done = copy.flask("db upgrade")
            if done.exit_code != 0:
                deploy.upgrade_said = error_in(done.output, copy.folder)
                return deploy
            deploy.head = copy.snapshot()
            deploy.end = refusals(new, "head", language="de")
            copy.downgrade(revision)
            at_revision = stop(f"{revision}-back", old, new)
            copy.upgrade()
            deploy.again = copy.snapshot()
            copy.downgrade(self.back_to)
            deploy.back = Stop(revision, refusals(old, "start"), at_revision.new)
        return deploy

    @cached_property
    def _noted(self) -> list:
        """What each statement does to many users, and whom its transaction keeps out meanwhile."""
        large = self.fresh("a large copy", watched=False, sql=MANY)
        note_statements(large, "users")
        large.upgrade()
        return noted_statements(large)


LATE = "late@beispiel.de"
CHOSEN = {"ann@example.com": "fr", "chosen@beispiel.de": "en"}
MANY = f"INSERT INTO users (email) SELECT n || '@example.de' FROM generate_series(1, {MANY_USERS}) AS n"


def stop(revision: str, old: Service, new: Service) -> Stop:
    """Ask both releases."""
    return Stop(revision, refusals(old, f"{revision}-old"), refusals(new, f"{revision}-new", language="fr"))


def refusals(service: Service, name: str, language: str = "") -> list[str]:
    """Which requests a release does not answer as it should, and why."""
    asked = {
        "POST /users": service.post("/users", {"email": f"{name}@example.com"}),
        "GET /users/2": service.get("/users/2"),
        "POST /users/2/logins": service.post("/users/2/logins"),
    }
    if language:
        body = {"email": f"{name}-{language}@example.com", "language": language}
        asked["POST /users with a language"] = service.post("/users", body)
    return [f"{request}: {answer.reason}" for request, answer in asked.items() if not answer.ok]
