"""A check: finds the judge of an exercise, runs it on each engine, and turns the result or error into a verdict."""

import os
import threading
import traceback
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from migration_lab.ground import course, engines
from migration_lab.ground.course import EngineName, Lesson
from migration_lab.ground.errors import LabError, reason
from migration_lab.instruments.readonly import keeping_sessions
from migration_lab.shops.identity import Workspace
from migration_lab.shops.origin import database_sign, is_untouched
from migration_lab.shops.process import StoppedError, until
from migration_lab.shops.templates import Template, template_at
from migration_lab.teaching import progress
from migration_lab.teaching.judging.copies import copies_of
from migration_lab.teaching.judging.expectations import Expectation, Finding, JudgeError, Miss
from migration_lab.teaching.judging.judge import Judge
from migration_lab.teaching.judging.outside import ran_out
from migration_lab.teaching.judging.traces import NOTHING_YET
from migration_lab.teaching.judging.varied import varied
from migration_lab.teaching.judging.verdict import EngineVerdict, Verdict

# Ids that no judge declares: the work could not be read, or the judge is broken. Neither counts as an attempt.
CAN_BE_JUDGED, CHECK_WORKS = "can_be_judged", "check_works"


def check(
    exercise_id: str,
    workspace: Workspace,
    *,
    only: Collection[EngineName] | None = None,
    on_step: Callable[[EngineName, str], object] = lambda *_: None,
) -> Verdict:
    """Judge the learner's work on every engine of the exercise that this machine has, and record the attempt.

    Args:
        exercise_id: `"02.1"`.
        workspace: the learner's; it is read, never changed.
        only: the engines to judge on, if not all.
        on_step: called with an engine and what is checked there next; from another thread if both engines are
            judged at once.

    Raises:
        LabError: there is no such exercise, or the workspace no longer exists.
    """
    lesson, exercise = course.exercise(exercise_id)
    if not workspace.folder.is_dir():
        raise LabError(f"The workspace of exercise {exercise_id} is not there.", f"Run `lab reset {exercise_id}`.")
    judge = judge_of(lesson, exercise_id)
    wanted = (workspace.engine.name,) if judge.looks_at_own_database else (only or exercise.engines)
    here, notes = [], []
    for name in [each for each in exercise.engines if each in wanted]:
        if name == "postgres" and (why := engines.why_no_postgres()):
            notes.append(f"PostgreSQL is not available here, so it was not judged there. {why}")
        else:
            here.append(name)

    def judge_on(name: EngineName) -> EngineVerdict:
        engine = engines.engine(name)
        try:
            with engine.at_once():
                template = template_at(lesson, exercise.scene, engine)
                if not judge.looks_at_own_database:
                    template = varied(template, judge.as_shown)
                return judge_once(judge, workspace, template, lambda words: on_step(name, words))
        except (LabError, OSError, MemoryError) as error:  # the verdict of another engine is still shown
            if (said := error if isinstance(error, LabError) else ran_out(error)) is None:
                raise
            return EngineVerdict(name, (), _could_not_judge(said), judge.expectations())

    if len(here) > 1 and (os.cpu_count() or 1) > 1:
        results = _at_once(judge_on, here)
    else:
        results = [judge_on(name) for name in here]
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
        why = str(error) if isinstance(error, LabError) else f"Your progress cannot be saved: {reason(error)}."
        verdict = replace(verdict, note=" ".join([*notes, why]))
    return verdict


def _at_once(judge_on: Callable[[EngineName], EngineVerdict], names: list[EngineName]) -> list[EngineVerdict]:
    """Judge on several engines in parallel; Ctrl-C stops all of them."""
    given_up = threading.Event()

    def judge_until(name: EngineName) -> EngineVerdict:
        with until(given_up):
            return judge_on(name)

    with ThreadPoolExecutor(len(names)) as pool:
        try:
            return list(pool.map(judge_until, names))
        except BaseException:
            given_up.set()
            raise


