"""Orders: those of a user, one, create, change the status."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify
from sqlalchemy import select

from shop.extensions import db
from shop.models import Order, User
from shop.models.order import CURRENCIES, STATUSES
from shop.routes.payload import as_text, read_choice, read_json, read_optional_text, read_whole_number

blueprint = Blueprint("orders", __name__)


@blueprint.get("/users/<int:user_id>/orders")
def list_orders(user_id: int) -> Response:
    db.get_or_404(User, user_id, description="There is no such user.")
    orders = db.session.scalars(select(Order).where(Order.user_id == user_id).order_by(Order.created_at, Order.id))
    return jsonify([as_dict(order) for order in orders])


@blueprint.get("/orders/<int:order_id>")
def get_order(order_id: int) -> Response:
    return jsonify(as_dict(db.get_or_404(Order, order_id, description="There is no such order.")))


@blueprint.post("/orders")
def create_order() -> tuple[Response, int]:
    body = read_json()
    user = db.session.get(User, read_whole_number(body, "user_id", least=1))
    if user is None:
        abort(400, "user_id must name a user.")
    if not user.is_active:
        abort(409, "This user is not active.")
    order = Order(
        user=user,
        total_cents=read_whole_number(body, "amount_cents", least=0),
        currency=read_choice(body, "currency", CURRENCIES) if "currency" in body else "EUR",
        note=read_optional_text(body, "note", longest=500),
    )
    db.session.add(order)
    db.session.commit()
    return jsonify(as_dict(order)), 200


@blueprint.patch("/orders/<int:order_id>")
def change_status(order_id: int) -> Response:
    order = db.get_or_404(Order, order_id, description="There is no such order.")
    order.status = read_choice(read_json(), "status", STATUSES)
    db.session.commit()
    return jsonify(as_dict(order))


def as_dict(order: Order) -> dict[str, Any]:
    """An order as clients see it. For them its total is still `amount_cents`: the name of a column is not theirs."""
    return {
        "id": order.id,
        "user_id": order.user_id,
        "amount_cents": order.total_cents,
        "currency": order.currency,
        "status": order.status,
        "note": order.note,
        "created_at": as_text(order.created_at),
        "updated_at": as_text(order.updated_at),
    }
