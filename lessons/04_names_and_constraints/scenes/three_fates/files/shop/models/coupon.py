"""What lowers a price."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.extensions import db

if TYPE_CHECKING:
    from shop.models.user import User


class Coupon(db.Model):
    """A code that a customer types in; with a user, only that one may."""

    __tablename__ = "coupons"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    percent: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    user: Mapped["User | None"] = relationship(back_populates="coupons")