def judge_of(lesson: Lesson, exercise_id: str) -> type[Judge]:
    """The judge of an exercise, read again from the lesson's `checks.py` each time.

    Raises:
        LabError: there is no judge, there are two, or the file or the judge cannot be used.
    """
    path = lesson.folder / "checks.py"
    module: dict[str, object] = {"__name__": f"checks_{lesson.number}", "__file__": str(path)}
    try:
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module)
    except Exception as error:
        raise _unusable(exercise_id, f"{type(error).__name__}: {error}{_line_of(error)}") from error
    judges = [each for each in module.values() if isinstance(each, type) and issubclass(each, Judge)]
    named = [each for each in judges if each.__dict__.get("exercise")]
    found = [each for each in named if each.exercise == exercise_id]
    if len(found) != 1:
        others = ", ".join(sorted({each.exercise for each in named} - {exercise_id}))
        beside = f", beside those of {others}" if others else ""
        raise _unusable(exercise_id, f"lessons/{lesson.slug}/checks.py holds {len(found)} judges of it{beside}")
    try:
        ids = [each.id for each in found[0].expectations()]
        if getattr(found[0], "stub_fails", None) not in ids:
            raise JudgeError(f"`stub_fails` names none of its expectations, {', '.join(ids)}")
        found[0].refuse_wrong_names()
    except JudgeError as error:
        raise _unusable(exercise_id, str(error)) from error
    return found[0]


def judge_once(
    judge: type[Judge], workspace: Workspace, template: Template, on_step: Callable[[str], object] = lambda _: None
) -> EngineVerdict:
    """Judge on the engine of the template. Every error becomes a message that a learner can read."""
    at_home = template.engine.name == workspace.engine.name  # the learner's own database is on one engine only
    expectations = tuple(
        each for each in judge.expectations(template.engine.name) if at_home or each.id not in judge.of_own_database
    )
    met: list[Expectation] = []
    with copies_of(workspace, template) as copies, keeping_sessions():
        finding = None
        try:
            trial = judge(copies)
            for each in expectations:
                on_step(each.looks_at)
                finding = _look(trial, each, expectations)
                if finding is not None:
                    break
                met.append(each)
        except StoppedError as error:
            finding = _no_end(error)
        except LabError as error:
            finding = _could_not_judge(error)
        except Exception as error:
            said = ran_out(error)
            finding = _could_not_judge(said) if said else _our_mistake(judge, error)
        if finding is not None and copies.is_untouched and finding.expectation in expectations:
            finding = replace(finding, cause=NOTHING_YET[0], next_step=NOTHING_YET[1])
    unmet = finding.expectation.id if finding else None
    return EngineVerdict(
        template.engine.name,
        tuple(each for each in met if each.id != unmet),
        finding,
        tuple(each for each in expectations if finding and each not in met and each.id != unmet),
    )


def _look(trial: Judge, expectation: Expectation, expectations: tuple[Expectation, ...]) -> Finding | None:
    try:
        expectation.look(trial)
    except Miss as miss:
        of = next((each for each in expectations if each.id == miss.of), expectation)
        return Finding(of, miss.expected, miss.found, miss.cause, miss.next_step)
    return None


def _fingerprint(workspace: Workspace) -> str | None:
    """Equal for equal work: a second check without a change is not another attempt. None if there is no work."""
    if is_untouched(workspace.folder, workspace.engine):
        return None
    return progress.fingerprint(workspace.folder, database_sign(workspace.engine, workspace.folder))


def _unusable(exercise_id: str, why: str) -> LabError:
    return LabError(
        f"The check of exercise {exercise_id} cannot be used: {why}.",
        "This is a mistake in the course, not in your work. Please report it to the authors of the course.",
    )


def _could_not_judge(error: LabError) -> Finding:
    """The work cannot be read at the moment: unreadable files, a locked database."""
    return Finding(
        _of_ours(CAN_BE_JUDGED, "the files and the database of the exercise can be read"),
        "The check can read the files and the database.",
        error.message,
        getattr(error, "cause", ""),
        error.next_step,
    )


def _no_end(error: StoppedError) -> Finding:
    """A command that a judge runs for its own purposes reached its time limit."""
    return Finding(
        _of_ours("comes_to_an_end", "each command that the check runs finishes"),
        "The command finishes.",
        error.message,
        "A revision or a model takes too long, or never finishes.",
        error.next_step,
    )


def _our_mistake(judge: type[Judge], error: Exception) -> Finding:
    """The judge is broken."""
    return Finding(
        _of_ours(CHECK_WORKS, "the check of this exercise works"),
        "The check finishes.",
        f"{type(error).__name__}: {error}{_line_of(error)}",
        "This is a mistake in the course, not in your work.",
        f"Please report this message to the authors of the course, with the number of the exercise, {judge.exercise}.",
    )


def _of_ours(expectation_id: str, looks_at: str) -> Expectation:
    return Expectation(expectation_id, looks_at, lambda _: None)


def _line_of(error: Exception) -> str:
    """Where checks.py failed: its last line in the traceback. The message of a syntax error has the line already."""
    lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename.endswith("checks.py")]
    return f" (checks.py, line {lines[-1]})" if lines else ""
