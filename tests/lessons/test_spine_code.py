"""At every checkpoint the shop's own tests pass, and old revisions make what they made when they were written."""

import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from migration_lab.ground.course import Lesson, lesson
from migration_lab.ground.spine import REVISIONS, lay_checkpoint, spine
from migration_lab.shops.flask_command import run_pytest
from tests.lessons.spine import LAST, WITH_HISTORY, head_of, left_by, on_both_engines, shop_at

with_code_of_their_own = pytest.mark.parametrize("lesson", [lesson("02"), *WITH_HISTORY], ids=left_by)


@with_code_of_their_own
@on_both_engines
def test_the_shop_passes_its_own_tests(lesson: Lesson, engine_name: str, tmp_path: Path) -> None:
    with shop_at(lesson, engine_name, tmp_path) as shop:
        tested = run_pytest(shop, "-q", "-W", "ignore")

        assert tested.exit_code == 0, tested.output
        assert not shop.schema().tables, "the tests left the database as it was"


@on_both_engines
def test_old_revisions_make_the_same_schema_with_old_and_with_new_code(engine_name: str, tmp_path: Path) -> None:
    """Each checkpoint's own code, release after release, against the last checkpoint's code from nothing."""
    with (
        shop_at(WITH_HISTORY[0], engine_name, tmp_path / "stepwise") as stepwise,
        shop_at(LAST, engine_name, tmp_path / "at_once") as at_once,
    ):
        for each in WITH_HISTORY:
            stepwise.lay(each)
            stepwise.do("db", "upgrade", "head")
            at_once.do("db", "upgrade", head_of(each))
            assert stepwise.schema() == at_once.schema(), each.slug


def test_a_revisions_file_is_named_as_alembic_names_it(tmp_path: Path) -> None:
    """`--rev-id 0001 -m "create users and orders"` makes `0001_create_users_and_orders.py`; long messages are cut."""
    lay_checkpoint(LAST, tmp_path)
    scripts = sorted(ScriptDirectory(str(tmp_path / "migrations")).walk_revisions(), key=lambda each: each.revision)

    assert [each.revision for each in scripts] == [f"{number:04}" for number in range(1, len(scripts) + 1)]
    for each in scripts:
        slug = "_".join(re.findall(r"\w+", each.doc.lower()))
        assert len(slug) <= 40
        assert Path(each.path).name == f"{each.revision}_{slug}.py"


def test_the_manifest_says_at_which_revision_a_lesson_leaves_the_shop() -> None:
    for left in spine():
        ids = [Path(name).name.partition("_")[0] for name in left.revisions]
        assert left.lesson.manifest.leaves == max(ids, default=None), left.lesson.slug


def test_an_applied_revision_is_never_edited() -> None:
    for left in spine():
        assert not [name for name in left.changed if name.startswith(REVISIONS)], left.lesson.slug
