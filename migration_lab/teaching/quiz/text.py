"""A question as plain text, for terminals and for readers of a notebook without widgets."""

import re

from migration_lab.teaching.quiz.base import Question, Remark
from migration_lab.teaching.quiz.choices import Many, One, Order, lettered
from migration_lab.teaching.quiz.review import Review
from migration_lab.teaching.quiz.sitting import Report, Sitting
from migration_lab.teaching.quiz.typed import Number, Text

PREDICTION = "This is a prediction: answer before you run what follows."


def task(sitting: Sitting) -> str:
    """What to do with the question; empty once it is closed."""
    if sitting.is_closed:
        return ""
    question = sitting.question
    return f"{question.task} {PREDICTION}" if question.prediction else question.task


def as_text(sitting: Sitting) -> str:
    """The question, what has been answered, and the feedback."""
    question = sitting.question
    said = report_as_text(sitting.report) if sitting.report is not None else ""
    return "\n\n".join(filter(None, [question.prompt, *_body(question), task(sitting), said]))


def report_as_text(report: Report) -> str:
    """The feedback alone."""
    lines = [
        f"{report.headline} {report.said}".rstrip(),
        *(f"- {remark_as_markdown(remark)}" for remark in report.remarks),
    ]
    if report.explanation:
        lines += ["", report.explanation]
    return "\n".join(lines)


def remark_as_markdown(remark: Remark) -> str:
    """`Line 3: Harmful. Every nickname is lost.` An option that is a sentence is put in quotation marks."""
    word = f"{remark.word}." if remark.word else ""
    said = " ".join(part for part in (word, remark.text) if part)
    if remark.about is None:
        return said
    return f"“{remark.about}” {said}" if remark.about.endswith(".") else f"{remark.about}: {said}"


def plain(markdown: str) -> str:
    """Markdown on one line without its marks, for labels that can only show text; code is put in quotation marks."""
    text = re.sub(r"```\w*\n(.*?)```", r"\1", markdown, flags=re.DOTALL)
    text = re.sub(r"`([^`]+)`", r"\1" if re.fullmatch(r"`[^`]+`", text) else "‘\\1’", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"\1", text)
    return " ".join(text.split())


def _body(question: Question) -> list[str]:
    match question:
        case One() | Many():
            return ["\n".join(f"{letter}. {option.text}" for letter, option in lettered(question.options))]
        case Order():
            return ["\n".join(f"- {text}" for text in question.shown)]
        case Review():
            return ["\n".join(f"{number:3}  {line}".rstrip() for number, line in enumerate(question.code_lines, 1))]
        case Number() | Text():
            return []
    raise TypeError(f"No text view for {type(question).__name__}")
