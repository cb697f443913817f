"""Reading what a client sent, and writing what it gets."""

from datetime import UTC, datetime
from typing import Any

from flask import abort, request

MAX_INTEGER = 2**31 - 1


def read_json() -> dict[str, Any]:
    """The body of the request; ends in 400 unless it is a JSON object."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400, "The body must be a JSON object.")
    return body


def read_text(body: dict[str, Any], field: str, longest: int) -> str:
    """A text of 1 to `longest` characters; ends in 400 otherwise."""
    value = body.get(field)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        abort(400, f"{field} must be a text of 1 to {longest} characters.")
    return value


def read_optional_text(body: dict[str, Any], field: str, longest: int) -> str | None:
    """The same, or None where the field is missing or null."""
    return None if body.get(field) is None else read_text(body, field, longest)


def read_whole_number(body: dict[str, Any], field: str, least: int) -> int:
    """A whole number from `least` up to what the column holds; ends in 400 otherwise."""
    value = body.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_INTEGER:
        abort(400, f"{field} must be a whole number from {least} to {MAX_INTEGER}.")
    return value


def read_choice(body: dict[str, Any], field: str, choices: tuple[str, ...]) -> str:
    """One of the choices; ends in 400 otherwise."""
    value = body.get(field)
    if value not in choices:
        abort(400, f"{field} must be one of {', '.join(choices)}.")
    return str(value)


def read_yes_or_no(body: dict[str, Any], field: str) -> bool:
    """True or false; ends in 400 otherwise."""
    value = body.get(field)
    if not isinstance(value, bool):
        abort(400, f"{field} must be true or false.")
    return value


def as_text(moment: datetime | None) -> str | None:
    """A moment in ISO 8601 and UTC. SQLite keeps no time zone; what it gives back is UTC already."""
    if moment is None:
        return None
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)).isoformat()
