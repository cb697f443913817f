"""Commands in a fresh process: the same as in a terminal, and quick to start."""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from migration_lab.ground.errors import LabError
from migration_lab.shops import process
from migration_lab.shops.flask_command import environment
from migration_lab.shops.process import Completed, child, forkserver, run
from tests.shops.process.commands import REVISION, flask, forkservers, more

# ------------------------------------------------------------------------------------- the same as in a terminal


def _nothing(folder: Path) -> None: ...


def _models(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "shop.py"
        path.write_text(path.read_text() + text)

    return change


def _revision(text: str) -> Callable[[Path], None]:
    return lambda folder: void(more(folder, text))


def void(_: object) -> None: ...


COMMANDS = {
    "current": (_nothing, "db current"),
    "upgrade": (_nothing, "db upgrade"),
    "upgrade as SQL": (_nothing, "db upgrade --sql"),
    "upgrade to nowhere": (_nothing, "db upgrade 9999"),
    "show": (_nothing, "db show 0002"),
    "check before upgrade": (_nothing, "db check"),
    "stamp": (_nothing, "db stamp 0001"),
    "help": (_nothing, "--help"),
    "routes": (_nothing, "routes"),
    "no such command": (_nothing, "nope"),
    "missing argument": (_nothing, "db stamp"),
    "a shell without input": (_nothing, "shell"),
    "no migrations folder": (lambda folder: shutil.rmtree(folder / "migrations"), "db upgrade"),
    "no app": (lambda folder: (folder / "shop.py").unlink(), "db upgrade"),
    "syntax error in models": (_models("\nclass\n"), "db upgrade"),
    "import error in models": (_models("\nimport nowhere\n"), "db upgrade"),
    "error in models": (_models("\n1 / 0\n"), "db upgrade"),
    "exit in models": (_models("\nraise SystemExit(7)\n"), "db upgrade"),
    "print and warn in models": (
        _models("\nimport sys, warnings\nprint('out')\nprint('err', file=sys.stderr)\nwarnings.warn('careful')\n"),
        "db current",
    ),
    "syntax error in a revision": (_revision("op.execute("), "db upgrade"),
    "error in a revision": (_revision("raise ValueError('no')"), "db upgrade"),
    "SQL error in a revision": (_revision("from alembic import op\nop.execute('SELEC 1')"), "db upgrade"),
    "exit with a number": (_revision("raise SystemExit(3)"), "db upgrade"),
    "exit with a text": (_revision("raise SystemExit('because')"), "db upgrade"),
    "exit with nothing": (_revision("raise SystemExit"), "db upgrade"),
    "exit at once": (_revision("import os\nos._exit(9)"), "db upgrade"),
    "killed": (_revision("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), "db upgrade"),
    "terminated": (_revision("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)"), "db upgrade"),
    "Ctrl-C": (_revision("raise KeyboardInterrupt"), "db upgrade"),
    "at exit": (_revision("import atexit\natexit.register(print, 'late')"), "db upgrade"),
    "a thread that outlives": (
        _revision("import threading\nthreading.Timer(0.2, print, ['late']).start()"),
        "db upgrade",
    ),
    "log": (_revision("import logging\nlogging.warning('root')\nlogging.getLogger('a').info('quiet')"), "db upgrade"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_and_ends_as_in_a_terminal(name: str, shop: Path, tmp_path: Path) -> None:
    change, typed = COMMANDS[name]
    change(shop)
    other = tmp_path / "same" / "shop"
    shutil.copytree(shop, other)
    found = flask(shop, *typed.split())
    program = Path(sys.executable).with_name("flask")
    expected = subprocess.run(
        [program, *typed.split()],
        cwd=other,
        env=environment(other) | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert found.exit_code == expected.returncode
    differences = list(difflib.ndiff(_plain(expected.stdout, other), _plain(found.output, shop)))
    assert not [line for line in differences if line[0] in "+-"], "\n".join(differences)


def _plain(text: str, folder: Path) -> list[str]:
    """Without the folder, and without the traceback's first frame: the file that a terminal starts `flask` from."""
    text = re.sub(r'  File "[^"]*/bin/flask", line \d+, in <module>\n.*\n(?: +\^+\n)?', "", text)
    return text.replace(str(folder), "FOLDER").splitlines()


def test_an_uncaught_error_prints_the_whole_traceback_and_no_line_of_ours(shop: Path, either_way: str) -> None:
    more(shop, "raise ValueError('no')")
    completed = flask(shop, "db", "upgrade")
    assert completed.exit_code == 1
    assert completed.output.rstrip().endswith("ValueError: no")
    assert REVISION in completed.output
    assert "migration_lab" not in completed.output


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [("raise SystemExit(3)", 3), ("import os\nos._exit(9)", 9), ("import os\nos.kill(os.getpid(), 9)", -9)],
)
def test_exit_codes(text: str, exit_code: int, shop: Path, either_way: str) -> None:
    more(shop, text)
    assert flask(shop, "db", "upgrade").exit_code == exit_code


THREAD = "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), print('the end'))).start()"


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [
        ("raise SystemExit('the end')", 1),
        ("import atexit\natexit.register(print, 'the end')\nraise SystemExit(3)", 3),
        (f"{THREAD}\nraise SystemExit(3)", 3),
        ("import sys\nsys.stdout = open(1, 'w', buffering=9999)\nprint('the end')", 0),
    ],
    ids=["said at the end", "to do at the end", "a thread that still runs", "text that still waits"],
)
def test_what_is_left_to_do_at_the_end_is_done(text: str, exit_code: int, shop: Path, either_way: str) -> None:
    more(shop, text)
    completed = flask(shop, "db", "upgrade")
    assert completed.exit_code == exit_code
    assert completed.output.endswith("the end\n")


def test_output_and_errors_come_in_the_order_in_which_they_were_written(shop: Path, either_way: str) -> None:
    more(shop, "import sys\nfor n in range(50):\n    print(n, file=(sys.stdout, sys.stderr)[n % 2])")
    lines = flask(shop, "db", "upgrade").output.splitlines()
    assert [line for line in lines if line.isdigit()] == [str(n) for n in range(50)]


def test_output_is_handed_on_while_the_command_runs(shop: Path, either_way: str) -> None:
    more(shop, "import os, time\nprint('now')\nwhile not os.path.exists('seen'):\n    time.sleep(0.01)")

    def take(text: str) -> None:
        if "now" in text:
            (shop / "seen").touch()

    assert flask(shop, "db", "upgrade", on_output=take).exit_code == 0


def test_output_that_is_not_text_is_shown_all_the_same(shop: Path, either_way: str) -> None:
    more(shop, r"import os" + "\n" + r"os.write(1, b'\xff caf\xc3\xa9\n')")
    assert "\ufffd café\n" in flask(shop, "db", "upgrade").output


def test_a_rewritten_module_is_read_afresh_each_time(shop: Path, either_way: str) -> None:
    seen = []
    for word in ("one", "two", "six"):  # same length, same second
        more(shop, f"print('{word}')\nraise SystemExit")
        seen.append(flask(shop, "db", "upgrade").output.split()[-1])
    assert seen == ["one", "two", "six"]


def test_a_process_shares_nothing_with_its_caller(shop: Path, either_way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY_HERE", "1")
    monkeypatch.setattr(sys, "path", [*sys.path, "/only/here"])
    env = environment(shop) | {"ONLY_THERE": "2"}
    (shop / "ask.py").write_text(
        "import json, os, sys, logging\n"
        "def answer():\n"
        "    found = {'env': dict(os.environ), 'path': sys.path, 'cwd': os.getcwd(), 'argv': sys.argv[0],\n"
        "            'handlers': logging.root.handlers, 'modules': list(sys.modules), 'input': sys.stdin.read(),\n"
        "            'terminal': os.isatty(1), 'group': os.getpgrp() == os.getpid()}\n"
        "    found['handlers'] = len(found['handlers'])\n"
        "    print(json.dumps(found))\n"
    )
    found = json.loads(run(["ask:answer"], folder=shop, env=env).output)
    assert "ONLY_HERE" not in found["env"]
    assert found["env"]["ONLY_THERE"] == "2"
    assert found["path"][0] == found["cwd"] == str(shop)
    assert "/only/here" not in found["path"]
    assert found["handlers"] == 0
    # `pytest` may be there: the forkserver imports it when the first tests of a shop run.
    assert not {"shop", "IPython", "migration_lab.ground.course"} & set(found["modules"])
    assert (found["input"], found["terminal"], found["group"]) == ("", False, True)


@pytest.mark.skipif(not forkserver.is_possible(), reason="this system has no forkserver")
def test_the_forkserver_imports_pytest_when_the_tests_of_a_shop_run(shop: Path) -> None:
    (shop / "ask.py").write_text("import sys\ndef answer():\n    print('pytest' in sys.modules)\n")
    assert "pytest" in run(["pytest", "--version"], folder=shop, env=environment(shop)).output
    assert run(["ask:answer"], folder=shop, env=environment(shop)).output == "True\n"


def test_nothing_that_a_command_left_is_unpickled() -> None:
    for module in (process, child, forkserver):
        assert "pickle" not in Path(str(module.__file__)).read_text(), "a learner's code could run in the caller"


def test_the_callers_main_module_is_not_run_again(shop: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom migration_lab.shops.process import run\n"
        "print('main runs')\n"
        "env = dict(os.environ, FLASK_APP='shop', DATABASE_URL='sqlite://')\n"
        f"print(run(['flask', 'db', 'heads'], folder=Path({str(shop)!r}), env=env).output)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["main", "runs", "0002", "(head)"]


def test_a_callers_folder_that_was_deleted_does_not_matter(shop: Path, tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        f"os.mkdir({str(tmp_path / 'gone')!r}); os.chdir({str(tmp_path / 'gone')!r}); os.rmdir(os.getcwd())\n"
        "from migration_lab.shops.process import run\n"
        "env = dict(os.environ, FLASK_APP='shop', DATABASE_URL='sqlite://')\n"
        f"print(run(['flask', 'db', 'heads'], folder=Path({str(shop)!r}), env=env).output)\n"
    )
    for way in ("1", "0"):
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | {"LAB_FORKSERVER": way}
        )
        assert done.stdout.split() == ["0002", "(head)"], done.stderr


def test_a_folder_that_is_gone_is_said(shop: Path, either_way: str) -> None:
    env = environment(shop)
    shutil.rmtree(shop)
    with pytest.raises(LabError, match="not there any more"):
        run(["flask", "db", "heads"], folder=shop, env=env)


def test_several_threads_may_run_commands_at_once(shop: Path) -> None:
    found: list[Completed] = []
    threads = [threading.Thread(target=lambda: found.append(flask(shop, "db", "heads"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.output for each in found] == ["0002 (head)\n"] * 6


# -------------------------------------------------------------------------------------------------------------- speed


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say what a process's children took")
def test_the_forkserver_saves_most_of_the_time(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor's time: how long it takes depends on what else the machine does."""
    flask(shop, "db", "upgrade")

    def seconds(parent: psutil.Process, times: int) -> float:
        before = parent.cpu_times()
        for _ in range(times):
            assert flask(shop, "db", "current").exit_code == 0
        after = parent.cpu_times()
        return (after.children_user + after.children_system - before.children_user - before.children_system) / times

    (forkserver,) = forkservers()
    forked = seconds(forkserver, 10)
    monkeypatch.setenv("LAB_FORKSERVER", "0")
    spawned = seconds(psutil.Process(), 2)
    assert spawned > 4 * forked > 0  # about twenty times
