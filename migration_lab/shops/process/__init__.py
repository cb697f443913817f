"""A program in a fresh process, with limits on its time, its output and its memory."""

from migration_lab.shops.process.program import Child, Completed, LostError, StoppedError, run, start, until, warm_up

__all__ = ["Child", "Completed", "LostError", "StoppedError", "run", "start", "until", "warm_up"]
