"""A lesson ends where the next one begins, so that a learner always finds the shop that they left."""

from dataclasses import replace
from pathlib import Path

from migration_lab.ground import course
from migration_lab.ground.engines import engine
from migration_lab.ground.spine import spine
from migration_lab.instruments.revisions import read_standing
from migration_lab.instruments.schema import Schema, diff, read_schema
from migration_lab.shops.identity import Identity
from migration_lab.shops.scenes import scene_names
from migration_lab.shops.workspace import open_lesson

ENV = "migrations/env.py"


def assert_it_ends_where_the_next_begins(lesson: course.Lesson, home: Path, engine_name: str) -> None:
    """Compare the shop that an executed lesson leaves behind with the checkpoint of the next one.

    What env.py says is compared where the lesson leaves another one. The database of a lesson that starts and
    ends at the same revision is not: what it leaves is its own affair.
    """
    following = next((each for each in course.lessons() if each.number > lesson.number), None)
    if following is None:
        return
    env = next(left for left in spine() if left.lesson == lesson).made.get(ENV)
    if env is not None:
        left_env = _shop_of(lesson, home, engine_name) / ENV
        assert left_env.read_text(encoding="utf-8") == env.decode(), (
            f"lessons/{lesson.slug}/lesson.md on {engine_name}: migrations/env.py is not that of {following.slug}'s "
            "checkpoint"
        )
    if lesson.manifest.leaves is None:
        return
    here = f"lessons/{lesson.slug}/lesson.md on {engine_name}: its own shop must end where {following.slug} begins"
    on = engine(engine_name)
    left = on.sqlalchemy_url(_shop_of(lesson, home, engine_name))
    begins = open_lesson(following, on).workspace.url
    ends, head = read_standing("left", left).revisions, lesson.manifest.leaves
    assert ends == (head,), f"{here}, at {head}; it ends at {', '.join(ends) or 'none'}"
    changes = diff(comparable(read_schema(begins)), comparable(read_schema(left)))
    assert [str(each) for each in changes] == [], f"{here}, with the same schema"


def _shop_of(lesson: course.Lesson, home: Path, engine_name: str) -> Path:
    """The folder of the shop on this engine: the lesson's own, or else a scene's, at which a part that was run alone
    begins, or the copy that a lesson makes of one on the other engine.
    """
    own = Identity(lesson.slug, engine(engine_name).name)
    of_lesson = [own, *(replace(own, scene=scene) for scene in scene_names(lesson)), replace(own, copy=1)]
    shops = [home / "shops" / each.folder_name for each in of_lesson]
    found = [folder for folder in shops if folder.is_dir()]
    assert found, f"{lesson.slug} leaves no shop on {engine_name}"
    return found[0]


def comparable(schema: Schema) -> Schema:
    """On SQLite without the names of foreign keys.

    A key that autogenerate writes has no name. Postgres gives it one by itself, and the checkpoint says that name, so
    that the history can drop the key later. SQLite keeps it without a name, and lesson 04 is about just that.
    """
    if schema.engine != "sqlite":
        return schema
    tables = (
        replace(table, foreign_keys=tuple(replace(key, name=None) for key in table.foreign_keys))
        for table in schema.tables
    )
    return replace(schema, tables=tuple(tables))
