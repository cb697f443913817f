"""Waiting until something can be read."""

import os
import threading
from math import inf

import pytest

from migration_lab.shops.process.readable import wait_readable


@pytest.mark.parametrize("seconds", [None, inf, 1e12, 60])
def test_a_wait_ends_when_something_comes(seconds: float | None) -> None:
    read_end, write_end = os.pipe()
    later = threading.Timer(0.05, os.write, (write_end, b"said"))
    later.start()
    assert wait_readable(read_end, seconds)
    later.join()
    os.close(write_end)
    os.read(read_end, 4)
    assert wait_readable(read_end, seconds)  # the end
    os.close(read_end)


@pytest.mark.parametrize("seconds", [-1, 0, 0.01])
def test_a_wait_ends_after_its_time(seconds: float) -> None:
    read_end, write_end = os.pipe()
    assert not wait_readable(read_end, seconds)
    os.close(read_end)
    os.close(write_end)
