"""Users: list, one, create, log in, deactivate, delete."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Response, abort, jsonify
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shop.extensions import db
from shop.models import User
from shop.routes.payload import as_text, read_json, read_optional_text, read_text, read_yes_or_no

blueprint = Blueprint("users", __name__, url_prefix="/users")


@blueprint.get("")
def list_users() -> Response:
    return jsonify([as_dict(user) for user in db.session.scalars(select(User).order_by(User.id))])


@blueprint.get("/<int:user_id>")
def get_user(user_id: int) -> Response:
    return jsonify(as_dict(db.get_or_404(User, user_id, description="There is no such user.")))


@blueprint.post("")
def create_user() -> tuple[Response, int]:
    body = read_json()
    email = read_text(body, "email", longest=255)
    if "@" not in email:
        abort(400, "email must contain an @.")
    user = User(email=email, timezone=read_timezone(body))
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        abort(409, "This email is taken.")
    return jsonify(as_dict(user)), 201


@blueprint.post("/<int:user_id>/logins")
def record_login(user_id: int) -> Response:
    user = db.get_or_404(User, user_id, description="There is no such user.")
    user.last_login_at = datetime.now(UTC)
    db.session.commit()
    return jsonify(as_dict(user))


@blueprint.patch("/<int:user_id>")
def change_user(user_id: int) -> Response:
    user = db.get_or_404(User, user_id, description="There is no such user.")
    user.is_active = read_yes_or_no(read_json(), "is_active")
    db.session.commit()
    return jsonify(as_dict(user))


@blueprint.delete("/<int:user_id>")
def delete_user(user_id: int) -> tuple[str, int]:
    """The user's orders go with the user: ON DELETE CASCADE."""
    db.session.delete(db.get_or_404(User, user_id, description="There is no such user."))
    db.session.commit()
    return "", 204


def read_timezone(body: dict[str, Any]) -> str:
    """The name of a time zone, `Europe/Rome` for instance; ends in 400 for any other text."""
    name = read_optional_text(body, "timezone", longest=64) or "UTC"
    if name not in available_timezones():
        abort(400, "timezone must be the name of a time zone.")
    return name


def as_dict(user: User) -> dict[str, Any]:
    """A user as clients see it."""
    return {
        "id": user.id,
        "email": user.email,
        "timezone": user.timezone,
        "is_active": user.is_active,
        "last_login_at": as_text(user.last_login_at),
    }
