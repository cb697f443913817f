"""The field guide: what an error of Flask-Migrate, Alembic or the database means, and what to do about it."""

from migration_lab.teaching.explain.cards import Card, card, explain, guide, not_known

__all__ = ["Card", "card", "explain", "guide", "not_known"]
