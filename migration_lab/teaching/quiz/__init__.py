"""Quizzes: questions as data, a pure state machine, and a plain text view."""

from migration_lab.teaching.quiz.base import Answer, Feedback, Question, Remark
from migration_lab.teaching.quiz.choices import Item, Many, One, Option, Order, lettered, names
from migration_lab.teaching.quiz.loading import find, load
from migration_lab.teaching.quiz.review import Lines, Review
from migration_lab.teaching.quiz.sitting import Record, Report, Sitting
from migration_lab.teaching.quiz.text import as_text, plain, remark_as_markdown, report_as_text, task
from migration_lab.teaching.quiz.typed import Number, Text

__all__ = [
    "Answer",
    "Feedback",
    "Item",
    "Lines",
    "Many",
    "Number",
    "One",
    "Option",
    "Order",
    "Question",
    "Record",
    "Remark",
    "Report",
    "Review",
    "Sitting",
    "Text",
    "as_text",
    "find",
    "lettered",
    "load",
    "names",
    "plain",
    "remark_as_markdown",
    "report_as_text",
    "task",
]
