"""The shop as a live service, and requests that keep arriving while its schema changes."""

from migration_lab.service.live import Response, Service, serve
from migration_lab.service.requests import READS_AND_WRITES, Outcome, Requests

__all__ = ["READS_AND_WRITES", "Outcome", "Requests", "Response", "Service", "serve"]
