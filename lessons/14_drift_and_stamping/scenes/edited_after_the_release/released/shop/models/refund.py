"""What a user gets back."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from shop.extensions import db


class Refund(db.Model):
    """An amount of an order that is paid back, in cents of the order's currency."""

    __tablename__ = "refunds"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    amount_cents: Mapped[int]
    reason: Mapped[str | None] = mapped_column(String(200))
