"""All tables. A model that is not imported here does not exist for the metadata."""

from shop.models.order import Order
from shop.models.point_gift import PointGift
from shop.models.user import User

__all__ = ["Order", "PointGift", "User"]
