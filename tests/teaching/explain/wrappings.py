"""What terminals, logs and people do to an error before it is read."""

from collections.abc import Callable
from textwrap import wrap

from migration_lab.teaching.explain.reading import COLOUR

Wrapping = Callable[[str], str]


def before(prefix: str) -> Wrapping:
    """A log that writes something before each line."""
    return lambda text: "\n".join(prefix + line for line in text.splitlines())


def _boxed(text: str) -> str:
    inner = [part for line in text.splitlines() for part in (wrap(line, 70) or [""])]
    return "╭" + "─" * 72 + "╮\n" + "\n".join(f"│ {part:<70} │" for part in inner) + "\n╰" + "─" * 72 + "╯"


def _broken_in_words(text: str) -> str:
    return "\n".join(line[at : at + 80] for line in text.splitlines() for at in range(0, len(line) or 1, 80))


def _coloured(text: str) -> str:
    return "\n".join(f"\x1b[1;31m{line[:9]}\x1b[0m{line[9:]}" for line in text.splitlines())


def _typographic(text: str) -> str:
    return text.replace('"', "\u201d").replace("'", "\u2019")


def _json(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '{"level": "error", "ts": "2026-03-02T07:11:09Z", "msg": "' + escaped + '"}'


def _with_a_consequence(text: str) -> str:
    return text + (
        "\n\nDuring handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/lib/python3.11/site-packages/flask_migrate/cli.py", line 150, in upgrade\n    run(steps)\n'
        "DeployFailed: step 3 of 5 failed"
    )


WRAPPINGS: dict[str, Wrapping] = {
    "as it is": lambda text: text,
    "Compose": before("db-migrate-1  | "),
    "Compose with times": before("db-migrate-1  | 2026-03-02T07:11:09Z "),
    "Heroku": before("2026-03-02T07:11:09.123456+00:00 app[release.1]: "),
    "GitHub Actions": before("2026-03-02T07:11:09.1234567Z "),
    "Kubernetes": before("[pod/depot-migrate-x7k2p/app] "),
    "CRI": before("2026-03-02T07:11:09.123456789Z stderr F "),
    "journald": before("Mar 02 07:11:09 depot-1 flask[812]: "),
    "docker build": before("#12 3.456 "),
    "quoted in a mail": before("> "),
    "beside an exception group": before("  | "),
    "pytest": before("E   "),
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "rich": _boxed,
    "a narrow terminal": _broken_in_words,
    "colours": _coloured,
    "typographic quotes": _typographic,
    "backticks": lambda text: text.replace("'", "`").replace('"', "`"),
    "the other quotes": lambda text: text.translate(str.maketrans("'\"", "\"'")),
    "a web page": lambda text: (
        text.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;").replace("<", "&lt;")
    ),
    "JSON": _json,
    "one line": lambda text: " ".join(text.split()),
    "with a consequence": _with_a_consequence,
    "cut at the bottom": lambda text: text + '\n  File "/srv/lib/python3.11/site-packages/sqlalc',
    "a prompt before it": lambda text: "(.venv) ann@box:~/depot$ flask db upgrade\n" + text,
}
assert COLOUR.sub("", _coloured("abc")) == "abc"
