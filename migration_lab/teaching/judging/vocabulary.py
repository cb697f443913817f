"""The methods of a judge: `expect`, `expect_column`, `expect_rows` and others. Each checks, and raises `Miss`."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import EllipsisType
from typing import Any, NoReturn

from migration_lab.instruments.schema import Column, Schema, diff
from migration_lab.shops.process import Completed
from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.limits import longest
from migration_lab.teaching.judging.rows import MayChange, changed
from migration_lab.teaching.judging.traces import Traces
from migration_lab.teaching.judging.views import answers_alike
from migration_lab.teaching.judging.words import code_of, error_in, listed, shown, text_of

PADDED = re.compile(r"(N?CHAR(?!\w)|(NATIONAL )?CHARACTER(?! VARYING)|BPCHAR)", re.IGNORECASE)
LONGEST_CODE = 3  # characters: a language, a country or a currency fills its `CHAR(n)`


class Vocabulary:
    """What every judge can expect. `cause` and `next_step` are always as for `Miss`."""

    @property
    def may(self) -> MayChange:
        """How rows may change."""
        raise NotImplementedError

    @property
    def traces(self) -> Traces:
        """What was done to the files."""
        raise NotImplementedError

    @property
    def learners(self) -> Snapshot | None:
        """The learner's own database as it is now; None where it cannot be read."""
        raise NotImplementedError

    def expect(self, is_so: object, *, expected: str, found: str, cause: str = "", next_step: str = "") -> None:
        """Raise `Miss` unless it is so.

        Args:
            expected, found, cause, next_step: as for `Miss`.

        Raises:
            Miss: it is not.
        """
        if not is_so:
            self.miss(expected=expected, found=found, cause=cause, next_step=next_step)

    def miss(self, *, expected: str, found: str, cause: str = "", next_step: str = "") -> NoReturn:
        """Raise `Miss` in these words."""
        raise Miss(expected=expected, found=found, cause=cause, next_step=next_step)

    def expect_none(
        self,
        wrong: Sequence[object],
        *,
        expected: str,
        heading: str = "",
        most: int = 3,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """Nothing was found that is wrong.

        Args:
            wrong: sentences, or changes of a schema; as many of them are shown as `most`, below the heading.
        """
        found = listed([*([heading] if heading else []), *map(str, wrong)], most + bool(heading))
        self.expect(not wrong, expected=expected, found=found, cause=cause, next_step=next_step)

    def expect_success(
        self,
        completed: Completed,
        database: Database,
        *,
        expected: str,
        heading: str = "",
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """A command ended with exit code 0.

        Args:
            database: where it ran.
            heading: what stands above its error.
        """
        if completed.exit_code != 0:
            found = [*([heading] if heading else []), error_in(completed.output, database.folder)]
            self.miss(expected=expected, found="\n".join(found), cause=cause, next_step=next_step)

    def expect_taken(
        self, database: Database, *statements: str, expected: str, cause: str = "", next_step: str = ""
    ) -> None:
        """The database accepts what a program writes to it."""
        refused = [why for each in statements if (why := database.refusal(each))]
        self.expect_none(refused, expected=expected, cause=cause, next_step=next_step)

    def expect_refused(
        self, database: Database, *statements: str, expected: str, cause: str = "", next_step: str = ""
    ) -> None:
        """The database refuses each of these; one that succeeds stays in effect."""
        done = [f"This succeeds in {database.name}: {each}" for each in statements if not database.refusal(each)]
        self.expect_none(done, expected=expected, cause=cause, next_step=next_step)

    def expect_there(self, name: str, *, where: Snapshot, expected: str = "") -> Column:
        """A column exists; if not, the measurements give the reason.

        Args:
            name: "users.nickname".
            where: in which database.
            expected: what it should be, in words.
        """
        column = where.column(name)
        if column is None:
            table = where.schema.table(name.rpartition(".")[0])
            has = ", ".join(each.name for each in table.in_order) if table else "gone"
            learners = self.learners if self.traces.start.column(name) is None else None
            why, then = self.traces.why_not_there(name, learners)
            found = f"`{name.rpartition('.')[0]}` has {has}."
            self.miss(expected=expected or f"`{name}` is there.", found=found, cause=why, next_step=then)
        return column

    def expect_gone(self, name: str, *, where: Snapshot, cause: str = "", next_step: str = "") -> None:
        """A column, such as "users.nickname", is not there any more."""
        column, table = where.column(name), name.rpartition(".")[0]
        expected, found = f"`{table}` has no `{name.rpartition('.')[2]}` any more.", f"`{name}` is {column}."
        self.expect(column is None, expected=expected, found=found, cause=cause, next_step=next_step)

    def expect_column(
        self,
        name: str,
        *,
        where: Snapshot,
        kind: str = "text",
        length: int | None = None,
        nullable: bool = True,
        default: str | EllipsisType | None = None,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """A column exists, and is as it should be: a plain one, without a collation, whose values are not computed.

        Args:
            name: "users.nickname".
            where: in which database.
            kind: the family of the type, as `Column.kind` has it.
            length: the most characters, by the type or a CHECK; None where nothing sets a limit.
            default: what the database writes where a program names no value, as the engine spells it; None for nothing,
                `...` for whatever it is.
            cause, next_step: for a column that exists and differs; the measurements explain a missing one.
        """
        words = [f"text of up to {length} characters" if length else kind, "may be null" if nullable else "not null"]
        words += [] if default is ... else [f"default {default}" if default else "without a default"]
        wanted = f"`{name}`: {', '.join(words)}."
        column = self.expect_there(name, where=where, expected=wanted)
        table = where.schema.table(name.rpartition(".")[0])
        most = longest(table, column) if table and kind == "text" else column.length
        self.expect(
            (column.kind, most, column.nullable) == (kind, length, nullable)
            and default in (column.default, ...)
            and not column.generated,
            expected=wanted,
            found=f"`{name}` is {column}" + (f"; a CHECK takes {most} characters." if most != column.length else "."),
            cause=cause,
            next_step=next_step or "Compare this with the model and with the revision, and correct what differs.",
        )
        self.expect(
            kind != "text" or (length or 0) <= LONGEST_CODE or not PADDED.match(column.type),
            expected=f"`{name}` holds each text as it was written.",
            found=f"`{name}` is {column}.",
            cause="Postgres fills `CHAR(n)` up with blanks: whatever is shorter comes back longer than it was written.",
            next_step="Let the model and the revision say `String`.",
        )
        self.expect_none(
            not_valid(where.schema, name),
            expected=f"`{name}` is not null in any row.",
            next_step="`VALIDATE CONSTRAINT` looks at the rows that are there.",
        )
        self._expect_usual_order(name, where=where)

    def _expect_usual_order(self, name: str, *, where: Snapshot) -> None:
        """A column compares and sorts as the others do: it has no collation that it had not at the start."""
        column, before = where.column(name), self.traces.start.column(name)
        self.expect(
            not column or not column.collation or (before and before.collation == column.collation),
            expected=f"`{name}` compares and sorts text as the other columns of this database do.",
            found=f"`{name}` is {column}.",
            cause="A collation exists on one engine only. There, other values are equal, or come first.",
            next_step="Leave the collation out: the ticket does not ask for one.",
        )

    def expect_values(
        self,
        column: str,
        rule: Mapping[Any, Any] | Callable[[dict[str, Any]], Any],
        *,
        where: Snapshot,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """Each row has the value of a rule.

        Args:
            column: "users.language".
            rule: a function from a row to its value; or values by the id of the row, each of which must be there, while
                rows with other ids may have any.
            where: in which database.
        """
        self.expect_there(column, where=where)
        table, _, name = column.rpartition(".")
        rows, wrong = where.rows_of(table), []
        for row in rows:
            wanted = rule(row) if callable(rule) else rule.get(row.get("id"), row.get(name))
            if row.get(name) != wanted:
                known = f" ({row['email']})" if "email" in row else ""
                found = f"{shown(row.get(name))}, not {shown(wanted)}"
                wrong.append(f"`{column}` of the row with id {row.get('id')}{known} is {found}")
        if not callable(rule):
            there = {row.get("id") for row in rows}
            wrong += [f"`{table}`: the row with id {each} is gone" for each in rule if each not in there]
        self.expect_none(
            wrong,
            expected=f"In {where.name}, `{column}` has the values that the ticket asks for.",
            cause=cause,
            next_step=next_step,
        )

    def expect_revision(self, revision: str, like: str, *, cause: str = "", next_step: str = "") -> None:
        """The file of a revision has the same code as an original file of the exercise; comments may differ.

        Args:
            like: that file, as seen from the exercise's folder.
        """
        found = self.traces.history.revision(revision)
        self.expect(found, expected=f"A file of `{revision}`.", found="No file has it.", next_step=next_step)
        lines = _differ(text_of(self.traces.original / like), text_of(found.path)) if found else []
        self.expect_none(
            lines,
            expected=f"The file of `{revision}` says what `{like}` said when the exercise began.",
            most=4,
            cause=cause,
            next_step=next_step,
        )

    def expect_same_schema(
        self,
        one: Snapshot,
        *others: Snapshot,
        besides: Collection[str] = (),
        on: Database | None = None,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """Databases hold the same as the first of them.

        Args:
            one, others: what they hold.
            besides: names that may differ.
            on: a copy on which views of both can be queried: views that give the same columns and rows are equal,
                however they are written. Its rows are changed.
        """
        for other in others:
            differences = [
                f"{' '.join(filter(None, [each.subject, each.kind, each.name]))}: "
                f"{_has(one.name, each.before)}, {_has(other.name, each.after)}"
                for each in diff(one.schema, other.schema)
                if not {each.subject or each.name, f"{each.subject}.{each.name}"} & set(besides)
                and not (on and answers_alike(on, each))
            ]
            self.expect_none(
                differences,
                expected=f"{one.name[:1].upper()}{one.name[1:]} and {other.name} have the same schema.",
                most=5,
                cause=cause,
                next_step=next_step,
            )

    def expect_rows(self, before: Snapshot, now: Snapshot, *, grows: Collection[str] = (), **words: str) -> None:
        """All rows and values that a database had are unchanged, except for what the ticket allows to change.

        Args:
            grows: tables to which rows have been added.
            words: `cause` and `next_step`.
        """
        lost = changed(before.tables, now.tables, replace(self.may, grows=grows))
        self.expect(
            not lost, expected=f"In {now.name} the rows from before are as they were.", found=listed(lost, 3), **words
        )


def not_valid(schema: Schema, name: str) -> list[str]:
    """What is invalid in a table, "orders", or a column, "users.language": it exists, but cannot be relied on."""
    table, _, column = name.partition(".")
    found = schema.table(table) if not column else None
    return [
        *(
            f"the index `{each.name}` is not valid: building it failed half-way, and no query uses it"
            for each in (found.indexes if found else ())
            if not each.valid
        ),
        *(
            f"the check `{each.name}` is NOT VALID: Postgres has not looked at the rows that were there"
            for each in (found.checks if found else ())
            if not each.valid
        ),
        *(
            f"the NOT NULL of `{table}.{each.name}` is NOT VALID: Postgres has not looked at the rows that were there"
            for each in schema.details
            if each.owner == table and column in ("", each.name) and "NOT VALID" in each.definition
        ),
    ]


def _differ(one: str, other: str) -> list[str]:
    """The lines of code that differ between two Python files, as `diff` shows them, apart from comments."""
    if code_of(one) == code_of(other):
        return []
    return [each.rstrip() for each in difflib.ndiff(one.splitlines(), other.splitlines()) if each[0] in "+-"]


def _has(name: str, definition: str | None) -> str:
    return f"{name} has ({definition})" if definition else f"{name} has none"
