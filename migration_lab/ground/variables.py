"""The environment variables that code of learners gets from the lab's own environment.

Commands, scripts, tests, live services, git and the Postgres server run code that learners write. A variable that
is not listed here does not reach them: a shell may hold tokens, and much in it could lead a command to another app or
another database. The kernel and the terminals of JupyterLab are not restricted: they are the learner's own.
"""

import os

NEEDED = frozenset(
    (
        *("HOME", "LOGNAME", "PATH", "SHELL", "TEMP", "TMP", "TMPDIR", "TZ", "USER"),
        *("CONDA_PREFIX", "EDITOR", "VIRTUAL_ENV", "VISUAL"),
        *("PYTHONHASHSEED", "PYTHONHOME", "PYTHONPATH"),
        # Windows; a Python without SYSTEMROOT does not start there
        *("APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "PROGRAMFILES"),
        *("SYSTEMDRIVE", "SYSTEMROOT", "USERPROFILE", "WINDIR"),
        # where the lab's own files are
        *("LAB_CACHE", "LAB_COURSE", "LAB_STATE", "LAB_WORK", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
    )
)
NEEDED_ALL = ("DYLD_", "LD_", "NIX_LD")  # where the system looks for libraries
OF_A_SESSION = ("PG", "KRB5")
NEVER_OF_A_SESSION = frozenset(
    ("PGDATABASE", "PGHOST", "PGHOSTADDR", "PGOPTIONS", "PGPORT", "PGSERVICE", "PGSERVICEFILE", "PGUSER")
)


def needed(*, connects: bool = False) -> dict[str, str]:
    """The variables of this process that code of learners may see.

    Args:
        connects: whether it connects to Postgres. On the server of LAB_POSTGRES_URL it then gets the variables that
            say how, such as PGPASSWORD, but none that lead to another database. The course's own server needs none
            of them, and a PGPASSWORD would be tried before its own.
    """
    connects = connects and bool(os.environ.get("LAB_POSTGRES_URL"))
    return {name: value for name, value in os.environ.items() if _is_needed(name, connects)}


def _is_needed(name: str, connects: bool) -> bool:
    if name.startswith(OF_A_SESSION):
        return connects and name not in NEVER_OF_A_SESSION
    return name in NEEDED or name.startswith(NEEDED_ALL)
