"""What was ordered."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, Enum, FetchedValue, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.extensions import db

if TYPE_CHECKING:
    from shop.models.user import User

STATUSES = ("pending", "paid", "shipped", "cancelled")
CURRENCIES = ("EUR", "GBP", "USD")


def now() -> datetime:
    return datetime.now(UTC)


class Order(db.Model):
    """One order of a user; its total is in cents of its currency, its status one of `STATUSES`."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total_cents >= 0", name="total_cents_not_negative"),
        Index("ix_orders_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    total_cents: Mapped[int]
    currency: Mapped[str | None] = mapped_column(String(3), default="EUR")
    status: Mapped[str] = mapped_column(
        # On Postgres a type, elsewhere a check.
        Enum(*STATUSES, name="order_status", create_constraint=True, length=20),
        default="pending",
    )
    channel: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    # A trigger writes it; null until the first change.
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), server_onupdate=FetchedValue())

    user: Mapped["User"] = relationship(back_populates="orders")
