"""The tiny course's exercise: solved as a learner does, and judged as a test wants."""

from pathlib import Path

from migration_lab.ground import engines
from migration_lab.ground.course import EngineName
from migration_lab.shops import workspace
from migration_lab.shops.identity import Workspace
from migration_lab.teaching.judging import Finding, Verdict
from tests import tiny_course
from tests.tiny_course import ADD, DROP, revision

CHECKS = f"{tiny_course.FOLDER}/checks.py"


def opened(engine: EngineName = "sqlite") -> Workspace:
    return workspace.open_exercise("01.1", engines.engine(engine)).workspace


def solve(work: Workspace, up: str = ADD, down: str = DROP) -> None:
    """Write the model's line and a revision, as a learner does."""
    model = work.folder / "shop.py"
    line = "    nickname: Mapped[str | None] = mapped_column(String(40))\n"
    if line not in model.read_text():
        model.write_text(model.read_text() + line)
    (work.folder / "migrations/versions/0002_add_users_nickname.py").write_text(revision(up, down), encoding="utf-8")


def judge_with(root: Path, body: str, base: str = "FilesJudge", more: str = "last = ()") -> None:
    """Replace the exercise's judge by one with the expectation `mine`; `body` is indented Python."""
    (root / CHECKS).write_text(
        f"from migration_lab.teaching.judging import *\n\n\nclass Mine({base}):\n"
        f'    exercise = "01.1"\n    stub_fails = "mine"\n    {more}\n\n'
        f'    def mine(self):\n        """it is so"""\n{body}\n',
        encoding="utf-8",
    )


def unmet(verdict: Verdict) -> Finding:
    finding = verdict.engines[0].unmet
    assert finding is not None
    return finding


def leftovers(root: Path) -> list[Path]:
    return list((root.parent / "state" / "trials").glob("*"))
