"""Work that was moved aside, in `shops/kept/`: a workspace's folder with its database, under the time of the move."""

import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migration_lab.ground import course
from migration_lab.ground.engines import Engine
from migration_lab.ground.engines import engine as engine_named
from migration_lab.ground.errors import LabError
from migration_lab.shops.leases import shops
from migration_lab.shops.origin import Record, read_record
from migration_lab.shops.scenes import write_flaskenv

KEPT_AT_MOST = 5  # of one workspace
STAMP = "[0-9]" * 8 + "-" + "[0-9]" * 6  # the date and time at the end of a kept one's name
MOMENT = re.compile(r"-(\d{8}-\d{6})(?:-\d+)?$")


@dataclass(frozen=True)
class Kept:
    """Kept work: where it is, what it was, and when it was moved aside."""

    folder: Path
    record: Record
    moment: datetime

    @property
    def name(self) -> str:
        """The name by which to restore it."""
        return self.folder.name

    @property
    def engine(self) -> Engine:
        """The engine of its database."""
        return engine_named(self.record.engine)


def keep(folder: Path, engine: Engine) -> Path:
    """Move a folder and its database aside: both, or neither."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    place = shops() / "kept" / f"{folder.name}-{stamp}"
    number = 1
    while place.exists():
        number += 1
        place = place.with_name(f"{folder.name}-{stamp}-{number}")
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
    for folder in sorted((shops() / "kept").glob(f"{name}-{STAMP}*"))[:-KEPT_AT_MOST]:
        engine.drop(folder)
        shutil.rmtree(folder, ignore_errors=True)
        dropped = folder
    return dropped


def all_kept() -> list[Kept]:
    """Everything that can be restored, the newest first."""
    found = []
    for folder in (shops() / "kept").glob("*"):
        record, stamp = read_record(folder), MOMENT.search(folder.name)
        if record and stamp:
            found.append(Kept(folder, record, datetime.strptime(stamp[1], "%Y%m%d-%H%M%S")))
    return sorted(found, key=lambda each: (each.moment, each.name), reverse=True)


def find(asked: str) -> Kept:
    """The kept work of that name; for a lesson (`02`) or an exercise (`02.1`), its newest.

    Raises:
        LabError: there is no such work.
    """
    there = all_kept()
    exact = [each for each in there if each.name == asked]
    if not exact:
        begins = f"exercise-{asked}" if "." in asked else course.lesson(asked).slug
        exact = [each for each in there if each.record.name.startswith(begins)]
    if not exact:
        raise LabError(
            f"No work of {asked} is kept aside.",
            "`lab.restore()` in a cell, or `lab restore` in a terminal, lists what there is.",
        )
    return exact[0]
