"""The contents of the course with a learner's progress: every lesson with its parts and exercises, and what is next."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from migration_lab.ground import course, html, way
from migration_lab.ground.course import Lesson, Minutes
from migration_lab.ground.way import Stop
from migration_lab.teaching.progress.summary import Item, Summary, summary

BAR = 20  # characters


@dataclass(frozen=True)
class Contents:
    """All lessons in order, planned ones too, with the learner's progress."""

    progress: Summary

    @property
    def next(self) -> Stop:
        """Where to continue: in the last lesson that was begun, then its exercises, then the next lesson."""
        written = [each for each in course.lessons() if each.is_written]
        begun = [each for each in written if any(_is_begun(item) for item in self._of(each))]
        if not begun:
            return _lesson(written[0]) if written else way.CONTENTS
        last = begun[-1]
        if any(not _is_begun(item) for item in self._of(last) if item.kind != "exercise"):
            return _lesson(last)
        following = way.lesson_after(last)
        for item in self._of(last):
            if item.kind == "exercise" and not item.is_done:
                return _exercise(last, item)
        return _lesson(following) if following else self._left_open()

    def as_text(self) -> str:
        """The same for a terminal, without links."""
        done, all_of_them = self._passed()
        filled = round(BAR * done / all_of_them) if all_of_them else 0
        lines = [
            *([self.progress.notice, ""] if self.progress.notice else []),
            f"Next: {self.next.words}",
            f"[{'#' * filled}{'-' * (BAR - filled)}] {self._share()}",
        ]
        for lesson in course.lessons():
            title = f"{lesson.number} {lesson.manifest.title}"
            if not lesson.is_written:
                lines += ["", f"{title} (planned)"]
                continue
            lines += ["", f"{title}: {_minutes(lesson.manifest.minutes)}, {self._answered(lesson)}"]
            for number, part in enumerate(lesson.manifest.parts, start=1):
                lines.append(f"   part {number}: {part.title}: {_minutes(part.minutes)}")
            for item in self._exercises(lesson):
                lines.append(f"   {_mark(item)} {item.id} {item.title}{_tries(item)}")
        return "\n".join(lines)

    def as_html(self) -> str:
        """A bar, what is next, and a table with links; it is readable without styles."""
        done, all_of_them = self._passed()
        rows = "".join(row for lesson in course.lessons() for row in self._rows(lesson))
        head = html.head(("lesson", "time", "questions", "exercises"))
        bar = f'<progress value="{done}" max="{all_of_them}" aria-label="exercises passed"></progress>'
        return (
            f"{html.notice(self.progress.notice)}<p><strong>Next:</strong> {_link(self.next)}</p>"
            f"<p>{bar} {self._share()}</p>"
            f'<table class="lab-table"><caption>All lessons</caption>{head}<tbody>{rows}</tbody></table>'
        )

    def _rows(self, lesson: Lesson) -> Iterator[str]:
        """A lesson's row of the table, and one for each of its parts."""
        if not lesson.is_written:
            title = escape(f"{lesson.number} {lesson.manifest.title}")
            yield f'<tr><th scope="row">{title}</th><td>planned</td><td></td><td></td></tr>'
            return
        exercises = "<br>".join(
            f"{_mark(item)} {_link(way.to_exercise(lesson, item.id))}{_tries(item)}" for item in self._exercises(lesson)
        )
        yield (
            f'<tr><th scope="row">{_link(way.to_lesson(lesson))}</th><td>{_minutes(lesson.manifest.minutes)}</td>'
            f"<td>{self._answered(lesson)}</td><td>{exercises}</td></tr>"
        )
        for number, part in enumerate(lesson.manifest.parts, start=1):
            head = f'<th scope="row">part {number}: {_link(way.to_part(lesson, part))}</th>'
            yield f"<tr>{head}<td>{_minutes(part.minutes)}</td><td></td><td></td></tr>"

    def _left_open(self) -> Stop:
        """The first exercise that was skipped, for a learner who has reached the end."""
        for lesson in course.lessons():
            for item in self._exercises(lesson):
                if not item.is_done:
                    return _exercise(lesson, item)
        return Stop("you have done everything that is written so far", way.CONTENTS.link)

    def _of(self, lesson: Lesson) -> list[Item]:
        return [item for item in self.progress.items if item.lesson == lesson.slug]

    def _exercises(self, lesson: Lesson) -> list[Item]:
        return [item for item in self._of(lesson) if item.kind == "exercise"]

    def _passed(self) -> tuple[int, int]:
        """How many exercises are passed, and how many there are."""
        exercises = [item for item in self.progress.items if item.kind == "exercise"]
        return sum(item.is_done for item in exercises), len(exercises)

    def _share(self) -> str:
        done, all_of_them = self._passed()
        questions = [item for item in self.progress.items if item.kind != "exercise"]
        answered = sum(map(_is_answered, questions))
        return f"{done} of {all_of_them} exercises passed, {answered} of {len(questions)} questions answered"

    def _answered(self, lesson: Lesson) -> str:
        questions = [item for item in self._of(lesson) if item.kind != "exercise"]
        return f"{sum(map(_is_answered, questions))} of {len(questions)} answered"


def contents() -> Contents:
    """The contents, with the progress as it is now."""
    return Contents(summary())


def _is_begun(item: Item) -> bool:
    return item.result != "open"


def _is_answered(item: Item) -> bool:
    """Whether a question is finished: one that was answered wrong can still be answered right."""
    return item.result not in ("open", "not yet")


def _mark(item: Item) -> str:
    return "✓" if item.is_done else "·"


def _tries(item: Item) -> str:
    return "" if item.result == "open" else f" ({item.result})"


def _minutes(minutes: Minutes | None) -> str:
    return f"{minutes.reading + minutes.running} min" if minutes else ""


def _lesson(lesson: Lesson) -> Stop:
    stop = way.to_lesson(lesson)
    return Stop(f"lesson {stop.words}", stop.link)


def _exercise(lesson: Lesson, item: Item) -> Stop:
    stop = way.to_exercise(lesson, item.id)
    return Stop(f"exercise {stop.words}", stop.link)


def _link(stop: Stop) -> str:
    return f'<a href="{escape(stop.link)}">{escape(stop.words)}</a>'
