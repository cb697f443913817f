"""What a process beside this one says last is known, and that it was stopped is no trouble."""

import threading

from migration_lab.shops.companion import Companion

PATIENCE = 30  # seconds


def test_the_last_words_of_one_that_cannot_start_are_heard() -> None:
    ended, words = threading.Event(), []

    def on_end(said: str | None) -> None:
        words.append(said)
        ended.set()

    companion = Companion("migration_lab.nowhere", words.append, on_end)
    companion.tell({"what": "it does not read"})
    assert ended.wait(PATIENCE)
    companion.stop(0)
    (last,) = words
    assert str(last).endswith("No module named migration_lab.nowhere")


def test_one_that_is_stopped_has_no_last_words() -> None:
    words: list[object] = []
    companion = Companion("migration_lab.instruments.locks.child", words.append, words.append)
    companion.stop(PATIENCE)
    assert words == [None]
    assert companion.process.returncode == 0, "it did not go by itself"


def test_all_that_it_has_said_is_heard_before_the_stop_returns() -> None:
    """Also on a machine on which this process gets no turn for a while."""
    came, turn, heard = threading.Event(), threading.Event(), []

    def on_said(said: object) -> None:
        came.set()
        turn.wait(PATIENCE)
        heard.append(said)

    companion = Companion("migration_lab.instruments.locks.child", on_said, heard.append)
    companion.tell({"engine": "sqlite", "file": "/nowhere", "every": 60})
    assert came.wait(PATIENCE)
    threading.Timer(3, turn.set).start()
    companion.stop(PATIENCE)
    assert len(heard) == 2
    assert heard[-1] is None
