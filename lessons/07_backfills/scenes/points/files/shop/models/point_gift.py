"""Points that support has given away."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from shop.extensions import db


class PointGift(db.Model):
    """Points for a user, beside those for orders. Whoever gives them adds them to `users.points` as well."""

    __tablename__ = "point_gifts"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    points: Mapped[int]
