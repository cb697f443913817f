"""Makes notebooks from lessons, and has the tools for authors. Only the command line imports it, on demand."""
