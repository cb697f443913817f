"""A command that people write before they know migrations."""

from shop.extensions import db


def create_all() -> None:
    """Make every table that is missing, as the models say."""
    db.create_all()
