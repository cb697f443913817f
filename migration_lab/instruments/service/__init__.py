"""The shop as a live service on this machine."""

from migration_lab.instruments.service.live import Response, Service, serve

__all__ = ["Response", "Service", "serve"]
