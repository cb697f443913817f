"""Replaces a quiz while its widget is dead: after a restart of the kernel, or in a notebook opened again.

JupyterLab prefers the widget to any other form in the same output, and prints an error if its model is gone. So the
twin is an output of its own, right below the widget's, and style shows one of the two.
"""

from collections.abc import Sequence
from html import escape

from migration_lab.notebook.quiz_form import html
from migration_lab.teaching import quiz

RUN_AGAIN = "Run this cell to answer."


def as_html(sitting: quiz.Sitting) -> str:
    """The question, the answer and the feedback, without controls."""
    question = sitting.question
    parts = [html(question.prompt), _body(question)]
    if sitting.answer is not None:
        parts.append(html(f"**You answered:** {question.said(sitting.answer)}"))
    if sitting.report is not None:
        parts.append(html(quiz.report_as_text(sitting.report)))
    parts.append(f"<p><strong>{RUN_AGAIN}</strong></p>")
    return f'<div class="lab-quiz-twin">{"".join(parts)}</div>'


def _body(question: quiz.Question) -> str:
    match question:
        case quiz.One() | quiz.Many():
            return _list([option.text for option in question.options], "ol")
        case quiz.Order():
            return _list(question.shown, "ul")
        case quiz.Review():
            lines = enumerate(question.code_lines, 1)
            return f"<pre>{escape(chr(10).join(f'{number:3}  {line}' for number, line in lines))}</pre>"
    return ""


def _list(texts: Sequence[str], kind: str) -> str:
    return f"<{kind}>{''.join(f'<li>{html(text)}</li>' for text in texts)}</{kind}>"
