"""Judges an exercise by its results: the database, its rows, the files, the history. See docs/checks.md."""

from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.expectations import Expectation, Finding, JudgeError, Miss, part_of
from migration_lab.teaching.judging.judge import Judge
from migration_lab.teaching.judging.own_database import OwnDatabaseJudge
from migration_lab.teaching.judging.trial import check, judge_of
from migration_lab.teaching.judging.usual import FilesJudge
from migration_lab.teaching.judging.verdict import EngineVerdict, Verdict
from migration_lab.teaching.judging.words import differences_in, error_in, listed

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
