"""Reports, each from a view of the database."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import column, select, table

from shop.extensions import db

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

# A view is no model: the metadata would take it for a table.
monthly_report = table("monthly_report", column("month"), column("currency"), column("orders"), column("amount_cents"))


@blueprint.get("/monthly")
def show_monthly_report() -> Response:
    months = db.session.execute(select(monthly_report).order_by(monthly_report.c.month, monthly_report.c.currency))
    return jsonify([dict(each._mapping) for each in months])
