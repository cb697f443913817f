"""Every exercise of the course, on every engine: what must fail fails for its own reason, and what is right passes.

An answer is worked out on the exercise's first engine and judged on all, as a learner's is; where the judge looks at
the learner's own database, on each. So is a solution; on the engine that its notebook opens, the whole suite leaves
that to `tests/lessons/test_solutions.py`.

Of the wrong answers that one expectation rejects, and of the right ones of an exercise, the whole suite judges each on
one engine, and each engine at least once: so every answer is seen to fail or to pass, and every expectation to fail on
every engine. `lab prove` and `--thorough` judge them all on all; a solution always is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache

import pytest

from migration_lab.ground import course
from migration_lab.ground.course import EngineName, Lesson
from migration_lab.ground.errors import LabError
from migration_lab.making.answers import Answer, answers_of
from migration_lab.making.giving import give
from migration_lab.shops import finding
from migration_lab.teaching.judging import EngineVerdict, judge_of
from tests.lessons.conftest import is_thorough

FEWEST_WRONG = 3
ROWS = "docs/checks.md says which columns the check's unusual rows leave alone."
WRITTEN = [lesson for lesson in course.lessons() if lesson.is_written]
ANSWERS = [answer for lesson in WRITTEN for answer in answers_of(lesson)]
EXERCISES = [(lesson, exercise_id) for lesson in WRITTEN for exercise_id in lesson.manifest.exercises]


@cache  # asked for each answer when the tests are collected, in each worker
def _looks_at_own_database(slug: str, exercise_id: str) -> bool:
    try:
        return judge_of(course.lesson(slug), exercise_id).looks_at_own_database
    except LabError:
        return False  # a judge that cannot be read is told by each of its answers' tests, and by no other's


def _given(answer: Answer, engines: tuple[EngineName, ...]) -> list[tuple[EngineName, tuple[EngineName, ...]]]:
    """The engines on which an answer is worked out, each with those of these on which it is judged then."""
    if not engines:
        return []  # its file is not right: `test_answer_files_say_what_they_are` reports it
    if answer.kind == "solution":
        return [(engine, (engine,)) for engine in engines]
    exercise = answer.lesson.manifest.exercises.get(answer.exercise)
    is_own = exercise is not None and _looks_at_own_database(answer.lesson.slug, answer.exercise)
    if is_own:
        return [(engine, (engine,)) for engine in engines]
    return [(answer.engines[0], engines)]


def shared_out(answers: Iterable[Answer]) -> dict[tuple[str, str], tuple[EngineName, ...]]:
    """The engines on which each answer is judged by the whole suite, by exercise and name: see above."""
    groups: dict[tuple[str, str], list[Answer]] = defaultdict(list)  # no expectation rejects the right ones
    for answer in answers:
        groups[answer.exercise, answer.rejected_by].append(answer)
    shared = {}
    for group in groups.values():
        group.sort(key=lambda each: len(each.engines))  # those that have no choice come first
        to_see = {engine for each in group for engine in each.engines}
        for place, answer in enumerate(group):
            left = len(group) - place
            own = [engine for engine in answer.engines if engine in to_see] or [
                answer.engines[place % len(answer.engines)]
            ]
            seen = tuple(own if left < len(to_see) else own[:1]) if answer.engines else ()
            shared[answer.exercise, answer.name] = seen
            to_see -= set(seen)
    return shared


def _marks(answer: Answer, on: EngineName) -> list[pytest.MarkDecorator]:
    """Marks a solution on the engine that its notebook opens."""
    if answer.kind != "solution" or on != finding.engine_for(answer.exercise, asked=None, usual="sqlite").name:
        return []
    return [pytest.mark.in_solutions]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each answer, on the engines on which this run judges it."""
    if "judged_on" not in metafunc.fixturenames:
        return
    written = [each for each in ANSWERS if each.kind in ("right", "wrong")]
    shared = {} if is_thorough(metafunc.config) else shared_out(written)
    params = [
        pytest.param(
            answer,
            on,
            judged_on,
            id=f"{answer.exercise}-{'-'.join(judged_on)}-{answer.name}",
            marks=_marks(answer, on),
        )
        for answer in ANSWERS
        for on, judged_on in _given(answer, shared.get((answer.exercise, answer.name), answer.engines))
    ]
    metafunc.parametrize(("answer", "on", "judged_on"), params)


