"""The schema of a database, and what changed between two snapshots."""

from migration_lab.instruments.schema.comparison import Change, as_text, diff, not_shown
from migration_lab.instruments.schema.model import (
    Check,
    Column,
    Detail,
    ForeignKey,
    Index,
    Named,
    PrimaryKey,
    Schema,
    Table,
    Unique,
)
from migration_lab.instruments.schema.reading import read_schema

__all__ = [
    "Change",
    "Check",
    "Column",
    "Detail",
    "ForeignKey",
    "Index",
    "Named",
    "PrimaryKey",
    "Schema",
    "Table",
    "Unique",
    "as_text",
    "diff",
    "not_shown",
    "read_schema",
]
