"""What lowers a price."""

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from shop.extensions import db


class Coupon(db.Model):
    """A code that a customer types in; with a user, only that one may."""

    __tablename__ = "coupons"
    __table_args__ = (CheckConstraint("percent > 0"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    percent: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
