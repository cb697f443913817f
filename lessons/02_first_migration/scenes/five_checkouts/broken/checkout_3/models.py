"""What the mail service keeps."""

from service import db
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class Letter(db.Model):
    __tablename__ = "letters"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(80))
