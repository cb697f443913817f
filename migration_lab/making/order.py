"""Checks the order of predictions: the question, the run, `lab.compare`, and only then the answer in prose.

For each question with `prediction: true` that a section asks:

1. Something runs between `lab.quiz(id)` and `lab.compare(id)`, and nothing is between the run and the comparison.
2. In between, nothing else gives the answer: no proof, no card, and no other question once something has run.
3. Prose between the run's cells is one sentence that introduces the next cell: it ends with a colon or question mark.
4. No sentence before `lab.compare(id)` in the section has all the words of the right answer.
5. No card of the lesson's `failures`, which may be shown at an expected error before the question, has such
   a sentence.

A prediction may be compared in a later section. Then the cells in between belong to other questions, and
only the first and the last two rules apply.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from migration_lab.making.cells import FAILS, Cell
from migration_lab.making.sections import COMPARE, QUIZ, Section, sentences
from migration_lab.teaching import explain, quiz

EXPLAIN = re.compile(r"^\s*lab\.explain\(", re.MULTILINE)
CARD = re.compile(r"""\blab\.explain\(\s*["'](F\d+)["']\s*\)""")
WORD = re.compile(r"`[^`]+`|[\w'.]+")
SENTENCE_END = re.compile(r"(?<=[.?:])\s+|\n\n|\n[-*] ")
ENOUGH = 3  # words that count in an answer; shorter ones are everywhere
LITTLE = """
about after again all also and any are because been before both but did does each for from had has have here how into
its not now one only other out same such than that the their them then there these they this those too was were what
when which who will with you your
"""


def order_faults(
    sections: list[Section], questions: Mapping[str, quiz.Question], failures: Iterable[str] = ()
) -> Iterator[str]:
    """What is wrong with the order of a lesson's predictions, as sentences with file, line and reason.

    Args:
        sections: all of the lesson's.
        questions: those of the lesson by their ids.
        failures: the ids of the cards that the lesson shows, at its expected errors among other places.
    """
    cells = [cell for section in sections for cell in section.cells]
    begins = {cell.position: section.cells[0].position for section in sections for cell in section.cells}
    asked = {name: cell for cell in cells if cell.is_code for name in QUIZ.findall(cell.source)}
    compared = {name: cell for cell in cells if cell.is_code for name in COMPARE.findall(cell.source)}
    for name, cell in asked.items():
        question, compare = questions.get(name), compared.get(name)
        if question is None or not question.prediction:
            continue
        if compare is None or compare.position < cell.position:
            yield _said(cell, name, "no lab.compare follows it.")
            continue
        between = [each for each in cells if cell.position < each.position < compare.position]
        runs = [each.position for each in between if _runs(each)]
        if not runs:
            yield _said(compare, name, "nothing runs between the question and lab.compare.")
            continue
        for each in between:
            if each.position > runs[-1] and not COMPARE.search(each.source):
                yield _said(each, name, "lab.compare follows the run directly; put this after it.")
            elif begins[each.position] == begins[compare.position] == begins[cell.position]:
                yield from _given_away(each, name, has_run=each.position > runs[0])
        earlier = [each for each in cells if begins[cell.position] <= each.position < compare.position]
        yield from _shown_early(earlier, question)
    predictions = {cell.position: questions[name] for name, cell in asked.items() if _is_prediction(questions, name)}
    yield from _answered_by_a_card(cells, predictions, failures)


def _is_prediction(questions: Mapping[str, quiz.Question], name: str) -> bool:
    return name in questions and questions[name].prediction


def _runs(cell: Cell) -> bool:
    """Whether a cell shows something: not a question, a comparison, a card, a proof or a file that is written."""
    aside = any(pattern.search(cell.source) for pattern in (QUIZ, COMPARE, EXPLAIN))
    return cell.is_code and not aside and "proof" not in cell.tags and not cell.source.startswith("%%writefile")


def _given_away(cell: Cell, name: str, *, has_run: bool) -> Iterator[str]:
    """Faults of a cell between a question and its comparison, in the same section."""
    if "proof" in cell.tags:
        yield _said(cell, name, "a proof gives the answer; put it after lab.compare.")
    elif cell.is_code and EXPLAIN.search(cell.source):
        yield _said(cell, name, "a card gives the answer; put it after lab.compare.")
    elif cell.is_code and has_run and QUIZ.search(cell.source):
        yield _said(cell, name, "the next question comes before lab.compare of this one.")
    elif not cell.is_code and has_run and not _introduces(cell.source.strip()):
        yield _said(cell, name, "prose between the run and lab.compare is one sentence that ends with `:` or `?`.")


def _introduces(prose: str) -> bool:
    return prose.endswith((":", "?")) and "\n\n" not in prose and len(sentences(prose)) == 1


def _shown_early(cells: list[Cell], question: quiz.Question) -> Iterator[str]:
    """The sentences of these cells that give the right answer."""
    for cell in cells:
        for said in _answers(_prose(cell), question):
            yield _said(cell, question.id, f"this gives the right answer before lab.compare: {said!r}.")


def _answered_by_a_card(
    cells: list[Cell], predictions: Mapping[int, quiz.Question], failures: Iterable[str]
) -> Iterator[str]:
    """Expected errors whose card could give the answer to the next prediction.

    Which card is shown is known only when the lesson runs, so each card of the lesson counts.
    """
    guide = explain.guide()
    for cell in cells:
        later = [position for position in predictions if position > cell.position]
        if FAILS not in cell.tags or not later:
            continue
        question = predictions[min(later)]
        for card_id in failures:
            for said in _answers(guide[card_id].as_text() if card_id in guide else "", question):
                yield _said(
                    cell, question.id, f"card {card_id} may come up here, and gives the right answer: {said!r}."
                )


def _answers(text: str, question: quiz.Question) -> Iterator[str]:
    """The sentences that have all the words of the right answer, and not all those of a wrong one."""
    if not isinstance(question, (quiz.One, quiz.Many)):
        return
    right = [_words(option.text) for option in question.options if option.right]
    wrong = [_words(option.text) for option in question.options if not option.right]
    for sentence in SENTENCE_END.split(text):
        has = _words(sentence)
        says = any(len(each) >= ENOUGH and each <= has for each in right)
        if says and not any(each and each <= has for each in wrong):  # "No." has no word that counts
            yield " ".join(sentence.split())


def _prose(cell: Cell) -> str:
    """The words of a cell: its prose, or the cards that it shows."""
    if not cell.is_code:
        return cell.source
    guide = explain.guide()
    return "\n\n".join(guide[name].as_text() for name in CARD.findall(cell.source) if name in guide)


def _words(text: str) -> set[str]:
    """The significant words of a sentence, in lower case and without punctuation."""
    words = (each.strip("`'.").lower() for each in WORD.findall(text))
    return {each for each in words if each not in LITTLE.split() and (len(each) > 2 or each.isdigit())}


def _said(cell: Cell, name: str, why: str) -> str:
    return cell.refuse(f"prediction {name!r}: {why}", "").message
