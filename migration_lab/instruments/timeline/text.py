"""Timelines in words and numbers: everything that the picture shows, exactly."""

import re
from collections import Counter
from collections.abc import Sequence

from migration_lab.ground.text_table import text_table
from migration_lab.instruments.timeline.model import Span, Timeline
from migration_lab.instruments.traffic import Figures
from migration_lab.instruments.traffic.outcome import reasons

WORDS = (
    "p50: half of the requests waited no longer. p99: 99 of 100 waited no longer. "
    "Blocked: the time in which at least one session waited for a lock."
)
COLUMNS = (
    *("run", "requests", "failed", "reads: p50", "p99", "worst"),
    *("writes: p50", "p99", "worst", "commands", "blocked"),
)


def rows(timelines: Sequence[Timeline]) -> list[tuple[str, ...]]:
    """A row for each timeline, for the columns of `COLUMNS`."""
    return [
        (
            each.title,
            str(len(each.outcomes)),
            str(each.reads.failed + each.writes.failed),
            *waits(each.reads),
            *waits(each.writes),
            duration(each.working),
            duration(each.blocked_for),
        )
        for each in timelines
    ]


def waits(found: Figures) -> tuple[str, str, str]:
    """Median, 99th percentile and longest; a dash where there were no requests."""
    if not found.count:
        return "-", "-", "-"
    return duration(found.median), duration(found.p99), duration(found.worst)


def as_text(timelines: Sequence[Timeline]) -> str:
    """A table with a row for each timeline, then its events."""
    head, _, *body = text_table(COLUMNS, rows(timelines), numeric=range(1, len(COLUMNS)))
    lines = [head, *body, WORDS]
    for each in timelines:
        events = story(each)
        lines += ["", each.title, *(f"    {line}" for line in events)] if events else []
    return "\n".join(lines)


def story(timeline: Timeline) -> list[str]:
    """The events, a sentence each; seconds count from the first request."""
    events = [(mark.at, f"from now on: {mark.name}") for mark in timeline.phases]
    events += [moment for span in timeline.spans for moment in _of_span(span)]
    events += [
        (begin, f"{name}: its transaction is open for {duration(end - begin)}")
        for name, begin, end in timeline.open_sessions
    ]
    lines = [f"second {at - timeline.began:.2f}: {what}" for at, what in sorted(events, key=lambda each: each[0])]
    sessions = Counter(re.sub(r"^session \d+$", "a session", each.who) for each in timeline.blocked)
    if timeline.blocked:
        first = min(each.begin for each in timeline.blocked) - timeline.began
        who = ", ".join(f"{each} ({_times(count)})" for each, count in sorted(sessions.items()))
        lines.append(
            f"at least one session waited for a lock for {duration(timeline.blocked_for)}, "
            f"first at second {first:.2f}; who waited: {who}"
        )
    lines += [
        f"{count} time{'' if count == 1 else 's'}: {reason}"
        for reason, count in sorted(reasons(timeline.outcomes).items())
    ]
    return lines


def _of_span(span: Span) -> list[tuple[float, str]]:
    ended = "" if not span.exit_code else f" and failed with exit code {span.exit_code}"
    moments = [(span.begin, f"{span.name} took {duration(span.seconds)}{ended}")]
    return moments + [(mark.at, f"revision {mark.name}") for mark in span.marks]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def duration(seconds: float) -> str:
    """A readable time: `7 ms`, `340 ms`, `3.26 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"
