"""Work that was moved aside, in `shops/kept/`: a workspace's folder with its database, under the time of the move."""

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migration_lab.ground.engines import Engine
from migration_lab.ground.engines import engine as engine_named
from migration_lab.ground.errors import LabError
from migration_lab.shops.identity import KEPT_AT, Identity, kept_from, kept_names, parse, read_record
from migration_lab.shops.leases import shops
from migration_lab.shops.scenes import write_flaskenv

KEPT_AT_MOST = 5  # of one workspace


@dataclass(frozen=True)
class Kept:
    """Kept work: where it is, what it was, and when it was moved aside."""

    folder: Path
    identity: Identity
    moment: datetime

    @property
    def name(self) -> str:
        """The name by which to restore it."""
        return self.folder.name

    @property
    def engine(self) -> Engine:
        """The engine of its database."""
        return engine_named(self.identity.engine)


def keep(folder: Path, engine: Engine) -> Path:
    """Move a folder and its database aside: both, or neither."""
    places = (shops() / "kept" / name for name in kept_names(folder.name, time.strftime(KEPT_AT)))
    place = next(each for each in places if not each.exists())
    place.parent.mkdir(exist_ok=True)
    move(folder, place, engine)
    return place


def move(folder: Path, to: Path, engine: Engine) -> None:
    """Move a folder and its database to a free place: both, or neither."""
    folder.rename(to)
    try:
        engine.move(folder, to)
        write_flaskenv(to, engine)
    except BaseException:
        # Otherwise the moved work would keep using the database that the next workspace here gets.
        to.rename(folder)
        with suppress(LabError):  # without a server there was no database to rename
            engine.move(to, folder)
        raise


def drop_oldest(name: str, engine: Engine) -> Path | None:
    """Remove a workspace's oldest kept work beyond the limit; return the last one removed."""
    dropped = None
    kept = [(was, folder) for folder in (shops() / "kept").iterdir() if (was := kept_from(folder.name))]
    for _, folder in sorted(each for each in kept if each[0][0] == name)[:-KEPT_AT_MOST]:
        engine.drop(folder)
        shutil.rmtree(folder, ignore_errors=True)
        dropped = folder
    return dropped


def all_kept() -> list[Kept]:
    """Everything that can be restored, the newest first."""
    found = []
    for folder in (shops() / "kept").glob("*"):
        record, was = read_record(folder), kept_from(folder.name)
        if record and was:
            found.append(Kept(folder, record.identity, was[1]))
    return sorted(found, key=lambda each: (each.moment, each.name), reverse=True)


def find(asked: str) -> Kept:
    """The kept work of that name; for a lesson (`02`) or an exercise (`02.1`), its newest.

    Raises:
        LabError: there is no such work.
    """
    there = all_kept()
    found = [each for each in there if each.name == asked]
    if not found:
        lesson, exercise_id = parse(asked)
        wanted = lesson.slug, exercise_id
        found = [each for each in there if (each.identity.lesson, each.identity.exercise) == wanted]
    if not found:
        raise LabError(
            f"No work of {asked} is kept aside.",
            "`lab.restore()` in a cell, or `lab restore` in a terminal, lists what there is.",
        )
    return found[0]
