"""Reads revision files whose values are known only by running them.

Alembic's own loader runs a file in a separate process, as for each command of `flask db`.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migration_lab.ground.errors import LabError
from migration_lab.instruments.revisions.files import Found, Settings
from migration_lab.shops import flask_command, process
from migration_lab.shops.process.guard import VARIABLE

LIMIT_SECONDS = 30.0  # for all files of a history together; one takes milliseconds
SEE_MORE = "Correct the file; `flask db history` shows where it fails."


def run_files(settings: Settings, files: Sequence[Found]) -> list[Mapping[str, Any]]:
    """Run files, and return what `literals.read_literals` would read in them.

    Args:
        settings: those of the project that the files are in; they are run in its folder and environment.
        files: which ones, in this order.

    Raises:
        LabError: a file fails, ends the process or takes too long; the message names it.
    """
    env = _environment(settings.folder)
    # A process in a check's copy may write only within the check's own folder.
    within = env["TMPDIR"] if VARIABLE in env else None
    with tempfile.TemporaryDirectory(prefix="lab-", dir=within) as scratch:
        task, answers = Path(scratch, "task.json"), Path(scratch, "answers.jsonl")
        asked = {"ini": str(settings.ini), "script": settings.script, "files": [str(each.path) for each in files]}
        task.write_text(json.dumps(asked), encoding="utf-8")
        answers.touch()
        try:
            ended = process.run(
                ["migration_lab.instruments.revisions.child:main", str(task), str(answers)],
                folder=settings.folder,
                env=env,
                timeout=LIMIT_SECONDS,
            )
        except process.StoppedError as error:
            stopped = files[len(_read(answers))].name
            message = f"{stopped} has to be run to be read, and was stopped after {LIMIT_SECONDS:g} seconds."
            raise LabError(message, error.next_step) from error
        said = _read(answers)
    for file, each in zip(files, said, strict=False):
        if "error" in each:
            raise LabError(f"{file.name} has to be run to be read, and failed: {each['error']}.", SEE_MORE)
    if len(said) < len(files):
        lost = f"{files[len(said)].name} has to be run to be read, and ended its process with {ended.exit_code}."
        raise LabError(lost, SEE_MORE)
    return said


def _environment(folder: Path) -> dict[str, str]:
    try:
        return flask_command.environment(folder)
    except LabError:  # not a shop's folder; running its files takes no database
        return flask_command.neutral_environment()


def _read(answers: Path) -> list[Mapping[str, Any]]:
    """The answers so far; a last one that was cut short is left out."""
    lines = answers.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
