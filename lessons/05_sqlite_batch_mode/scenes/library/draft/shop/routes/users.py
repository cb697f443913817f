"""Users: list, one, create, log in, delete."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shop.extensions import db
from shop.models import User
from shop.routes.payload import as_text, read_json, read_optional_text, read_text

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
    email = read_text(body, "email", longest=320)
    if "@" not in email:
        abort(400, "email must contain an @.")
    user = User(email=email, display_name=read_optional_text(body, "display_name", longest=80))
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


@blueprint.delete("/<int:user_id>")
def delete_user(user_id: int) -> tuple[str, int]:
    """The user's orders go with the user: ON DELETE CASCADE."""
    db.session.delete(db.get_or_404(User, user_id, description="There is no such user."))
    db.session.commit()
    return "", 204


def as_dict(user: User) -> dict[str, Any]:
    """A user as clients see it."""
    return {
        "id": user.id,
        "email": user.email,
        "display_name": user.display_name,
        "last_login_at": as_text(user.last_login_at),
    }