@pytest.mark.usefixtures("home")
def test_answer_is_judged_for_what_it_is(answer: Answer, on: EngineName, judged_on: tuple[EngineName, ...]) -> None:
    if answer.kind in ("right", "wrong") and answer.fault:
        pytest.skip("its file is not right: `test_answer_files_say_what_they_are` reports it")
    verdict = give(answer, on, judged_on)
    assert tuple(each.engine for each in verdict.engines) == judged_on, f"{answer} was not judged: {verdict.note}"
    for judged in verdict.engines:
        _assert_it_is_judged(answer, judged)


def _assert_it_is_judged(answer: Answer, judged: EngineVerdict) -> None:
    engine = judged.engine
    if answer.kind in ("solution", "right"):
        assert judged.unmet is None, f"{answer} must pass on {engine}, but {_what_came_out(judged)}"
        return
    must = answer.rejected_by if answer.kind == "wrong" else judge_of(answer.lesson, answer.exercise).stub_fails
    because = f" It is wrong because: {answer.why}" if answer.why else ""
    assert judged.unmet, f"{answer} must be rejected by {must!r} on {engine}, but it passes.{because} {ROWS}"
    came_out = _what_came_out(judged)
    assert judged.unmet.expectation.id == must, f"{answer} must be rejected by {must!r} on {engine}, but {came_out}"
    said = (
        judged.unmet.expected,
        judged.unmet.found,
        judged.unmet.next_step,
    )
    assert all(each.strip() for each in said), f"{answer} is told only this on {engine}: {said}"


def test_each_expectation_is_seen_to_fail_on_each_engine_where_all_together_do() -> None:
    given = [each for each in ANSWERS if each.kind in ("right", "wrong") and each.engines]
    shared = shared_out(given)
    assert all(shared[each.exercise, each.name] for each in given)

    def seen(engines_of: Callable[[Answer], tuple[EngineName, ...]]) -> set[tuple[str, str, EngineName]]:
        return {(each.exercise, each.rejected_by, engine) for each in given for engine in engines_of(each)}

    assert seen(lambda each: shared[each.exercise, each.name]) == seen(lambda each: each.engines)
    assert all(set(shared[each.exercise, each.name]) <= set(each.engines) for each in given)


@pytest.mark.parametrize(("lesson", "exercise_id"), [pytest.param(*each, id=each[1]) for each in EXERCISES])
def test_exercise_has_answers_that_prove_its_check(lesson: Lesson, exercise_id: str) -> None:
    answers = [each for each in answers_of(lesson) if each.exercise == exercise_id]
    wrong = [each for each in answers if each.kind == "wrong"]
    right = [each for each in answers if each.kind == "right"]
    where = f"lessons/{lesson.slug}/exercises.md: exercise {exercise_id}"
    assert len(wrong) >= FEWEST_WRONG, f"{where} has {len(wrong)} wrong answers; it needs {FEWEST_WRONG}"
    assert right, f"{where} has no right answer beside its solution"
    assert next(each for each in answers if each.kind == "solution").cells, f"{where} has no cell tagged solution"
    judge = judge_of(lesson, exercise_id)
    seen_failing = {each.rejected_by for each in wrong} | {judge.stub_fails}
    for expectation in [each for each in judge.expectations() if each.is_own]:
        place = f"lessons/{lesson.slug}/checks.py, line {expectation.look.__code__.co_firstlineno}"
        assert expectation.id in seen_failing, (
            f"{place}: nobody has seen {expectation.id!r} of exercise {exercise_id} fail; write a wrong answer that it "
            "rejects"
        )


@pytest.mark.parametrize("lesson", WRITTEN, ids=[each.slug for each in WRITTEN])
def test_answer_files_say_what_they_are(lesson: Lesson) -> None:
    for answer in [each for each in answers_of(lesson) if each.kind in ("right", "wrong")]:
        assert not answer.fault, answer.fault
        assert answer.exercise in lesson.manifest.exercises, f"{answer}: the lesson has no exercise {answer.exercise!r}"
        assert answer.why, f"{answer} does not say why it is {answer.kind}"


def _what_came_out(judged: EngineVerdict) -> str:
    if judged.unmet is None:
        return "it passes"
    unmet = judged.unmet
    return f"it is rejected by {unmet.expectation.id!r}: expected: {unmet.expected} Found: {unmet.found}"
