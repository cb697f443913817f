"""Creates the files of a new lesson or exercise, ready to be filled in.

They contain a small working example, and lines that say what belongs there. The linter refuses a lesson as
long as one of these lines remains.
"""

import re
from pathlib import Path
from string import Template

from migration_lab.ground import course
from migration_lab.ground.answer_files import file_of
from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError
from migration_lab.ground.places import course_root
from migration_lab.ground.spine import files_at, head_at
from migration_lab.making.proofs import Say

TEMPLATES = Path(__file__).parent / "templates"
MODEL = "shop/models/user.py"
READING = 3  # minutes, for the templates
SLUG = re.compile(r"\d\d_[a-z0-9_]+")


def new_lesson(name: str, *, say: Say = print) -> None:
    """Create what a lesson lacks, with one exercise if it has none.

    Args:
        name: its number (`04`), or for a lesson that is not planned its whole name, `18_a_few_words`.

    Raises:
        LabError: it is written already, or the name is not valid.
    """
    if SLUG.fullmatch(name) and name not in [each.slug for each in course.lessons()]:
        _plan(name, say)
    elif not any(name in (each.slug, each.number) for each in course.lessons()):
        raise LabError(f"There is no lesson {name!r}.", "For a new one give its whole name: `18_a_few_words`.")
    lesson = course.lesson(name)
    if lesson.is_written:
        raise LabError(
            f"Lesson {lesson.number} is there already: lessons/{lesson.slug}/lesson.md.",
            f"`lab new exercise {_next_exercise(lesson)}` adds an exercise to it.",
        )
    words = _words_of(lesson)
    for file in ("lesson.md", "quiz.yaml"):
        if not (lesson.folder / file).exists():
            _write(lesson.folder / file, _filled(file, {**words, "reading": str(READING)}), say)
    if lesson.manifest.minutes is None:
        what = "`running` is how long all cells take, rounded up; the linter says what both make together"
        line = f"minutes: {{reading: {READING}, running: 1}} # TO BE WRITTEN: {what}\n"
        manifest = lesson.folder / "lesson.yaml"
        text = _read(manifest).rstrip() + "\n"
        _write(manifest, re.sub(r"^(?=leaves:|scenes:|exercises:)|\Z", line, text, count=1, flags=re.MULTILINE), say)
    if not lesson.manifest.exercises:
        new_exercise(f"{lesson.number}.1", say=say)


def new_exercise(exercise_id: str, *, say: Say = print) -> None:
    """Create an exercise: its section, its judge, a scene, answers, and its entry in the manifest.

    Args:
        exercise_id: `04.1`, the next one of its lesson.

    Raises:
        LabError: at least a part of it exists already, or it is not the next one.
    """
    number, _, place = exercise_id.partition(".")
    lesson = course.lesson(number)
    if not lesson.is_written:
        raise LabError(f"Lesson {number} is planned.", f"Run `lab new lesson {number}`; it brings a first exercise.")
    _refuse_what_is_there(lesson, exercise_id)
    folder, words = lesson.folder, {**_words_of(lesson), "exercise": exercise_id, "scene": f"ticket_{place}"}
    words["judge"] = f"Exercise{number}{place}"
    new = {
        f"scenes/{words['scene']}/scene.yaml": _filled("scene.yaml", words),
        f"answers/{exercise_id}.md": _filled("answers.md", words),
        "exercises.md": _longer(folder / "exercises.md", _filled("exercises.md", words), _filled("exercise.md", words)),
        "checks.py": _longer(folder / "checks.py", _filled("judges.py.txt", words), _filled("judge.py.txt", words)),
        "lesson.yaml": _with_entry(_read(folder / "lesson.yaml"), _filled("manifest.yaml", words)),
    }
    if "FilesJudge" not in new["checks.py"].partition("class ")[0]:
        line = "from migration_lab.teaching.judging import FilesJudge\n"
        new["checks.py"] = re.sub(r"^(?=from |import )", line, new["checks.py"], count=1, flags=re.MULTILINE)
    for file, text in new.items():
        _write(folder / file, text, say)


