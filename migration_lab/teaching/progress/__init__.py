"""What a learner has done, kept in one file, and the table made from it."""

from migration_lab.teaching.progress.contents import Contents, contents
from migration_lab.teaching.progress.file import (
    ExerciseRecord,
    Progress,
    fingerprint,
    load,
    path,
    record_check,
    record_hint,
    record_quiz,
)
from migration_lab.teaching.progress.summary import Item, Summary, begin_anew, export, summary

__all__ = [
    "Contents",
    "ExerciseRecord",
    "Item",
    "Progress",
    "Summary",
    "begin_anew",
    "contents",
    "export",
    "fingerprint",
    "load",
    "path",
    "record_check",
    "record_hint",
    "record_quiz",
    "summary",
]
