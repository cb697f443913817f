"""A short run of `python -m tests.accidents`, and a test that it finds faults."""

import time
from pathlib import Path

import pytest

from migration_lab.ground import course
from tests.accidents import session as sessions
from tests.accidents.session import Session, left_running

RAW = 'File "/course/migration_lab/shops/workspace.py", line 3, in open\nOperationalError: the server is gone'


@pytest.mark.usefixtures("own_state", "home")
def test_a_session_of_accidents_leaves_nobody_stuck_and_nothing_running() -> None:
    began = time.time()
    session = Session(course.lesson("01"), seed=5, steps=8)
    session.play()
    assert not session.findings, (session.happened, session.findings)
    assert left_running(began) == []


def test_an_error_from_inside_the_course_is_a_finding_and_a_sentence_is_none() -> None:
    session = Session(course.lesson("01"), 0, steps=0)
    session._judge(4, "LabError", RAW)
    session._judge(5, "CommandFailed", RAW)
    session._judge(6, "IndexError", "Cell In[3], line 1\nIndexError: list index out of range")  # the cell's own
    assert session.findings == []
    session._judge(7, "OperationalError", RAW)
    assert "cell 7" in session.findings[0]


def test_a_cell_that_cannot_be_stopped_is_a_finding(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(course.lesson("01"), 0, steps=0)
    kernel = session.kernel = sessions.Kernel()
    try:
        deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
        with monkeypatch.context() as patch:
            patch.setattr(sessions, "STOP_LIMIT", 1.0)
            assert kernel.run(deaf, stop_after=5) == ("Hangs", "")  # by then it is deaf
            session._judge(4, "Hangs", "")
        assert session.findings == ["cell 4 does not end, not by Stop either"]
        session.happened.append("stop (cell 5)")
        session._judge(5, "Hangs", "")  # the kernel answers, so only the answer was lost
        assert len(session.findings) == 1
        assert session.happened == ["stop (cell 5) without an answer"]
        assert kernel.run("1 / 0")[0] == "ZeroDivisionError"
    finally:
        kernel.stop()