def _plan(slug: str, say: Say) -> None:
    """Create the folder and the manifest of a lesson, based on the previous one."""
    before = [each for each in course.lessons() if each.slug < slug]
    if any(each.number == slug[:2] for each in course.lessons()):
        raise LabError(f"Lesson {slug[:2]} is there already.", f"It is {course.lesson(slug[:2]).slug}.")
    words = {
        "title": slug[3:].replace("_", " ").capitalize(),
        "before": before[-1].slug if before else "",
    }
    _write(course_root() / "lessons" / slug / "lesson.yaml", _filled("lesson.yaml", words), say)


def _refuse_what_is_there(lesson: Lesson, exercise_id: str) -> None:
    wanted = _next_exercise(lesson)
    there = [f"lesson.yaml names {exercise_id}"] if exercise_id in lesson.manifest.exercises else []
    there += [f"answers/{exercise_id}.md"] if file_of(lesson, exercise_id).exists() else []
    for file, mark in (("exercises.md", f"## {exercise_id} "), ("checks.py", f'exercise = "{exercise_id}"')):
        path = lesson.folder / file
        there += [f"{file} has {mark.strip()}"] if path.exists() and mark in _read(path) else []
    if there:
        raise LabError(
            f"Something of exercise {exercise_id} is there already in lessons/{lesson.slug}: {', '.join(there)}.",
            f"Edit it, or make the next one: `lab new exercise {wanted}`."
            if wanted != exercise_id
            else "Delete it first.",
        )
    if exercise_id != wanted:
        raise LabError(f"{exercise_id} is not the next exercise of its lesson.", f"Run `lab new exercise {wanted}`.")


def _next_exercise(lesson: Lesson) -> str:
    numbers = [int(each.partition(".")[2]) for each in lesson.manifest.exercises]
    return f"{lesson.number}.{max(numbers, default=0) + 1}"


def _words_of(lesson: Lesson) -> dict[str, str]:
    """The values for the templates of a lesson."""
    manifest, head = lesson.manifest, head_at(lesson)
    needs = [course.lesson(each) for each in manifest.needs]
    links = [f"[{each.number} {each.manifest.title}]({each.slug}.ipynb)" for each in needs]
    return {
        "title": manifest.title,
        "summary": manifest.summary,
        "slug": lesson.slug,
        "number": lesson.number,
        "needs": " and ".join(links) or "nothing but the course",
        "reading": "3",
        "head": head or "",
        "revision": f"{int(head) + 1:04}" if head and head.isdigit() else "0001",
        "model_file": MODEL,
        "model": _model_with_example(lesson),
    }


def _model_with_example(lesson: Lesson) -> str:
    """The model of users as it is at the lesson's start, with one more column."""
    lines = files_at(lesson)[MODEL].decode().rstrip().split("\n")
    last = max(at for at, line in enumerate(lines) if "mapped_column(" in line)
    lines.insert(last + 1, "    example: Mapped[str | None] = mapped_column(String(40))")
    return "\n".join(lines)


def _with_entry(manifest: str, entry: str) -> str:
    """The manifest with one more exercise, after the existing ones."""
    found = re.search(r"^exercises:.*\n(?:(?: +.*)?\n)*", manifest, re.MULTILINE)
    if found is None:
        return f"{manifest.rstrip()}\nexercises:\n{entry}"
    return manifest[: found.end()].rstrip() + f"\n{entry}" + manifest[found.end() :]


def _longer(path: Path, beginning: str, more: str) -> str:
    return (_read(path) if path.exists() else beginning).rstrip() + "\n" + more


def _filled(template: str, words: dict[str, str]) -> str:
    return Template(_read(TEMPLATES / template)).substitute(words)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _write(path: Path, text: str, say: Say) -> None:
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    say(f"{'Made' if is_new else 'Added to'} {path.relative_to(course_root()).as_posix()}")
