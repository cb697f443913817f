"""What was ordered."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.extensions import db

if TYPE_CHECKING:
    from shop.models.user import User

STATUSES = ("pending", "paid", "shipped", "cancelled")


def now() -> datetime:
    return datetime.now(UTC)


class Order(db.Model):
    """One order of a user; its amount is in cents, its status one of `STATUSES`."""

    __tablename__ = "orders"
    __table_args__ = (CheckConstraint("amount_cents >= 0", name="amount_cents_not_negative"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    amount_cents: Mapped[int]
    status: Mapped[str] = mapped_column(String(40), default="pending")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)

    user: Mapped["User"] = relationship(back_populates="orders")
