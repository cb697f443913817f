"""The JSON interface: one blueprint per resource, and one shape for every error."""

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from shop.routes import coupons, health, orders, reports, users


def register(app: Flask) -> None:
    """Give the app its routes and its error handler."""
    for module in (coupons, health, orders, reports, users):
        app.register_blueprint(module.blueprint)
    app.register_error_handler(HTTPException, as_json)


def as_json(error: HTTPException) -> tuple[Response, int]:
    """Say every HTTP error as `{"error": "..."}` with its status code."""
    return jsonify(error=error.description), error.code or 500
