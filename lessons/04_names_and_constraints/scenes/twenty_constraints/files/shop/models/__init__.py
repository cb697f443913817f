"""All tables. A model that is not imported here does not exist for the metadata."""

from shop.models.order import Order
from shop.models.stock import Address, Coupon, OrderLine, Payment, Product
from shop.models.user import User

__all__ = ["Address", "Coupon", "Order", "OrderLine", "Payment", "Product", "User"]
