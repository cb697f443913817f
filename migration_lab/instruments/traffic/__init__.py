"""Requests at a steady pace, to a shop or straight to a database, and what became of them."""

from migration_lab.instruments.traffic.outcome import Figures, Outcome, figures
from migration_lab.instruments.traffic.plan import ONE_ROW_EACH, READS_AND_WRITES, Request, ids_in, over_http, over_sql
from migration_lab.instruments.traffic.requests import Requests

__all__ = [
    "ONE_ROW_EACH",
    "READS_AND_WRITES",
    "Figures",
    "Outcome",
    "Request",
    "Requests",
    "figures",
    "ids_in",
    "over_http",
    "over_sql",
]
