"""Settings, read from the environment."""

import os
from typing import Any

DEFAULT_DATABASE_URL = "sqlite:///shop.db"


def from_environment() -> dict[str, Any]:
    """Flask's settings. A relative SQLite path is a file in the folder `instance/`."""
    return {"SQLALCHEMY_DATABASE_URI": os.environ.get("DATABASE_URL", DEFAULT_DATABASE_URL)}
