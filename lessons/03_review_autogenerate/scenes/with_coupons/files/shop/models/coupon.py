"""What lowers a price."""

import enum
from typing import Any

from sqlalchemy import JSON, Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from shop.extensions import db


class CouponKind(enum.Enum):
    """How a coupon lowers it."""

    amount = "amount"
    percent = "percent"


class Coupon(db.Model):
    """A code that a customer types in."""

    __tablename__ = "coupons"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20))
    kind: Mapped[CouponKind] = mapped_column(Enum(CouponKind, name="coupon_kind"))
    note: Mapped[str] = mapped_column(String(80), server_default="")
    rules: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
