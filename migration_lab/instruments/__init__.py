"""What looks at a database, at a history of revisions, at a live service."""
