"""A slow cell says so, and what it is doing; the message disappears at the end."""

import re
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from IPython.core.interactiveshell import InteractiveShell

from migration_lab.notebook import running_note

LIMIT = 60  # seconds; never a pause
RUNNING = r"Running for \d+ s\."


class Shown:
    """Stands in for what a cell shows: what it holds at the moment, and an event for each change."""

    def __init__(self) -> None:
        self.now: Any = None
        self.all: list[str] = []
        self.changed = threading.Condition()

    def publish(self, *, data: dict[str, str], **_: object) -> None:
        with self.changed:
            self.now = data
            self.all.append(data["text/plain"])
            self.changed.notify_all()

    def wait_for(self, words: str) -> None:
        """Wait until it has shown what this pattern describes; how many seconds it says is the machine's affair."""
        with self.changed:
            assert self.changed.wait_for(lambda: re.search(words, "".join(self.all)), LIMIT), self.all


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """A cell's output, with a first sentence almost at once."""
    found = Shown()

    shell = SimpleNamespace(display_pub=found)
    monkeypatch.setattr(InteractiveShell, "instance", lambda: shell)
    monkeypatch.setattr(running_note, "AFTER", 0.01)
    monkeypatch.setattr(running_note, "EVERY", 0.01)
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    yield found
    running_note.end()


def test_a_cell_that_takes_long_says_so_and_what_it_does(shown: Shown) -> None:
    running_note.begin()
    shown.wait_for(RUNNING)
    running_note.say("trying Postgres")
    shown.wait_for(f"{RUNNING} Now: trying Postgres")
    running_note.end()
    assert shown.now == {"text/plain": ""}


def test_a_cell_whose_output_is_captured_says_so_too(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    running_note.begin()
    monkeypatch.setattr(InteractiveShell.instance(), "display_pub", None)  # as `%%capture` does
    shown.wait_for(RUNNING)


def test_commands_are_counted_in_each_cell(shown: Shown) -> None:
    for _ in range(2):
        running_note.begin()
        with running_note.command("flask db check"):
            pass
        with running_note.command("flask db check"):
            shown.wait_for(r"Now: `flask db check` \(command 2 of this cell\)")
        running_note.end()
    assert not [each for each in shown.all if "command 3" in each]


def test_the_cell_that_imports_the_lab_is_watched_and_says_what_it_makes(shown: Shown) -> None:
    """It is the first one of each lesson, and makes the shop."""
    shell = Mock()
    heard: dict[str, Any] = {}
    shell.events.register.side_effect = heard.__setitem__
    running_note.register(shell)
    shown.wait_for(RUNNING)
    with running_note.saying("making the shop"):
        shown.wait_for("Now: making the shop")
    heard["post_run_cell"](None)
    assert shown.now == {"text/plain": ""}


def test_a_cell_that_is_quick_says_nothing(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_note, "AFTER", LIMIT)
    running_note.begin()
    running_note.end()
    assert shown.all == []


def test_where_nobody_looks_on_nothing_is_said(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    before = threading.active_count()
    running_note.begin()
    assert threading.active_count() <= before
    running_note.say("trying Postgres")
    with running_note.command("flask db check"):
        pass
    running_note.end()
    assert shown.all == []
