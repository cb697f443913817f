"""Whether the service and its database answer, and which revision the database has."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from shop.extensions import db

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> tuple[Response, int]:
    try:
        revision = database_revision()
    except DBAPIError:
        return jsonify(status="no database", database_revision=None), 503
    return jsonify(status="ok", database_revision=revision), 200


def database_revision() -> str | None:
    """The revision that the database says it has; None before the first migration."""
    if not inspect(db.engine).has_table("alembic_version"):
        return None
    revisions = db.session.scalars(text("SELECT version_num FROM alembic_version ORDER BY version_num"))
    return ", ".join(revisions) or None
