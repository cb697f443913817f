"""What was paid back."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from shop.extensions import db


class Refund(db.Model):
    """Money that went back for an order, in cents. The bookkeeping job reads this table every night."""

    __tablename__ = "refunds"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    amount_cents: Mapped[int]
    reason: Mapped[str] = mapped_column(String(80))
