"""Instruments that look at a database, a history of revisions, a live service."""
