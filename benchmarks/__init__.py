"""How fast the course is, measured: `python -m benchmarks` rewrites the tables in benchmarks/README.md."""
