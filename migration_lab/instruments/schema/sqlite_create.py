"""Reads SQLite's CREATE statements. SQLite stores them as written, and no pragma reports all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from migration_lab.instruments.schema.model import Check, Index, PrimaryKey, Unique
from migration_lab.instruments.schema.sql import Token, split, tokens, written

# What ends the type of a column.
CLAUSES = (
    "CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS",
)  # fmt: skip


class Reader:
    """Tokens, taken one after the other."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._left = list(reversed(found))

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def word(self) -> str:
        """The next word or symbol, in capitals."""
        return self._left[-1].word if self._left else ""

    def next(self) -> Token:
        """Take the next token."""
        return self._left.pop() if self._left else Token("symbol", "")

    def take(self, *words: str) -> bool:
        """Take these words if they are the next."""
        if [each.word for each in self._left[: -len(words) - 1 : -1]] != list(words):
            return False
        del self._left[-len(words) :]
        return True

    def group(self) -> list[Token]:
        """Take the brackets that open here, if any, and return their contents."""
        found: list[Token] = []
        depth = 0
        while self._left and (self.word == "(" or depth):
            found.append(self.next())
            depth += {"(": 1, ")": -1}.get(found[-1].word, 0)
        return found[1:-1]

    def rest(self) -> list[Token]:
        """Take everything that is left."""
        left, self._left = self._left[::-1], []
        return left


@dataclass
class Reference:
    """A foreign key as written: it may spell the target differently from the table, and leave out its columns."""

    name: str | None
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    actions: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


@dataclass
class Create:
    """The content of a CREATE TABLE. `collations`, `generated` and `clauses` are by the column's name."""

    known: Mapping[str, str]
    primary_key: PrimaryKey | None = None
    uniques: set[Unique] = field(default_factory=set)
    checks: set[Check] = field(default_factory=set)
    references: list[Reference] = field(default_factory=list)
    collations: dict[str, str] = field(default_factory=dict)
    generated: dict[str, str] = field(default_factory=dict)
    clauses: dict[str, list[str]] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)

    def named(self, token: Token) -> str:
        """A column as it was declared."""
        return self.known.get(token.name.lower(), token.name)


def table(sql: str, columns: Sequence[str]) -> Create:
    """Read a CREATE TABLE.

    Args:
        sql: the statement.
        columns: the names of the table's columns, as SQLite gives them.
    """
    found = Create({name.lower(): name for name in columns})
    reader = Reader(tokens(sql))
    while reader and reader.word != "(":
        reader.next()
    for part in split(reader.group()):
        _definition(Reader(part), found)
    found.options = sorted(written(part, {}).upper() for part in split(reader.rest()))
    return found


def _definition(reader: Reader, found: Create) -> None:
    """A column, or constraints of the table; these may follow one another without a comma."""
    column = None
    if reader.word not in ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
        column = found.named(reader.next())
        while reader and reader.word not in CLAUSES:
            reader.next()
    while reader:
        _constraint(reader, found, column)


def _constraint(reader: Reader, found: Create, column: str | None) -> None:
    """The next constraint; of a column, where one is given."""
    name = reader.next().name if reader.take("CONSTRAINT") else None
    if reader.take("PRIMARY", "KEY"):
        keyed, options = _keyed(reader, found, column)
        options += ["AUTOINCREMENT"] if reader.take("AUTOINCREMENT") else []
        found.primary_key = PrimaryKey(name, keyed, tuple(options))
    elif reader.take("UNIQUE"):
        keyed, options = _keyed(reader, found, column)
        found.uniques.add(Unique(name, keyed, tuple(options)))
    elif reader.take("CHECK"):
        condition = written(bare(reader.group()), found.known)
        found.checks.add(Check(name, condition, options=tuple(_conflict(reader))))
    elif reader.take("FOREIGN", "KEY"):
        keyed = tuple(found.named(part[0]) for part in split(reader.group()))
        reader.take("REFERENCES")
        found.references.append(_reference(reader, name, keyed))
    elif column and reader.take("REFERENCES"):
        found.references.append(_reference(reader, name, (column,)))
    elif column:
        _clause(reader, found, column)
    else:
        reader.next()


def _clause(reader: Reader, found: Create, column: str) -> None:
    """Clauses that only a column has."""
    also = found.clauses.setdefault(column, [])
    if reader.take("COLLATE"):
        found.collations[column] = reader.next().name.upper()
    elif reader.take("GENERATED", "ALWAYS", "AS") or reader.take("AS"):
        expression = written(bare(reader.group()), found.known)
        stored = "stored" if reader.take("STORED") else "virtual"
        reader.take("VIRTUAL")
        found.generated[column] = f"generated always as ({expression}) {stored}"
    elif reader.take("NOT", "NULL"):
        also += [f"NOT NULL {each}" for each in _conflict(reader)]
    elif reader.take("NULL"):
        _conflict(reader)
    elif reader.take("DEFAULT"):  # a pragma gives its value
        while reader.word in ("-", "+"):
            reader.next()
        _ = reader.group() if reader.word == "(" else reader.next()
    else:
        also.append(written([reader.next()], found.known))


