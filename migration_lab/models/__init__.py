"""What the models of a shop say, read without its env.py: no filter and no command of the shop has a say in it.

`flask db check` compares what the shop's env.py lets it compare. Here the app is loaded in a child process, as for any
command, and Alembic compares its metadata with a database that is named from outside.
"""

import json
import secrets
from dataclasses import dataclass

from migration_lab.flask_command import HasFolder, run_function

SECONDS = 10.0


@dataclass(frozen=True)
class Models:
    """The columns of each table that the models describe, and how the database differs from them, a line each.

    Where the app cannot be loaded, `fault` is what it printed, and there is nothing else.
    """

    tables: dict[str, tuple[str, ...]]
    differences: tuple[str, ...] = ()
    fault: str = ""


def read_models(shop: HasFolder, url: str) -> Models:
    """Load the shop's app and compare its models with a database. Nothing is changed in either.

    Raises:
        StoppedError: the app takes longer than `SECONDS` to load.
    """
    mark = secrets.token_hex(8)
    done = run_function(shop, "migration_lab.models.child:say", mark, url, timeout=SECONDS)
    for line in done.output.splitlines():
        if line.startswith(mark):
            said = json.loads(line.removeprefix(mark))
            return Models({name: tuple(columns) for name, columns in said["tables"].items()}, tuple(said["differences"]))
    return Models({}, fault=done.output or f"exit code {done.exit_code}")
