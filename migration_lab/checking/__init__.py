"""Judges an exercise by its results: the database, its rows, the files, the history. See docs/checks.md."""

from migration_lab.checking.database import Database, Snapshot
from migration_lab.checking.expectations import Expectation, Finding, JudgeError, Miss, part_of
from migration_lab.checking.judge import Judge
from migration_lab.checking.own_database import OwnDatabaseJudge
from migration_lab.checking.trial import check, judge_of
from migration_lab.checking.usual import FilesJudge
from migration_lab.checking.verdict import EngineVerdict, Verdict
from migration_lab.checking.words import differences_in, error_in, listed

__all__ = [
    "Database",
    "EngineVerdict",
    "Expectation",
    "FilesJudge",
    "Finding",
    "Judge",
    "JudgeError",
    "Miss",
    "OwnDatabaseJudge",
    "Snapshot",
    "Verdict",
    "check",
    "differences_in",
    "error_in",
    "judge_of",
    "listed",
    "part_of",
]