def _keyed(reader: Reader, found: Create, column: str | None) -> tuple[tuple[str, ...], list[str]]:
    """The columns of a key, and its options: an order, collations, what to do on a conflict."""
    if column:
        options = [f"DESC of {column}"] if reader.take("DESC") else []
        reader.take("ASC")
        return (column,), options + _conflict(reader)
    names, options, last = [], [], []
    for part in split(reader.group()):
        own = Reader(part)
        names.append(name := found.named(own.next()))
        usual = found.collations.get(name, "BINARY")
        collation = own.next().name.upper() if own.take("COLLATE") else usual
        options += [f"COLLATE {collation} of {name}"] if collation != usual else []
        options += [f"DESC of {name}"] if own.take("DESC") else []
        own.take("ASC")
        last += ["AUTOINCREMENT"] if own.take("AUTOINCREMENT") else []
    return tuple(names), options + _conflict(reader) + last


def _conflict(reader: Reader) -> list[str]:
    """ON CONFLICT and its action; empty for the default."""
    does = reader.next().word if reader.take("ON", "CONFLICT") else "ABORT"
    return [] if does == "ABORT" else [f"ON CONFLICT {does}"]


def _reference(reader: Reader, name: str | None, columns: tuple[str, ...]) -> Reference:
    """What follows REFERENCES."""
    target = reader.next().name
    found = Reference(name, columns, target, tuple(part[0].name for part in split(reader.group())))
    while True:
        if reader.take("ON"):
            event, action = reader.next().word, reader.next().word
            found.actions[event] = f"{action} {reader.next().word}" if action in ("SET", "NO") else action
        elif reader.take("MATCH"):
            reader.next()  # SQLite parses it and ignores it
        elif reader.take("NOT", "DEFERRABLE") or reader.take("INITIALLY", "IMMEDIATE"):
            continue
        elif reader.take("DEFERRABLE") or reader.take("INITIALLY", "DEFERRED"):
            found.words.append("INITIALLY DEFERRED" if found.words else "DEFERRABLE")
        else:
            return found


def bare(found: list[Token]) -> list[Token]:
    """An expression without redundant outer brackets."""
    while found and found[0].word == "(":
        reader = Reader(found)
        inside = reader.group()
        if reader:
            break
        found = inside
    return found


def index(name: str, sql: str, table: Create) -> Index:
    """Read a CREATE INDEX of the table."""
    reader = Reader(tokens(sql))
    reader.take("CREATE")
    unique = reader.take("UNIQUE")
    while reader and reader.word != "(":
        reader.next()
    columns, collations = [], []
    for part in split(reader.group()):
        descending = part[-1].word == "DESC"
        part = part[:-1] if part[-1].word in ("ASC", "DESC") else part
        collation = "BINARY"
        if len(part) > 2 and part[-2].word == "COLLATE":
            part, collation = part[:-2], part[-1].name.upper()
        elif len(part) == 1:
            collation = table.collations.get(table.named(part[0]), "BINARY")
        column = table.named(part[0]) if len(part) == 1 else written(bare(part), table.known)
        columns.append(column + " DESC" * descending)
        collations += [(collation, column)] if collation != "BINARY" else []
    reader.take("WHERE")
    where = written(bare(reader.rest()), table.known) or None
    extra = ", ".join(f"COLLATE {each}" + (f" of {column}" if columns[1:] else "") for each, column in collations)
    return Index(name, tuple(columns), unique, where, extra or None)


def trigger(sql: str, known: Mapping[str, str]) -> str:
    """The text of a CREATE TRIGGER after the name."""
    found = _after_name(sql).rest()
    words = [each.word for each in found]
    before = [Token("word", "BEFORE")] if words[0] in ("INSERT", "UPDATE", "DELETE") else []
    if "FOR" in words[: words.index("BEGIN")]:
        start = words.index("FOR")  # FOR EACH ROW is the only option
        del found[start : start + 3]
    return written(before + found, known)


def view(sql: str, known: Mapping[str, str]) -> str:
    """The text of a CREATE VIEW after the name."""
    reader = _after_name(sql)
    reader.take("AS")
    return written(reader.rest(), known, fold=False)


def virtual(sql: str) -> str:
    """The text of a CREATE VIRTUAL TABLE after the name. Its arguments are the module's own language."""
    found = _after_name(sql).rest()
    return written([Token("string", each.text) if each.kind == "bracketed" else each for each in found], {}, fold=False)


def _after_name(sql: str) -> Reader:
    reader = Reader(tokens(sql))
    while reader and reader.next().word not in ("VIEW", "TRIGGER", "TABLE"):
        pass
    reader.take("IF", "NOT", "EXISTS")
    reader.next()
    if reader.take("."):
        reader.next()
    return reader
