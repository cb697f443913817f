"""Users: list, one, create."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shop.extensions import db
from shop.models import User
from shop.routes.payload import read_json, read_text

blueprint = Blueprint("users", __name__, url_prefix="/users")


@blueprint.get("")
def list_users() -> Response:
    return jsonify([as_dict(user) for user in db.session.scalars(select(User).order_by(User.id))])


@blueprint.get("/<int:user_id>")
def get_user(user_id: int) -> Response:
    return jsonify(as_dict(db.get_or_404(User, user_id, description="There is no such user.")))


@blueprint.post("")
def create_user() -> tuple[Response, int]:
    email = read_text(read_json(), "email", longest=255)
    if "@" not in email:
        abort(400, "email must contain an @.")
    user = User(email=email)
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        abort(409, "This email is taken.")
    return jsonify(as_dict(user)), 201


def as_dict(user: User) -> dict[str, Any]:
    """A user as clients see it."""
    return {"id": user.id, "email": user.email}
