"""Checks that every lesson has the same structure, so that a reader always knows where to look.

A lesson begins with a title (`# `), one sentence, and the paragraphs **You will learn** (two to four bullets),
**You need**, **Time** and **Not here**. The start cell follows (tag `start`). A section (`## `) that runs code asks a
question, lets the learner commit to a prediction (`lab.quiz(...)`), runs, compares (`lab.compare(...)`; order.py holds
the order), and proves the result (tag `proof`, an `assert`). A long lesson may have parts (parts.py). At the end
come the sections In practice, Keypoints, Quiz, Exercises and Further reading, in that order.

A cell that must fail is tagged `raises-exception`. The command that fails is its last line, because nothing after it
runs. A command that fails on one engine only gets a shop on that engine: `shop.copy(engine="sqlite")`.

Links stay in `notebooks/` and `exercises/`, because JupyterLab shows nothing else.
"""

import re
from collections.abc import Iterator

from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError
from migration_lab.making.answers import answers_of
from migration_lab.making.cells import Cell
from migration_lab.making.house_style import style_faults
from migration_lab.making.minutes import minutes_faults
from migration_lab.making.order import order_faults
from migration_lab.making.parts import IMPORT, parts_faults
from migration_lab.making.sections import QUIZ, Section, sections_of, sentences
from migration_lab.making.terms import term_faults
from migration_lab.making.unwritten import BY_HAND, unwritten_faults
from migration_lab.teaching import explain, quiz
from migration_lab.teaching.judging.trial import judge_of

