"""The right answer to a question, found by running its `computed_by`. Learners' quizzes never do this."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from migration_lab.ground import course, engines
from migration_lab.ground.errors import LabError
from migration_lab.ground.layers import files_in
from migration_lab.instruments.shop import PlainShop
from migration_lab.shops.scenes import write_flaskenv
from migration_lab.shops.templates import template_at
from migration_lab.teaching.quiz.base import Question


class ScratchShop(PlainShop):
    """A shop with which the code in `computed_by` may do what it likes; it is gone afterwards."""

    @property
    def path(self) -> Path:
        """The shop's folder."""
        return self.folder

    def read(self, path: str) -> str:
        """The text of a file of the shop."""
        return (self.folder / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Replace a file of the shop, or make it, with its folders."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def files(self, folder: str = ".") -> list[str]:
        """The paths of the files in a folder of the shop, sorted."""
        return [file.relative_to(self.folder).as_posix() for file in files_in(self.folder / folder)]


def computed_answer(question: Question) -> Any:
    """What the question's code sets `answer` to; compare it with `question.agrees(...)`.

    The code has one name, `shop_at(lesson, engine, scene=None)`: a fresh `ScratchShop` at the lesson's checkpoint or
    in a scene. The form of `answer`: for `one` the option's text, or its `value` where it has one; for `many` a set or
    list of these; for `order` the items' texts in order; for `number` and `text` the value; for `review` a list of line
    numbers, counted from 1.

    Raises:
        LabError: the question has no such code, or the code sets no `answer`. What the code raises comes through.
    """
    if question.computed_by is None:
        raise LabError(f"Question {question.id} has no computed_by.", "Ask only for questions that have one.")
    with ExitStack() as shops:
        names: dict[str, Any] = {"shop_at": lambda *args, **kwargs: shops.enter_context(_scratch(*args, **kwargs))}
        exec(compile(question.computed_by, f"computed_by of {question.id}", "exec"), names)
    if "answer" not in names:
        raise LabError(f"The computed_by of question {question.id} sets no `answer`.", "Assign to `answer` in it.")
    return names["answer"]


@contextmanager
def _scratch(lesson: str, engine: str, scene: str | None = None) -> Iterator[ScratchShop]:
    at, on = course.lesson(lesson), engines.engine(engine)
    template = template_at(at, scene, on)
    with tempfile.TemporaryDirectory(prefix="lab-quiz-") as name:
        folder = Path(name, "shop")
        shutil.copytree(template.files, folder)
        write_flaskenv(folder, on)
        on.clone(template.key, folder)
        try:
            yield ScratchShop(folder, on)
        finally:
            on.drop(folder)
