"""Which files Alembic reads as revisions: the settings in `alembic.ini`, and the files that they select.

Alembic's `Config` reads the settings. Its `ScriptDirectory` would also change the import path and run each file that it
finds, so the files are listed here.
"""

import configparser
import os
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from alembic.config import Config
from alembic.util.exc import CommandError

from migration_lab.ground.errors import LabError

FLASK_MIGRATE = "migrations"  # Flask-Migrate's default folder
REVISION_FILE = re.compile(r"(?!\.\#|__init__)(.*\.py)$")  # Alembic's own
COMPILED_FILE = re.compile(r"(?!\.\#|__init__)(.*\.py)(c|o)$")


@dataclass(frozen=True)
class Found:
    """A file to read. `name` is its path in the folder of versions if there is one such folder, else in the project.

    `path` has no symbolic links: a link counts as its target.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Settings:
    """Where a project has its revision files.

    `ini` is the path of its `alembic.ini`, which may not exist. `script` overrides `script_location` in it.
    """

    folder: Path
    ini: Path
    script: str | None
    locations: tuple[Path, ...]
    recursive: bool
    sourceless: bool


def read_settings(folder: Path) -> Settings:
    """The settings that Flask-Migrate, or else Alembic, would use in this folder.

    Args:
        folder: where `flask db` or `alembic` would be run; it holds `migrations/` or an `alembic.ini`.

    Raises:
        LabError: there are no migrations here, or `alembic.ini` cannot be read.
    """
    folder = folder.absolute()
    plain = folder / "alembic.ini"
    flask = folder / FLASK_MIGRATE / "alembic.ini"
    if plain.is_file() and not flask.is_file():
        return _settings(folder, plain, None)
    if not flask.parent.is_dir():
        raise LabError("There is no folder migrations/versions here yet.", "Run `flask db init` first.")
    return _settings(folder, flask, FLASK_MIGRATE)


def list_files(settings: Settings) -> tuple[Found, ...]:
    """The revision files of a project, in Alembic's order.

    Raises:
        LabError: a link leads to itself; or `sourceless` is set, and the source of a revision is missing.
    """
    found: dict[Path, Found] = {}
    for location in settings.locations:
        base = location if len(settings.locations) == 1 else settings.folder
        for listed in _files(settings, location):
            path = _real(listed)
            if REVISION_FILE.match(path.name) and path not in found:
                name = listed.relative_to(base) if listed.is_relative_to(base) else listed
                found[path] = Found(name.as_posix(), path)
    return tuple(found.values())


def make_config(ini: Path, script: str | None) -> Config:
    """Alembic's reader of settings, created like in Flask-Migrate or Alembic."""
    config = Config(str(ini))
    if script is not None:
        config.set_main_option("script_location", script)
    return config


def _settings(folder: Path, ini: Path, script: str | None) -> Settings:
    name = ini.relative_to(folder).as_posix()
    try:
        with warnings.catch_warnings():  # warnings about outdated settings are not relevant here
            warnings.simplefilter("ignore")
            config = make_config(ini, script)
            home = config.get_alembic_option("script_location")
            listed = config.get_version_locations_list()
            prepended = config.get_prepend_sys_paths_list() or []
            recursive = config.get_alembic_boolean_option("recursive_version_locations")
            sourceless = config.get_alembic_boolean_option("sourceless")
    except (configparser.Error, CommandError, ValueError, OSError) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise LabError(f"{name} cannot be read: {said}.", "Correct the file.") from error
    if home is None:
        raise LabError(f"{name} has no `script_location`.", "Write the folder of the migrations in it.")
    import_path = [str(folder), *(str(folder / each) for each in prepended), *sys.path]
    script_folder = _located(folder, home, name, import_path)
    if not script_folder.is_dir():
        raise LabError(f"There is no folder {home}, which {name} names.", "Correct its `script_location`.")
    locations = [_located(folder, each, name, import_path) for each in listed or ()]
    return Settings(folder, ini, script, tuple(locations) or (script_folder / "versions",), recursive, sourceless)


def _located(folder: Path, location: str, ini: str, import_path: list[str]) -> Path:
    """A folder that a setting names: by its path, or as `package:folder`, which Alembic would import to find it."""
    if ":" not in location or Path(location).is_absolute():
        return folder / location
    package, *below = location.split(":")
    PathFinder.invalidate_caches()
    where: list[str] | None = import_path
    for part in package.split("."):
        spec = PathFinder.find_spec(part, where)
        where = list(spec.submodule_search_locations or ()) if spec else []
    if not where:
        raise LabError(f"{ini} names {location}, and there is no package {package}.", "Correct the file.")
    return Path(where[0], *below)


def _files(settings: Settings, location: Path) -> Iterator[Path]:
    """All files of a folder, and with `recursive_version_locations` of those below it."""
    for root, folders, names in os.walk(location):
        if not Path(root).name.endswith("__pycache__"):
            yield from (Path(root, name) for name in sorted(names))
            if settings.sourceless:
                _refuse_compiled(Path(root), names)
            if not settings.recursive:
                return
            folders.sort()


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # until Python 3.13 a circle of links is a RuntimeError
        raise LabError(f"{path.name} is a link that leads to itself.", "Correct or delete it.") from error


def _refuse_compiled(folder: Path, names: list[str]) -> None:
    """Raise LabError for a revision that with `sourceless` Alembic would read from bytecode alone."""
    sources = {name.partition(".")[0] for name in names if REVISION_FILE.match(name) or name.startswith("__init__")}
    for path in sorted((*folder.glob("*.py[co]"), *folder.glob("__pycache__/*.py[co]"))):
        if COMPILED_FILE.match(path.name) and path.name.partition(".")[0] not in sources:
            raise LabError(
                f"{path.name} is a compiled revision without its source, which cannot be shown.",
                "Bring its `.py` file back, or delete it and take `sourceless` out of alembic.ini.",
            )