LINES_OF_CODE = 10
LINES_OF_FILE = 40
PROMISES = ("You will learn", "You need", "Time", "Not here")
CLOSING = ("In practice", "Keypoints", "Quiz", "Exercises", "Further reading")
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(|<img\b(?P<tag>[^>]*)>")

# What a cell may not do, and what to use in its place. Lessons may one day run in a browser, without processes.
DRIVER = "a database driver"  # the shop's own files may import one
FORBIDDEN = (
    (re.compile(r"^\s*!|^%%(bash|sh|script|system|cmd)\b|^\s*%(system|sx|cd)\b", re.MULTILINE), "a shell", "%flask"),
    (re.compile(r"\bsubprocess\b|\bos\.(system|popen)\b"), "a subprocess", "%flask"),
    (re.compile(r"\bos\.chdir\b|^\s*%cd\b", re.MULTILINE), "os.chdir", "lab.open, which chooses the folder"),
    (re.compile(r"^\s*(import|from)\s+(psycopg|sqlite3)\b", re.MULTILINE), DRIVER, "shop.sql"),
)


def refuse_faults(
    lesson: Lesson, lesson_cells: list[Cell], exercise_cells: list[Cell], *, only: str | None = None
) -> None:
    """Refuse a lesson that breaks the template.

    Args:
        only: an exercise, to ignore the rest of the lesson.

    Raises:
        LabError: it lists every fault, each with the file, the line and the reason.
    """
    faults = [
        *unwritten_faults(lesson, only),
        *_style_faults(lesson),
        *([] if only else lesson_faults(lesson, lesson_cells)),
        *exercise_faults(lesson, exercise_cells, only),
    ]
    if faults:
        raise LabError("\n".join(faults), "docs/contributing.md describes each file of a lesson.")


def lesson_faults(lesson: Lesson, cells: list[Cell]) -> Iterator[str]:
    """Everything that is wrong with a lesson, as sentences."""
    file = f"lessons/{lesson.slug}/lesson.md"
    opening, *sections = sections_of(cells)
    for cell in cells:
        yield from cell_faults(cell)
    yield from _failure_faults(lesson)
    if lesson.manifest.engines[-1] != "postgres":
        yield f"lessons/{lesson.slug}/lesson.yaml: `engines` ends with postgres, on which each lesson is run again."
    yield from _opening_faults(lesson, file, opening)
    titles = [section.title for section in sections]
    closing = [title for title in titles if title in CLOSING]
    if closing != list(CLOSING) or titles[-len(CLOSING) :] != list(CLOSING):
        yield f"{file}: it must end with the sections {', '.join(CLOSING)}; it has {', '.join(closing) or 'none'}."
        return
    for section in sections[: -len(CLOSING)]:
        yield from _section_faults(section)
    yield from parts_faults(lesson, sections[: -len(CLOSING)])
    if not sections[: -len(CLOSING)]:
        yield f"{file}: there is no section between the start cell and *In practice*."
    yield from _closing_faults(lesson, file, {section.title: section for section in sections[-len(CLOSING) :]})
    yield from _question_faults(lesson, [opening, *sections])
    yield from term_faults(lesson, [opening, *sections])


def _style_faults(lesson: Lesson) -> Iterator[str]:
    for path in sorted(each for each in lesson.folder.rglob("*") if each.suffix in BY_HAND):
        file = f"lessons/{lesson.slug}/{path.relative_to(lesson.folder).as_posix()}"
        yield from style_faults(file, path.read_text(encoding="utf-8", errors="replace"))


def exercise_faults(lesson: Lesson, cells: list[Cell], only: str | None = None) -> Iterator[str]:
    """Everything that is wrong with a lesson's exercises, or with one of them, as sentences."""
    file = f"lessons/{lesson.slug}/exercises.md"
    for cell in cells:
        if not only or cell.exercise in (only, None):
            yield from cell_faults(cell)
    code = [cell for cell in cells if cell.is_code]
    if code and IMPORT not in code[0].source:
        yield f"{file}: its first code cell has `{IMPORT}`, so that the notebook runs alone."
    for exercise_id in [each for each in lesson.manifest.exercises if only in (each, None)]:
        section = "\n".join(cell.source for cell in code if cell.exercise == exercise_id)
        for call in ("exercise", "check"):
            if not re.search(rf"""\blab\.{call}\(\s*["']{re.escape(exercise_id)}["']""", section):
                yield f"{file}, exercise {exercise_id}: no cell calls lab.{call}({exercise_id!r})."
        yield from _judge_faults(lesson, exercise_id)
    written = (each for each in answers_of(lesson) if each.written or each.unreadable)
    yield from (each.fault for each in written if each.fault and only in (each.exercise, None))


def _judge_faults(lesson: Lesson, exercise_id: str) -> Iterator[str]:
    """An exercise has one judge. Learners are asked to report a missing one; here its author sees where it belongs."""
    file = f"lessons/{lesson.slug}/checks.py"
    if not (lesson.folder / "checks.py").exists():
        yield f"{file} is missing; it holds the judge of exercise {exercise_id}."
        return
    try:
        judge_of(lesson, exercise_id)
    except LabError as error:
        yield f"{file}: {error.message}"


def _failure_faults(lesson: Lesson) -> Iterator[str]:
    for card_id in lesson.manifest.failures:
        if card_id not in explain.guide():
            yield f"lessons/{lesson.slug}/lesson.yaml: the field guide has no card {card_id}."


def _question_faults(lesson: Lesson, sections: list[Section]) -> Iterator[str]:
    """What is wrong with the questions, with the order of the predictions, and with the minutes, which count both."""
    try:
        known = {question.id: question for question in quiz.load(lesson)}
    except LabError as error:
        yield error.message
        return
    for section in sections:
        for name in [*section.questions, *section.compared]:
            if name not in known:
                yield f"{section.place}: quiz.yaml has no question {name!r}."
    asked = {name for section in sections for name in section.questions}
    for name in sorted(known.keys() - asked):
        yield f"lessons/{lesson.slug}/quiz.yaml: no cell asks {name!r}; add lab.quiz({name!r})."
    yield from minutes_faults(lesson, sections, known)
    yield from order_faults(sections, known, lesson.manifest.failures)


def cell_faults(cell: Cell) -> Iterator[str]:
    """What is wrong with one cell of a lesson or of an exercise."""
    if not cell.is_code:
        for image in IMAGE.finditer(cell.source):
            alt = image["alt"] if image["alt"] is not None else _alt_of_tag(image["tag"])
            if not alt.strip():
                yield _said(cell, "an image has no alt text.")
        return
    is_file = cell.source.startswith("%%writefile")
    for pattern, what, instead in FORBIDDEN:
        if pattern.search(cell.source) and not (is_file and what == DRIVER):
            yield _said(cell, f"cells do not use {what}; use {instead}.")
    lines = len([line for line in cell.source.splitlines() if line.strip()])
    limit = LINES_OF_FILE if is_file else LINES_OF_CODE
    if lines - is_file > limit:
        yield _said(cell, f"{lines - is_file} lines are too many for one cell; the limit is {limit}.")
    if "proof" in cell.tags and not re.search(r"^\s*assert\b", cell.source, re.MULTILINE):
        yield _said(cell, "a proof cell has an `assert`.")


def _opening_faults(lesson: Lesson, file: str, opening: Section) -> Iterator[str]:
    paragraphs = [part.strip() for part in opening.prose.split("\n\n") if part.strip()]
    if not paragraphs or not paragraphs[0].startswith("# "):
        yield f"{file}: it begins with its title, `# {lesson.manifest.title}`."
        return
    if paragraphs[0] != f"# {lesson.manifest.title}":
        yield f"{file}: its title is not that of lesson.yaml, `# {lesson.manifest.title}`."
    if len(paragraphs) < 2 or paragraphs[1].startswith(("*", "-", "#")) or len(sentences(paragraphs[1])) != 1:
        yield f"{file}: after the title comes one sentence: what the reader will have done at the end."
    parts = {name: _paragraph_after(opening.prose, name) for name in PROMISES}
    for name, text in parts.items():
        if text is None:
            yield f"{file}: the opening has no paragraph **{name}**."
    linked = tuple(re.findall(r"\]\((\d\d_\w+)\.ipynb", parts["You need"] or ""))
    if parts["You need"] is not None and sorted(linked) != sorted(lesson.manifest.needs):
        named = ", ".join(lesson.manifest.needs) or "no lesson"
        yield (
            f"{file}: **You need** links to {', '.join(linked) or 'no lesson'}, "
            f"and `needs` of lesson.yaml names {named}."
        )
    bullets = re.findall(r"^[-*] ", parts["You will learn"] or "", re.MULTILINE)
    if parts["You will learn"] is not None and not 2 <= len(bullets) <= 4:
        yield f"{file}: **You will learn** has two to four bullets; it has {len(bullets)}."
    minutes = lesson.manifest.minutes
    if minutes and parts["Time"] is not None:
        numbers = set(re.findall(r"\d+", parts["Time"]))
        if not {str(minutes.reading), str(minutes.running)} <= numbers:
            yield f"{file}: **Time** does not say {minutes.reading} minutes reading and {minutes.running} running."
        for part in lesson.manifest.parts:
            if str(part.minutes.reading) not in numbers:
                yield f"{file}: **Time** does not say {part.minutes.reading} minutes for the part {part.title!r}."
    starts = [cell for cell in opening.code if "start" in cell.tags]
    if len(starts) != 1:
        yield f"{file}: the opening ends with one cell tagged `start`, which opens the checkpoint."


def _section_faults(section: Section) -> Iterator[str]:
    """A section that runs code asks, takes a prediction, runs and proves. A section of prose may be anywhere."""
    place = section.place
    if not section.code:
        return
    if "?" not in section.title + section.prose:
        yield f"{place}: it asks no question."
    if not section.questions:
        yield f"{place}: the reader commits to no prediction; add lab.quiz(...) before the run."
    if not any("proof" in cell.tags for cell in section.code):
        yield f"{place}: nothing is proven; add a cell tagged `proof` with an `assert`."
    runs = [cell for cell in section.code if "proof" not in cell.tags and not QUIZ.search(cell.source)]
    if not runs:
        yield f"{place}: nothing runs."
    asked = [cell.position for cell in section.code if QUIZ.search(cell.source)]
    if runs and asked and asked[0] > runs[-1].position:
        yield f"{place}: the prediction comes after the run."


def _closing_faults(lesson: Lesson, file: str, closing: dict[str, Section]) -> Iterator[str]:
    points = re.findall(r"^[-*] ", closing["Keypoints"].prose, re.MULTILINE)
    if not 3 <= len(points) <= 6:
        yield f"{file}: *Keypoints* has three to six points; it has {len(points)}."
    questions = closing["Quiz"].questions
    if not 3 <= len(questions) <= 6:
        yield f"{file}: *Quiz* asks three to six questions; it asks {len(questions)}."
    if lesson.manifest.exercises and f"exercises/{lesson.exercises_file}" not in closing["Exercises"].prose:
        yield f"{file}: *Exercises* has no link to ../exercises/{lesson.exercises_file}."
    for name in ("In practice", "Further reading"):
        if not closing[name].prose.removeprefix(f"## {name}").strip():
            yield f"{file}: *{name}* is empty."
    for section in closing.values():
        if section.title != "Quiz" and section.code:
            yield f"{file}: *{section.title}* has no code."


def _paragraph_after(prose: str, name: str) -> str | None:
    """The text that follows **name** up to the next bold label, or None when there is no such label."""
    labels = "|".join(PROMISES)
    found = re.search(rf"^\*\*{name}\b[^\n]*?\*\*(.*?)(?=^\*\*(?:{labels})\b|\Z)", prose, re.MULTILINE | re.DOTALL)
    return found[1] if found else None


def _alt_of_tag(tag: str) -> str:
    found = re.search(r"""\balt=["']([^"']*)["']""", tag)
    return found[1] if found else ""


def _said(cell: Cell, why: str) -> str:
    return cell.refuse(why, "").message
