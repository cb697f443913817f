"""The history of a workspace: its revision files as a graph, and at which revisions databases are."""

from migration_lab.instruments.revisions.mermaid import as_mermaid
from migration_lab.instruments.revisions.model import History, Revision, Standing
from migration_lab.instruments.revisions.reading import read_history, read_revisions
from migration_lab.instruments.revisions.standing import read_standing
from migration_lab.instruments.revisions.text import as_text

__all__ = [
    "History",
    "Revision",
    "Standing",
    "as_mermaid",
    "as_text",
    "read_history",
    "read_revisions",
    "read_standing",
]
