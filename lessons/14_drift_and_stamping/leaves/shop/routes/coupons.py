"""Coupons: one."""

from flask import Blueprint, Response, jsonify

from shop.extensions import db
from shop.models import Coupon

blueprint = Blueprint("coupons", __name__, url_prefix="/coupons")


@blueprint.get("/<code>")
def get_coupon(code: str) -> Response:
    coupon = db.get_or_404(Coupon, code, description="There is no such coupon.")
    return jsonify(code=coupon.code, percent_off=coupon.percent_off)
