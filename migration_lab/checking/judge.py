"""A check: finds the judge of an exercise, lets it judge on each engine, and turns whatever happens into a verdict."""

import traceback
from collections.abc import Callable, Collection
from dataclasses import replace

from migration_lab import course, engines, progress
from migration_lab.checking.copies import copies_of
from migration_lab.checking.expectations import Expectation, Finding, Judge, JudgeError, Unmet
from migration_lab.checking.outside import ran_out
from migration_lab.checking.trial import Trial
from migration_lab.checking.verdict import EngineVerdict, Verdict
from migration_lab.course import EngineName, Lesson
from migration_lab.errors import LabError, reason
from migration_lab.process import StoppedError
from migration_lab.readonly import keeping_sessions
from migration_lab.record import database_sign, files_sign, read_record
from migration_lab.templates import Template, template_at
from migration_lab.workspace import Workspace

# The ids of what no judge declares: the work could not be looked at, or the judge is broken. Neither is a try.
CAN_BE_JUDGED, CHECK_WORKS = "can_be_judged", "check_works"


def check(
    exercise_id: str,
    workspace: Workspace,
    *,
    only: Collection[EngineName] | None = None,
    on_engine: Callable[[EngineName], object] = lambda _: None,
) -> Verdict:
    """Judge the learner's work on every engine of the exercise that this machine has, and remember the attempt.

    Args:
        exercise_id: `"02.1"`.
        workspace: the learner's; it is read, never changed.
        only: the engines to judge on, where not all of them are wanted.
        on_engine: called with the name of each engine before it is judged there.

    Raises:
        LabError: there is no such exercise, or the workspace is not there any more.
    """
    lesson, exercise = course.exercise(exercise_id)
    if not workspace.folder.is_dir():
        raise LabError(f"The workspace of exercise {exercise_id} is not there.", f"Run `lab reset {exercise_id}`.")
    judge = judge_of(lesson, exercise_id)
    wanted = (workspace.engine.name,) if judge.own_database else (only or exercise.engines)
    results, notes = [], []
    for name in [each for each in exercise.engines if each in wanted]:
        if name == "postgres" and (why := engines.why_no_postgres()):
            notes.append(f"PostgreSQL cannot be had here, so it was not judged there. {why}")
            continue
        on_engine(name)
        engine = engines.engine(name)
        try:
            with engine.at_once():
                results.append(judge_once(judge, workspace, template_at(lesson, exercise.scene, engine)))
        except (LabError, OSError, MemoryError) as error:  # what was judged on another engine is shown all the same
            if (said := error if isinstance(error, LabError) else ran_out(error)) is None:
                raise
            results.append(EngineVerdict(name, (), _could_not_judge(said), judge.expectations))
    if not results:
        raise LabError(
            f"Exercise {exercise_id} is not judged on this engine.", " ".join(notes) or "Open it on another."
        )
    verdict = Verdict(exercise_id, exercise.title, tuple(results), " ".join(notes) or None)
    is_judged = not any(each.unmet and each.unmet.expectation.id in (CAN_BE_JUDGED, CHECK_WORKS) for each in results)
    try:
        fingerprint = _fingerprint(workspace) if is_judged else None
        progress.record_check(exercise_id, passed=verdict.passed, fingerprint=fingerprint)
    except (LabError, OSError) as error:
        why = str(error) if isinstance(error, LabError) else f"Your progress cannot be kept: {reason(error)}."
        verdict = replace(verdict, note=" ".join([*notes, why]))
    return verdict


def judge_of(lesson: Lesson, exercise_id: str) -> Judge:
    """The judge of an exercise, read afresh from the lesson's `checks.py`.

    Raises:
        LabError: there is none, there are two, or the file cannot be read.
    """
    path = lesson.folder / "checks.py"
    module: dict[str, object] = {"__name__": f"checks_{lesson.number}", "__file__": str(path)}
    try:
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module)
    except Exception as error:
        raise _unusable(exercise_id, f"{type(error).__name__}: {error}{_line_of(error)}") from error
    judges = [each for each in module.values() if isinstance(each, Judge)]
    found = [each for each in judges if each.exercise == exercise_id]
    if len(found) != 1:
        others = ", ".join(sorted({each.exercise for each in judges} - {exercise_id}))
        beside = f", beside those of {others}" if others else ""
        raise _unusable(exercise_id, f"lessons/{lesson.slug}/checks.py holds {len(found)} judges of it{beside}")
    return found[0]


def judge_once(judge: Judge, workspace: Workspace, template: Template) -> EngineVerdict:
    """Judge on the engine of the template. Whatever goes wrong becomes words that a learner can read."""
    with copies_of(workspace, template) as copies, keeping_sessions():
        trial = None
        try:
            trial = Trial(judge, copies)
            judge.function(trial)
            if trial.unjudged():
                raise JudgeError(f"nobody looked at {', '.join(each.id for each in trial.unjudged())}")
            finding = None
        except Unmet as unmet:
            finding = unmet.finding
        except StoppedError as error:
            finding = _no_end(error)
        except LabError as error:
            finding = _could_not_judge(error)
        except Exception as error:
            said = ran_out(error)
            finding = _could_not_judge(said) if said else _our_mistake(judge, error)
    met = tuple(trial.judged) if trial else ()
    later = tuple(e for e in judge.expectations if finding and e not in met and e.id != finding.expectation.id)
    return EngineVerdict(template.engine.name, met, finding, later)


def _fingerprint(workspace: Workspace) -> str | None:
    """The same for the same work: a check that is run again without a change is not another try. None for no work."""
    sign = database_sign(workspace.engine, workspace.folder)
    record = read_record(workspace.folder)
    if record and (record.files, record.database) == (files_sign(workspace.folder), sign):
        return None
    return progress.fingerprint(workspace.folder, sign)


def _unusable(exercise_id: str, why: str) -> LabError:
    return LabError(
        f"The check of exercise {exercise_id} cannot be used: {why}.",
        "This is a mistake in the course, not in your work: tell the makers of the course.",
    )


def _could_not_judge(error: LabError) -> Finding:
    """The work is in a state in which it cannot be looked at: files that cannot be read, a database that is locked."""
    expectation = Expectation(
        CAN_BE_JUDGED,
        "the files and the database of the exercise can be read",
        getattr(error, "cause", "A file of the exercise is damaged or a process is in the way."),
        error.next_step,
    )
    return Finding(expectation, "The check can read the files and the database.", error.message)


def _no_end(error: StoppedError) -> Finding:
    """A command that the judge itself runs was stopped at its limit."""
    expectation = Expectation(
        "comes_to_an_end",
        "each command that the check runs comes to an end",
        "A revision or a model does not come to an end.",
        error.next_step,
    )
    return Finding(expectation, "The command comes to an end.", error.message)


def _our_mistake(judge: Judge, error: Exception) -> Finding:
    """The judge is broken."""
    expectation = Expectation(
        CHECK_WORKS,
        "the check of this exercise works",
        "This is a mistake in the course, not in your work.",
        f"Tell the makers of the course what is written here, with the number of the exercise, {judge.exercise}.",
    )
    return Finding(expectation, "The check runs to its end.", f"{type(error).__name__}: {error}{_line_of(error)}")


def _line_of(error: Exception) -> str:
    """Where checks.py failed: its last line in the traceback. The message of a syntax error says it already."""
    lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename.endswith("checks.py")]
    return f" (checks.py, line {lines[-1]})" if lines else ""
