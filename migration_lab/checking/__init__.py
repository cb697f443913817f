"""Judges an exercise by its results: the database, its rows, the files, the history. See docs/checks.md."""

from migration_lab.checking.expectations import (
    DOWNGRADE,
    NO_DRIFT,
    NO_OTHER_CHANGE,
    ONE_HEAD,
    ROWS_KEPT,
    UPGRADE,
    UPGRADE_AGAIN,
    Expectation,
    Finding,
    Judge,
    judges,
)
from migration_lab.checking.judge import check, judge_of
from migration_lab.checking.trial import Trial
from migration_lab.checking.verdict import EngineVerdict, Verdict

__all__ = [
    "DOWNGRADE",
    "NO_DRIFT",
    "NO_OTHER_CHANGE",
    "ONE_HEAD",
    "ROWS_KEPT",
    "UPGRADE",
    "UPGRADE_AGAIN",
    "EngineVerdict",
    "Expectation",
    "Finding",
    "Judge",
    "Trial",
    "Verdict",
    "check",
    "judge_of",
    "judges",
]
