"""The mail service."""

import os

import models
from extensions import db, migrate
from flask import Flask

__all__ = ["create_app", "models"]


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    db.init_app(app)
    migrate.init_app(app, db)
    return app
