"""All tables. A model that is not imported here does not exist for the metadata."""

from shop.models.address import Address
from shop.models.coupon import Coupon
from shop.models.order import Order
from shop.models.user import User

__all__ = ["Address", "Coupon", "Order", "User"]
