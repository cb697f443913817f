"""The mail service."""

import os

import models
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

__all__ = ["create_app", "models"]

db = SQLAlchemy()
migrate = Migrate()


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    db.init_app(app)
    migrate.init_app(app, db)
    return app
