"""Reads the models of a shop without its env.py, so that its filters and commands have no effect.

`flask db check` compares what the shop's env.py lets it compare. Here the app is loaded in a child process, as for any
command, and Alembic compares its metadata with a database that the caller names.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from migration_lab.shops.flask_command import HasFolder, run_function

SECONDS = 30.0


@dataclass(frozen=True)
class Models:
    """The columns of each table that the models describe, and how the database differs from them, a line each.

    `defaults` are the values that the models themselves write where a program names none, by "users.language".
    `check_said` is what the shop's own check printed about the same database; `broken` are modules of the app that
    cannot be imported, each with the error; `unfit` is the error of any query, if the relationships do not fit. Where
    the app cannot be loaded, `fault` is what it printed, and there is nothing else.
    """

    tables: dict[str, tuple[str, ...]]
    differences: tuple[str, ...] = ()
    check_said: str = ""
    broken: tuple[str, ...] = ()
    unfit: str = ""
    fault: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)


def read_models(shop: HasFolder, url: str) -> Models:
    """Load the shop's app, and compare its models with a database, with and without its env.py. Nothing is changed.

    Raises:
        StoppedError: the app takes longer than `SECONDS` to load.
    """
    mark = secrets.token_hex(8)
    done = run_function(shop, "migration_lab.instruments.models.child:say", mark, url, timeout=SECONDS)
    _, found, after = done.output.partition(f"\n{mark}")
    if not found:
        return Models({}, fault=done.output or f"exit code {done.exit_code}")
    line, _, rest = after.partition("\n")
    check_said, _, last = rest.partition(f"\n{mark}")
    said, at_last = json.loads(line), json.loads(last or '{"broken": [], "unfit": ""}')
    tables = {name: tuple(columns) for name, columns in said["tables"].items()}
    return Models(
        tables,
        tuple(said["differences"]),
        check_said,
        tuple(at_last["broken"]),
        at_last["unfit"],
        defaults=said["defaults"],
    )
