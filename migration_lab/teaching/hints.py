"""Help in three steps: a question, a pointer, and the solution once the learner has earned it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migration_lab.ground import answer_files, course
from migration_lab.ground.errors import LabError, mistake
from migration_lab.ground.places import course_root
from migration_lab.teaching import progress

TRIES_BEFORE_SOLUTION = 3
TITLES = {1: "A question", 2: "A pointer", 3: "The solution"}


@dataclass(frozen=True)
class Hint:
    """A hint as the learner reads it.

    Args:
        exercise_id: such as `02.1`.
        step: 1, 2 or 3.
        text: Markdown.
        tries_remaining: real attempts that must still fail before step 3 opens; 0 when it is open.
    """

    exercise_id: str
    step: int
    text: str
    tries_remaining: int = 0

    @property
    def title(self) -> str:
        """`Hint 2 of 3 for 02.1: a pointer`."""
        return f"Hint {self.step} of 3 for {self.exercise_id}: {TITLES[self.step].lower()}"

    def as_markdown(self) -> str:
        """Title and text."""
        return f"**{self.title}**\n\n{self.text}"

    def as_text(self) -> str:
        """Title and text for a terminal; the text's Markdown is left as it is, because it is readable."""
        return f"{self.title}\n\n{self.text}"


def next_hint(exercise_id: str) -> Hint:
    """Return the hint after those already read, and record it as read.

    After the exercise has been passed this is the solution at once. While the solution is closed, the answer says
    how many real tries remain (a *real try* is a failed check of a workspace that has changed since the last check).
    When all hints have been read, it is the solution again.
    """
    record = progress.load().exercise(exercise_id)
    return hint(exercise_id, 3 if record.passed else min(record.hints + 1, 3))


def hint(exercise_id: str, step: int) -> Hint:
    """Hint 1, 2 or 3; it counts as read, unless it is a solution that is still closed.

    Raises:
        LabError: there is no such exercise or step, or the solution has not been built.
    """
    lesson, exercise = course.exercise(exercise_id)
    if step not in TITLES:
        raise LabError(f"There is no hint {step}.", "Each exercise has hints 1, 2 and 3.")
    remaining = tries_remaining(exercise_id)
    if step == 3 and remaining:
        return Hint(exercise_id, 3, _closed(exercise_id, remaining), remaining)
    earlier = {1: exercise.hints.question, 2: exercise.hints.pointer}
    found = Hint(exercise_id, step, earlier[step], remaining) if step in earlier else last(lesson, exercise_id)
    progress.record_hint(exercise_id, step)
    return found


def last(lesson: course.Lesson, exercise_id: str) -> Hint:
    """Hint 3 as it reads once it is open; nothing is recorded."""
    return Hint(exercise_id, 3, solution(lesson, exercise_id))


def tries_remaining(exercise_id: str) -> int:
    """How many real tries must still fail before the solution opens; 0 when the exercise has been passed."""
    record = progress.load().exercise(exercise_id)
    return 0 if record.passed else max(0, TRIES_BEFORE_SOLUTION - record.failed_tries)


def solution(lesson: course.Lesson, exercise_id: str) -> str:
    """The solution's cells, and why the ways that look right are wrong; as Markdown."""
    parts = [_cell(cell) for cell in _cells(lesson) if _is_solution_of(exercise_id, cell)]
    if not parts:
        raise LabError(f"The solution of {exercise_id} has not been built.", "Run `lab build`, then ask again.")
    reasons = wrong_ways(lesson, exercise_id)
    if reasons:
        parts += ["Ways that look right, and why they are wrong:", "\n".join(f"- {reason}" for reason in reasons)]
    return "\n\n".join(parts)


def wrong_ways(lesson: course.Lesson, exercise_id: str) -> list[str]:
    """The names of the wrong answers to an exercise, and why they are wrong.

    They are sorted by the expectation that rejects them, in the order of `checks.py`, and then as in their file.
    """
    from migration_lab.teaching import judging  # here, because only the solution needs it

    path = answer_files.file_of(lesson, exercise_id)
    looked_at = [each.id for each in judging.judge_of(lesson, exercise_id).expectations()]
    reasons = []
    for answer in answer_files.read_answers(path) if path.is_file() else []:
        if answer.rejected_by:
            if not answer.why:
                raise mistake(path, answer.section.line, f"{answer.name!r} does not say why it is wrong")
            place = looked_at.index(answer.rejected_by) if answer.rejected_by in looked_at else len(looked_at)
            reasons.append((place, f"*{answer.name.replace('_', ' ')}*: {answer.why}"))
    return [reason for _, reason in sorted(reasons, key=lambda each: each[0])]


def _closed(exercise_id: str, remaining: int) -> str:
    tries = "one more real try" if remaining == 1 else f"{remaining} more real tries"
    return (
        f"The solution opens after {tries}. Change something in your workspace and check again; a check of an unchanged"
        f' workspace does not count. Until then, hints 1 and 2 stay open: `lab.hint("{exercise_id}", 1)` in a cell,'
        f" `lab hint {exercise_id} 1` in a terminal."
    )


def _cells(lesson: course.Lesson) -> list[dict[str, Any]]:
    file: Path = course_root() / "solutions" / f"{lesson.slug}.ipynb"
    if not file.exists():
        return []
    cells: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return cells


def _is_solution_of(exercise_id: str, cell: dict[str, Any]) -> bool:
    metadata = cell["metadata"]
    return metadata.get("exercise") == exercise_id and "solution" in metadata.get("tags", ())


def _cell(cell: dict[str, Any]) -> str:
    # A notebook may store a cell's source as one text or as a list of lines.
    text = "".join(cell["source"])
    return text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
