"""`lab`: the course's functions for a notebook. Import it with `from migration_lab.notebook import lab`.

What only some cells need is imported when they run, so that a notebook's first cell is quick.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from IPython import get_ipython

from migration_lab.ground import course, engines, my_work, places, way
from migration_lab.ground.asserts import require_asserts
from migration_lab.ground.errors import LabError
from migration_lab.instruments import query
from migration_lab.instruments.timeline import Recording
from migration_lab.notebook import displays, folding, magics, names, pictures, running_note, shop, under_way, which_cell
from migration_lab.notebook.displays import Note, show
from migration_lab.notebook.shop import Shop
from migration_lab.shops import finding, kept, process, workspace
from migration_lab.shops.identity import Identity

require_asserts()

__all__ = [
    "check",
    "compare",
    "contents",
    "doctor",
    "exercise",
    "explain",
    "hint",
    "notebook",
    "open",
    "progress",
    "quiz",
    "reset",
    "restore",
    "resume",
    "side_by_side",
    "table",
]


def __dir__() -> list[str]:
    """The names that Tab completes after `lab.`."""
    return __all__


def open(lesson: str, *, engine: str | None = None, scene: str | None = None) -> Shop:  # noqa: A001
    """A fresh shop as it is at the start of a lesson; it becomes the current one.

    Your work in an earlier one is kept aside, and a message says where.

    Args:
        lesson: `"02_first_migration"`, or `"02"`.
        engine: `"sqlite"` or `"postgres"`; by default `LAB_ENGINE` from the environment, else SQLite.
        scene: a prepared situation of the lesson instead of its start.
    """
    with running_note.saying("making the shop"):
        opened = workspace.open_lesson(course.lesson(lesson), _engine(engine), scene)
    return _begin(opened)


def exercise(exercise_id: str, *, engine: str | None = None, fresh: bool = False) -> Shop:
    """The shop of an exercise, with your work so far, and what its check looks at.

    Args:
        exercise_id: `"02.1"`.
        engine: `"sqlite"` or `"postgres"`, for an exercise on both.
        fresh: start over; your work is kept aside, and a message says where.
    """
    from migration_lab.teaching import judging
    from migration_lab.teaching.judging import report

    lesson, ticket = course.exercise(exercise_id)
    on = _engine(engine, exercise_id)
    with running_note.saying("making the shop"):
        made = workspace.open_exercise(exercise_id, on, fresh=fresh)
    opened = _begin(made)
    if not engine and os.environ.get("LAB_ENGINE") not in (None, "", on.name):
        show(Note(f"LAB_ENGINE asks for another database, and this exercise is for {shop.ENGINE_NAMES[on.name]}."))
    sentences = report.looks_at(judging.judge_of(lesson, exercise_id).expectations())
    title = ticket.title if ticket.title.endswith("?") else f"{ticket.title}."
    show(Note(f"Exercise {exercise_id}: {title} The check looks at this:", points=tuple(sentences)))
    return opened


def resume(name: str | None = None, *, engine: str | None = None) -> Shop:
    """Continue where you were, after a restart of the kernel.

    Without a name, all shops of this notebook come back under their names.

    Args:
        name: a lesson or an exercise, to continue only that one.
        engine: as for `open`; without a name, the engine that was used then.
    """
    if name is None:
        taken = names.take_up(get_ipython().user_ns)
        if taken is not None:
            return _say_what_is_back(*taken)
        identity = _last_opened()
    else:
        identity = finding.meant(name, _engine(engine, name))
    resumed = Shop(workspace.resume(identity)).use()
    show(resumed.note())
    if others := finding.others(resumed.workspace.identity):
        points = tuple(f'`lab.resume("{each.name}", engine="{each.engine}")`' for each in others)
        show(Note("This lesson has opened other shops. You take them up in the same way:", points=points))
    return resumed


def reset(name: str, *, engine: str | None = None) -> Shop:
    """Bring a lesson or an exercise back to its start; your changes are kept aside, and a message says where."""
    return _begin(workspace.reset(name, _engine(engine, name)))


def restore(name: str | None = None) -> Shop | None:
    """Bring back work that was kept aside, with files and database; without a name, list it.

    The work that it replaces is kept aside in turn, so nothing is lost.

    Args:
        name: one from the list; or a lesson (`"02"`) or an exercise (`"02.1"`), for its newest kept work.
    """
    if name is not None:
        return _begin(workspace.restore(name))
    points = tuple(
        f'`lab.restore("{each.name}")`: {each.identity.title}, '
        f"{shop.ENGINE_NAMES[each.identity.engine]}, kept on {each.moment:%Y-%m-%d at %H:%M}"
        for each in kept.all_kept()
    )
    show(Note("This work is kept aside. To bring it back:" if points else "No work is kept aside.", points=points))
    return None


def check(exercise_id: str, *, engine: str | None = None) -> None:
    """Judge your answer to an exercise on each of its engines; the answer itself is not changed.

    Args:
        exercise_id: `"02.1"`.
        engine: that of the shop with the answer; by default the one that this notebook has open.
    """
    from migration_lab.teaching import judging

    on = _engine(engine or shop.engine_of(exercise_id), exercise_id)
    verdict = judging.check(
        exercise_id,
        workspace.find(finding.meant(exercise_id, on)),
        on_step=lambda name, looks_at: running_note.say(f"judging on {shop.ENGINE_NAMES[name]}: {looks_at}"),
    )
    show(verdict)
    if verdict.passed and os.environ.get("JPY_SESSION_NAME"):  # only for a person, who can go there
        show(displays.Next(way.after_exercise(exercise_id)))


def hint(exercise_id: str, step: int | None = None) -> None:
    """The next of three hints: a question, a pointer, then the solution. With `step`, that one: 1, 2 or 3."""
    from migration_lab.teaching import hints

    show(hints.next_hint(exercise_id) if step is None else hints.hint(exercise_id, step))


def quiz(question_id: str) -> None:
    """Ask a question, to answer here."""
    from migration_lab.notebook import quiz_widget

    show(quiz_widget.show(question_id))


def compare(question_id: str) -> None:
    """Show your prediction beside the answer."""
    from migration_lab.notebook import quiz_widget

    show(quiz_widget.compare(question_id))


def explain(text: str | None = None) -> None:
    """Explain what an error means, how to fix it, and which lesson says more.

    Args:
        text: the error's text, or the id of a card (`F13`); by default the last error of this notebook.
    """
    from migration_lab.notebook import last_error
    from migration_lab.teaching import explain as guide

    if text is None:
        text = last_error.text()
    show(guide.explain(text) or guide.not_known(text))


def notebook(name: str) -> None:
    """Bring back the course's version of a notebook that was edited beyond use; your own is kept beside it.

    Args:
        name: a lesson (`"03"`), or an exercise (`"03.1"`) for the notebook of the lesson's exercises.
    """
    show(Note(my_work.renew(name)))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> query.Rows:
    """Show rows from a cell as a table."""
    return query.Rows(tuple(columns), tuple(tuple(row) for row in rows))


def side_by_side(*runs: Recording) -> pictures.SideBySide:
    """Show several runs of `shop.traffic()` on the same axes."""
    return pictures.SideBySide(tuple(each.timeline for each in runs))


def progress(*, forget: str | None = None) -> None:
    """Show your progress.

    Args:
        forget: a lesson whose progress to reset, so that you can go through it again.
    """
    from migration_lab.teaching import progress as record

    show(record.summary() if forget is None else Note(record.begin_anew(course.lesson(forget))))


def contents() -> None:
    """Show all lessons and exercises with links, how far you are, and what is next."""
    from migration_lab.teaching import progress as record

    show(record.contents())


def doctor() -> None:
    """Try a real upgrade and downgrade on both databases, and say what is wrong with this machine."""
    from migration_lab.teaching import doctor as examination

    show(examination.run(on_step=lambda subject: running_note.say(f"trying {subject}")))


def _say_what_is_back(current: Shop, found: dict[str, Shop], lost: list[str]) -> Shop:
    show(current.note())
    back = tuple(f"`{name}`: {each!r}" for name, each in sorted(found.items()))
    show(
        Note(
            "What other cells made, such as functions, you make again by running them. These names are back:",
            points=back,
        )
    )
    if lost:
        listed = " and ".join(f"`{name}`" for name in sorted(lost))
        show(Note(f"The files of {listed} are not there any more: run the cells that make them."))
    return current


def _begin(opened: workspace.Opened) -> Shop:
    ended = under_way.end_for(opened.workspace)
    begun = Shop(opened.workspace).use()
    show(begun.note(begins=not opened.goes_on))
    if planned := opened.workspace.lesson.planned:
        show(Note(planned))
    if ended:
        show(Note(f"Stopped what an earlier cell had left running: {', '.join(sorted(ended))}."))
    if opened.is_second:
        show(
            Note(
                "Another notebook opened the same one first, so this notebook works on files and a database of its own."
            )
        )
    if opened.goes_on and not opened.kept:
        show(Note(f"You go on with the work that is in it. To start afresh: `{begun.afresh()}`."))
    if opened.kept:
        place = places.below_my_work(opened.kept)
        show(Note(f'Your earlier work is kept in `{place}`. `lab.restore("{opened.kept.name}")` brings it back.'))
    if opened.dropped:
        show(Note(f"To make room for it, the oldest one, `{opened.dropped.name}`, was removed."))
    return begun


def _engine(asked: str | None, target: str = "") -> engines.Engine:
    """The engine to use for a lesson (`02`) or an exercise (`02.1`)."""
    return finding.engine_for(target, asked=asked, usual=os.environ.get("LAB_ENGINE") or "sqlite")


def _last_opened() -> Identity:
    """The last opened workspace, in this notebook if Jupyter says which one this is."""
    notebook = os.environ.get("JPY_SESSION_NAME")
    found = [each for each in finding.opened() if not notebook or _belongs(each, Path(notebook))]
    if not found:
        raise LabError("This notebook has not opened a shop yet.", "Run its first cell, with `lab.open(...)`.")
    return found[-1]


def _belongs(identity: Identity, notebook: Path) -> bool:
    """Whether a workspace is one that this notebook opens."""
    lesson = identity.lesson
    return notebook.name == (course.lesson(lesson).exercises_file if identity.exercise else f"{lesson}.ipynb")


shell = get_ipython()
if shell is not None:
    magics.register(shell)
    displays.register(shell)
    names.register(shell)
    which_cell.load_ipython_extension(shell)
    folding.fold_tracebacks(shell)
    running_note.register(shell)
    process.warm_up()
