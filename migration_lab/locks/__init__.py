"""Who holds which locks and who waits for whom, while something runs; and sessions that hold some on purpose."""

from migration_lab.locks.seen import Hold, Seen, Wait
from migration_lab.locks.sessions import Held, close_all, holding, idle_reader
from migration_lab.locks.watch import Watch, watch

__all__ = ["Held", "Hold", "Seen", "Wait", "Watch", "close_all", "holding", "idle_reader", "watch"]
