"""Who holds which locks and who waits for whom, while something runs; and sessions that hold some on purpose."""

from migration_lab.instruments.locks.seen import Hold, Seen, Wait
from migration_lab.instruments.locks.sessions import Held, Open, close_all, holding, idle_reader, open_on
from migration_lab.instruments.locks.watch import Watch, watch

__all__ = ["Held", "Hold", "Open", "Seen", "Wait", "Watch", "close_all", "holding", "idle_reader", "open_on", "watch"]
