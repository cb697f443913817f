"""Where parcels go."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.extensions import db

if TYPE_CHECKING:
    from shop.models.user import User


class Address(db.Model):
    """An address of a user."""

    __tablename__ = "addresses"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    city: Mapped[str] = mapped_column(String(80))

    user: Mapped["User"] = relationship(back_populates="addresses")
