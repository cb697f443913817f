"""Values that databases hold and Python has no type for: they arrive as text, instead of as an error.

Postgres knows `infinity`, years before 1 and after 9999, and months in an interval; SQLite keeps any bytes as text.
"""

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

DATES = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")
NOT_IN_DAYS = (b"year", b"mon", b"inf")  # in an interval; Python would count each month as 30 days


def as_text(connection: "Connection") -> None:
    """Let them arrive as text over this connection, from now on."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.text_factory = partial(str, encoding="utf-8", errors="replace")
        return
    for name in DATES:
        driver.adapters.register_loader(name, _loader(name))


@lru_cache
def _loader(name: str) -> Any:
    """The driver's own way of reading a type, and the server's text where that fails."""
    from psycopg import DataError  # only those who use Postgres import its driver
    from psycopg.types import datetime

    usual: Any = getattr(datetime, f"{name.title()}Loader")

    class Loader(usual):  # type: ignore[misc]
        def load(self, data: Any) -> Any:
            text = bytes(data)
            if name == "interval" and any(each in text for each in NOT_IN_DAYS):
                return text.decode()
            try:
                return super().load(data)
            except (DataError, NotImplementedError):
                return text.decode()

    return Loader
