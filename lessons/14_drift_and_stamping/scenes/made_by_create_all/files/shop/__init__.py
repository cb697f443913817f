"""The shop: users place orders."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from shop import commands, models, routes
from shop.config import from_environment
from shop.extensions import db, migrate

__all__ = ["create_app", "models"]


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the service.

    Args:
        config: settings that take the place of the ones from the environment, as tests need it.
    """
    app = Flask(__name__)
    app.config.from_mapping(from_environment() if config is None else config)
    db.init_app(app)
    migrate.init_app(app)
    routes.register(app)
    app.cli.command("create-all")(commands.create_all)
    return app
