"""Runs revisions as a later release would, with other models: revisions must contain everything that they need.

    database = forgetful(self.empty())
    with models_gone(database):
        database.upgrade()

A hook in the copy's `env.py` removes the models after everything is set up, just before the revisions run: no module of
the app still has a class with a table, the metadata has no tables, a module with models has nothing else either, such
as a list of values, and no further one can be imported.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migration_lab.teaching.judging.database import Database

THEIRS = """
with open(__file__ + ".theirs", encoding="utf-8") as theirs:
    exec(compile(theirs.read(), __file__, "exec"))
"""
GONE = "instance/models_gone"  # commands write in this folder, so the app is not loaded again for it
HOOK = f"""
def _forget():
    import os, pathlib, sys
    import sqlalchemy
    from alembic.runtime.migration import MigrationContext

    migrations = pathlib.Path(__file__).parent
    below = (f"{{migrations.parent}}{{os.sep}}", f"{{migrations.parent.resolve()}}{{os.sep}}")
    run = MigrationContext.run_migrations

    def run_migrations(self, **arguments):
        for module in list(sys.modules.values()):
            if (getattr(module, "__file__", None) or "").startswith(below):
                for name, value in list(vars(module).items()):
                    table = getattr(value, "__table__", value) if isinstance(value, type) else value
                    if isinstance(table, sqlalchemy.Table):
                        table.metadata.clear()
                        delattr(module, name)
        for path in migrations.parent.rglob("*.py"):
            name = ".".join(path.relative_to(migrations.parent).with_suffix("").parts)
            if "__tablename__" in path.read_text(encoding="utf-8", errors="replace"):
                if name not in sys.modules:
                    sys.modules[name] = None  # so that it cannot be imported
                    continue
                for each in [each for each in vars(sys.modules[name]) if not each.startswith("__")]:
                    delattr(sys.modules[name], each)
        return run(self, **arguments)

    if (migrations.parent / "{GONE}").exists():
        MigrationContext.run_migrations = run_migrations


_forget()
"""
NEEDS_MODELS = (
    "A revision needs the models as they are today. They will be changed, and it will have to run on new databases "
    "all the same.",
    "Write into the revision what it needs: names as text, and tables with `sa.table(...)`.",
)


def hook(env: Path, code: str) -> Path:
    """Run code before a copy's own `env.py`, which still runs under its own name, so that tracebacks stay correct.

    Returns:
        The new path of the copy's own `env.py`; moving it back undoes this.
    """
    theirs = env.with_name(f"{env.name}.theirs")
    env.rename(theirs)
    env.write_text(code + THEIRS, encoding="utf-8")
    return theirs


def forgetful(copy: Database) -> Database:
    """Prepare a copy to forget its models in a block of `models_gone`. A copy without `env.py` is left unchanged."""
    if (env := copy.folder / "migrations/env.py").is_file():
        hook(env, HOOK)
    return copy


@contextmanager
def models_gone(copy: Database) -> Iterator[None]:
    """During the block, revisions that run in a forgetful copy find no models."""
    gone = copy.folder / GONE
    gone.parent.mkdir(exist_ok=True)
    gone.touch()
    try:
        yield
    finally:
        gone.unlink()
