"""All tables. A model that is not imported here does not exist for the metadata."""

from shop.models.email_change import EmailChange
from shop.models.order import Order
from shop.models.user import User

__all__ = ["EmailChange", "Order", "User"]
