"""Lines that a judge runs within a shop's app."""

from pathlib import Path

from migration_lab.ground import course, engines
from migration_lab.shops import workspace
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.program import run_program


def test_lines_run_within_the_app(home: Path) -> None:
    copy = Database(workspace.open_lesson(course.lesson("06"), engines.engine("sqlite")).workspace, "the copy")
    users = copy.sql("SELECT count(*) FROM users").scalar
    done = run_program(
        copy, "for user in db.session.query(User).limit(1):", "    print(db.session.query(User).count())"
    )
    assert (done.exit_code, done.output.strip()) == (0, str(users))
    assert run_program(copy, "raise SystemExit(3)").exit_code == 3
    copy.engine.drop(copy.folder)
