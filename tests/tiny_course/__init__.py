"""A course of one small lesson with one exercise, all of it right; a test takes a copy, and may spoil any of that."""

import shutil
from importlib.util import find_spec
from pathlib import Path

FOLDER = "lessons/01_tiny"
ANSWERS = f"{FOLDER}/answers/01.1.md"
ADD = 'op.add_column("users", sa.Column("nickname", sa.String(40)))'
DROP = 'op.drop_column("users", "nickname")'


def make(root: Path) -> Path:
    """Copy the course into a folder, with the files that `flask db init` writes."""
    for name in ("lessons", "sample_app"):
        shutil.copytree(Path(__file__).with_name(name), root / name, ignore=shutil.ignore_patterns("__pycache__"))
    flask_migrate = find_spec("flask_migrate")
    assert flask_migrate, "the course depends on it"
    environment = Path(str(flask_migrate.origin)).parent / "templates" / "flask"
    migrations = root / "lessons/00_before/leaves/migrations"
    shutil.copyfile(environment / "alembic.ini.mako", migrations / "alembic.ini")
    for name in ("env.py", "script.py.mako"):
        shutil.copyfile(environment / name, migrations / name)
    return root


def revision(up: str, down: str) -> str:
    """A text for revision 0002; `up` and `down` are one line of Python each, or several joined by newlines."""
    text = (
        '"""add users.nickname"""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        'revision = "0002"\ndown_revision = "0001"\n\n\n'
    )
    return text + "\n\n\n".join(
        f"def {name}():\n" + "\n".join(f"    {line}" for line in lines.splitlines())
        for name, lines in (("upgrade", up), ("downgrade", down))
    )
