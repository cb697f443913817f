"""Reads the YAML that authors write; a mistake is reported with its file and place, and nothing else."""

import os
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from migration_lab.ground.errors import LabError, shown

Model = TypeVar("Model", bound=BaseModel)
# The loader in C takes a seventh of the time; not every build of PyYAML has it.
_FASTEST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FASTEST):  # type: ignore[valid-type, misc]
    """Refuses a duplicate key; YAML itself would let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} appears twice", problem_mark=key.start_mark)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def read_yaml(path: Path) -> Any:
    """What the file holds.

    Raises:
        LabError: it is not YAML, or a key appears twice.
    """
    return _parsed(path.read_text(encoding="utf-8"), shown(path))


def state_of(path: str | Path) -> tuple[int, int, int]:
    """The same until the file is written again: a cache of what it holds is keyed by it, and by its path."""
    found = os.stat(path)  # noqa: PTH116  # asked often
    return found.st_mtime_ns, found.st_size, found.st_ino


def parse_yaml(text: str, path: Path, line: int = 1) -> Any:
    """What a part of a file holds.

    Args:
        line: the line of the file at which the text begins, from 1.

    Raises:
        LabError: it is not YAML, or a key appears twice.
    """
    return _parsed("\n" * (line - 1) + text, shown(path))


def as_model(model: type[Model], found: Any, path: Path, line: int | None = None) -> Model:
    """The content of a file, with all its fields checked.

    Args:
        line: where in the file it stands, if it is not all of it.

    Raises:
        LabError: a field is missing, unknown or invalid; it names each.
    """
    try:
        return model.model_validate(found)
    except ValidationError as error:
        where = shown(path) if line is None else f"{shown(path)}, line {line}"
        raise _not_right(where, "; ".join(fault(each["loc"], each["msg"]) for each in error.errors())) from error


def fault(place: tuple[int | str, ...], message: str) -> str:
    """One of pydantic's findings; places in a list are counted from 1, as people do."""
    parts = [str(part + 1) if isinstance(part, int) else part for part in place]
    text = message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "there is no such field")
    return f"{' '.join(parts)}: {text}" if parts else text


def _parsed(text: str, name: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _not_right(f"{name}{line}", error.problem or str(error)) from error
    except yaml.YAMLError as error:
        raise _not_right(name, str(error)) from error


def _not_right(where: str, what: str) -> LabError:
    return LabError(f"{where}: {what}.", "Correct the file, then try again.")
