"""The parts of a lesson: sections of its notebook that can be done on separate days.

Each later part begins with a cell tagged `start`, which imports the lab and creates everything that the part needs.
"""

from collections.abc import Iterator

from migration_lab.ground.course import Lesson, Part
from migration_lab.making.cells import Cell
from migration_lab.making.sections import Section, sections_of

IMPORT = "from migration_lab.notebook import lab"


def sections_by_part(lesson: Lesson, sections: list[Section]) -> list[tuple[Part, list[Section]]]:
    """Each part with its sections; the opening belongs to the first, and the end of the lesson to the last.

    A part whose heading is missing is left out.
    """
    titles = [section.title for section in sections]
    there = [part for part in lesson.manifest.parts if part.section in titles]
    begins = [0, *(titles.index(part.section) for part in there[1:]), len(sections)]
    return [(part, sections[begin:end]) for part, begin, end in zip(there, begins, begins[1:], strict=False)]


def cells_of_part(lesson: Lesson, cells: list[Cell], part: Part) -> list[Cell]:
    """The cells of one part, as they run in a separate kernel."""
    own = next(own for each, own in sections_by_part(lesson, sections_of(cells)) if each == part)
    return [cell for section in own for cell in section.cells]


def parts_faults(lesson: Lesson, sections: list[Section]) -> Iterator[str]:
    """What is wrong with the parts of a lesson, as sentences.

    Args:
        sections: those of the lesson, without its opening and its closing sections.
    """
    file = f"lessons/{lesson.slug}/lesson.yaml"
    parts, titles = lesson.manifest.parts, [section.title for section in sections]
    for part in parts:
        if part.section not in titles:
            yield f"{file}: the part {part.title!r} begins at no section of lesson.md: {part.section!r}."
    places = [titles.index(part.section) for part in parts if part.section in titles]
    if len(parts) == 1 or places != sorted(set(places)) or places[:1] not in ([], [0]):
        yield f"{file}: `parts` are two or more, in the order of the lesson, and the first begins at its first section."
    later = {part.section for part in parts[1:]}
    for section in sections:
        starts = [cell for cell in section.code if "start" in cell.tags]
        if section.title not in later:
            if starts:
                yield f"{section.place}: a start cell stands in the opening, or where a part begins."
        elif starts != section.code[:1] or IMPORT not in starts[0].source:
            yield f"{section.place}: a part begins with one cell tagged `start`, which has `{IMPORT}`."
