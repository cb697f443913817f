"""Checks that a word of the course is explained before it is used: lessons/terms.yaml has the words and the lessons.

The lesson that explains a word sets it in italics or in bold, in the section that uses it first. No earlier lesson uses
it, except the glossary in lesson 00, which has all of them with the definitions of the file.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from migration_lab.ground import places
from migration_lab.ground.authored import as_model, read_yaml, state_of
from migration_lab.ground.course import Lesson, Strict
from migration_lab.ground.errors import LabError
from migration_lab.making.sections import Section

GLOSSARY = "Words"  # the heading in lesson 00
NOT_READ = {GLOSSARY, "Further reading"}


class Term(Strict):
    """A word, what it means in one sentence, and the lesson that explains it; lessons/terms.yaml says more."""

    term: str
    means: str
    explained: str
    forms: str | None = None
    code: bool = False

    @property
    def used(self) -> re.Pattern[str]:
        """Finds the word, in upper or lower case."""
        return re.compile(rf"(?<!\w)(?:{self._forms})(?!\w)", re.IGNORECASE)

    @property
    def marked(self) -> re.Pattern[str]:
        """Finds the word in italics or in bold, alone or at the end of a few words."""
        return re.compile(rf"(?<!\*)\*\*?(?:[\w ]+ )?`?(?:{self._forms})`?\*", re.IGNORECASE)

    @property
    def _forms(self) -> str:
        return self.forms or rf"{re.escape(self.term)}s?"


def glossary() -> str:
    """The glossary of lesson 00 as Markdown."""
    lines = []
    for term in terms():
        more = "" if term.explained.startswith("00") else f" (lesson {term.explained[:2]})"
        lines.append(f"- **{term.term}**{more}: {term.means}")
    return "\n".join(lines)


def term_faults(lesson: Lesson, sections: list[Section]) -> Iterator[str]:
    """Words that a lesson uses before they are explained, as sentences.

    Args:
        sections: all of the lesson's. The opening counts only after the start cell: before it are promises.
    """
    yield from (fault for term in terms() if (fault := _too_early(lesson, sections, term)))
    if terms() and lesson.number == "00":
        own = next((section.prose for section in sections if section.title == GLOSSARY), "")
        if glossary() not in own:
            file = f"lessons/{lesson.slug}/lesson.md"
            yield f"{file}: the section {GLOSSARY!r} does not have what lessons/terms.yaml says:\n{glossary()}"


def _too_early(lesson: Lesson, sections: list[Section], term: Term) -> str | None:
    """What is wrong with the first use of a word in a lesson, if anything."""
    if lesson.slug > term.explained:
        return None
    start = next((cell.position for section in sections for cell in section.code if "start" in cell.tags), 0)
    for section in sections:
        if section.title in NOT_READ:
            continue
        for cell in section.cells:
            if cell.position <= start:
                continue
            readable = not cell.is_code or (term.code and not cell.source.startswith("%%writefile"))
            if not readable or not term.used.search(cell.source):
                continue
            if lesson.slug < term.explained:
                return cell.refuse(f"the word {term.term!r} is explained later, in {term.explained}.", "").message
            if term.marked.search(section.prose):
                return None
            return cell.refuse(f"the word {term.term!r} is used first here: explain it, in *italics*.", "").message
    if lesson.slug == term.explained:
        return f"lessons/{lesson.slug}/lesson.md: lessons/terms.yaml says that it explains {term.term!r}."
    return None


@lru_cache(maxsize=4)
def _read(path: Path, _state: object) -> tuple[Term, ...]:
    said = read_yaml(path)
    if not isinstance(said, list):
        raise LabError("lessons/terms.yaml: it must hold a list of terms.", "Write it so.")
    return tuple(as_model(Term, each, path) for each in said)


def terms() -> tuple[Term, ...]:
    """The words of the course; empty in a course without lessons/terms.yaml.

    Raises:
        LabError: the file cannot be read.
    """
    path = places.course_root() / "lessons" / "terms.yaml"
    return _read(path, state_of(path)) if path.is_file() else ()
