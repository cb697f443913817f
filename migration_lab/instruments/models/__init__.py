"""The models of a shop, read without its env.py."""

from migration_lab.instruments.models.reading import Models, read_models

__all__ = ["Models", "read_models"]
