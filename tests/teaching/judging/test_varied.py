"""The rows that a check adds to those of an exercise."""

from pathlib import Path

import pytest

from migration_lab.ground import course, engines
from migration_lab.ground.course import EngineName
from migration_lab.instruments import query
from migration_lab.instruments.schema import read_schema
from migration_lab.shops.templates import template_at
from migration_lab.teaching.judging import check
from migration_lab.teaching.judging.varied import varied, vary
from tests.teaching.judging.exercise import opened, solve, unmet
from tests.tiny_course import ADD, DROP


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize(("lesson", "scene"), [("08", "language"), ("14", "edited_after_the_release")])
def test_rows_of_more_kinds_are_added_and_none_is_changed(
    lesson: str, scene: str, engine: EngineName, tmp_path: Path
) -> None:
    plain = template_at(course.lesson(lesson), scene, engines.engine(engine))
    rows, schemas = [], []
    for name, template in (("plain", plain), ("varied", varied(plain))):
        folder = tmp_path / name
        folder.mkdir()
        template.engine.clone(template.key, folder)
        url = template.engine.sqlalchemy_url(folder)
        rows.append(query.query(url, "SELECT * FROM users ORDER BY id").rows)
        schemas.append(read_schema(url))
        template.engine.drop(folder)
    before, after = rows
    assert set(before) < set(after)
    assert schemas[0] == schemas[1]
    added = [row for row in after if row not in before]
    assert len(added) >= 8
    ids = [row[0] for row in after]
    assert set(range(ids[0], ids[-1] + 1)) - set(ids), "there are gaps between the ids"
    emails = [row[1] for row in added]
    assert any(each.lower().endswith(".de") for each in emails)
    assert any(each.count(".") > 2 for each in emails)


def test_values_made_for_the_rows_that_are_shown_are_found(root: Path) -> None:
    work = opened()
    known = "'ann@example.com', 'o''neill@example.com', '李雷@例子.中国'"
    solve(work, f'{ADD}\nop.execute("DELETE FROM users WHERE email NOT IN ({known})")', DROP)
    assert "is gone" in unmet(check("01.1", work, only=["sqlite"])).found


def test_the_rows_are_the_same_however_those_of_the_start_are_stored(tmp_path: Path) -> None:
    plain = template_at(course.lesson("08"), "language", engines.engine("postgres"))
    found = []
    for name in ("as_they_came", "turned_round"):
        folder = tmp_path / name
        folder.mkdir()
        plain.engine.clone(plain.key, folder)
        url = plain.engine.sqlalchemy_url(folder)
        if name == "turned_round":
            ids = query.query(url, "SELECT id FROM users ORDER BY id DESC").rows
            query.execute(url, "; ".join(f"UPDATE users SET email = email WHERE id = {id_}" for (id_,) in ids))
            stored = query.query(url, "SELECT id FROM users").rows
            assert stored != query.query(url, "SELECT id FROM users ORDER BY id").rows
        vary(url, ())
        found.append(query.query(url, "SELECT * FROM users ORDER BY id").rows)
        plain.engine.drop(folder)
    assert found[0] == found[1]
