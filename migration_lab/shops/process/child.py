"""Runs in a fresh child process, and turns it into the program that it was started for."""

import atexit
import importlib
import os
import signal
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from migration_lab.shops.process import guard

PROGRAMS = {"flask": "flask.cli:main", "pytest": "pytest:console_main"}


def become(argv: list[str], further: int | None = None) -> NoReturn:
    """Run a program in this process, which already has its folder and environment, as if it had just been started.

    Args:
        argv: the typed words; `argv[0]` is `flask`, `pytest` or `module:function`.
        further: a socket for requests that `loaded` answers from when the app is loaded.
    """
    sys.argv = list(argv)
    # A terminal finds the app from the current folder; a bare `__main__` makes click call the program by argv[0].
    if sys.path[:1] != [cwd := str(Path.cwd())]:  # a process that has loaded the app forks others
        sys.path.insert(0, cwd)
    sys.modules["__main__"] = types.ModuleType("__main__")
    # Files are rewritten within a second here, and bytecode is recognised as stale only by whole seconds.
    sys.dont_write_bytecode = True
    # A parent started in the background may have passed on an ignored Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if guard.VARIABLE in os.environ and guard.installed is None:
        guard.install(os.environ[guard.VARIABLE])
    if further is not None:
        from migration_lab.shops.process import loaded  # which needs what needs this module

        loaded.leave_at_load(further)
    try:
        sys.exit(_function(PROGRAMS.get(argv[0], argv[0]))())
    except SystemExit:
        raise
    except BaseException as error:
        # Show the traceback without this function's own line, through the hook that the program may have set.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt) and os.name == "posix":
            atexit._run_exitfuncs()  # like an interpreter before it ends by the signal
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        sys.exit(1)


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function
