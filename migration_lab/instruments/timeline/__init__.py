"""What happened while the schema changed: requests, commands and waits for locks, as a picture and as text."""

from migration_lab.instruments.timeline.model import Blocked, Mark, Span, Timeline, spanning
from migration_lab.instruments.timeline.picture import as_svg
from migration_lab.instruments.timeline.recording import Recording
from migration_lab.instruments.timeline.text import as_text

__all__ = ["Blocked", "Mark", "Recording", "Span", "Timeline", "as_svg", "as_text", "spanning"]
