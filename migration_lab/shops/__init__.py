"""A shop: files, a database, and commands that run in it."""
