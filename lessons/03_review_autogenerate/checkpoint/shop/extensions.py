"""Flask extensions, made here and bound to the app in the factory, so that models can import them."""

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """The base of all models."""


db = SQLAlchemy(model_class=Base)
migrate = Migrate(db=db)
