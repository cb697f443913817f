"""Commands as CI runs them: a line such as `python -m pytest`, or a script like `ci/gate.sh`, a command on each line.

A real shell would start an interpreter for each command, would not exist on every system, and could leave a check's
folder. So this reads the small part of the shell's language that a gate needs, and refuses the rest.
"""

import itertools
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from migration_lab.ground.errors import LabError, reason
from migration_lab.shops.flask_command import HasFolder, run_flask, run_function, run_pytest

SAME = {
    "python -m flask": "flask",
    "python3 -m flask": "flask",
    "python -m pytest": "pytest",
    "python3 -m pytest": "pytest",
}
SAYS = (":", "echo", "true")  # they do nothing, and succeed
QUICK = ("-x", "--tb=short")  # the first failure is enough; all tracebacks of a broken shop take half a minute
TOOLS = ("check-jsonschema", "squawk")  # programs of the environment that lessons use
DEPTH = 5  # scripts that run scripts
SECONDS = 120.0  # for each command
SYNTAX = re.compile(r"[&|;()<>]+")
REQUIRED = re.compile(r'^: "\$\{(?P<name>\w+):?\?[^"]*\}"$')
SETTING = re.compile(r"^(?:export )?\w+=[\w./:-]*$")
DECIDES = re.compile(r"^(?:export )?(?P<name>DATABASE_URL|PYTEST_\w+)=")  # where a command runs, or with which options


@dataclass(frozen=True)
class Step:
    """A command of a script: its line, its exit code and its output."""

    command: str
    exit_code: int
    output: str


@dataclass(frozen=True)
class Ran:
    """The result of a script: the commands that ran, and its exit code."""

    steps: tuple[Step, ...]
    exit_code: int

    @property
    def failed(self) -> tuple[str, ...]:
        """The commands that failed."""
        return tuple(each.command for each in self.steps if each.exit_code != 0)

    @property
    def output(self) -> str:
        """The output of all commands."""
        return "".join(each.output for each in self.steps)

    def as_text(self) -> str:
        """Each command, marked as passed or failed."""
        lines = [f"{'ok    ' if each.exit_code == 0 else 'FAILED'}  {each.command}" for each in self.steps]
        return "\n".join([*lines, f"exit code {self.exit_code}"])


class ScriptSyntaxError(LabError):
    """A line of a script that is not understood here."""


def run_script(
    workspace: HasFolder,
    text: str,
    *,
    keep_going: bool = False,
    on_output: Callable[[str], None] | None = None,
) -> Ran:
    """Run the commands of a script in a workspace, in order.

    As in a shell, a command that fails ends the script after `set -e`; otherwise the script goes on, and the last
    command alone gives its exit code. `sh FILE` runs the commands of a file.

    Args:
        text: a command on each line: `flask ...`, `python -m pytest ...`, `pytest ...`, `sh FILE`, or one of `TOOLS`.
        keep_going: run every command, whatever `set -e` says, to see which of them fail.
        on_output: called with each piece of text as it is printed.

    Raises:
        ScriptSyntaxError: a line has something else. No command has run then.
        LabError: a command could not be run, or took too long.
    """
    return _Runner(workspace, keep_going, on_output).run(_lines(text))


@dataclass(frozen=True)
class _Runner:
    """Runs the lines of a script; the attributes are the arguments of `run_script`."""

    workspace: HasFolder
    keep_going: bool
    on_output: Callable[[str], None] | None

    def run(self, lines: list[list[str]], depth: int = 1) -> Ran:
        if depth > DEPTH:
            raise LabError("The script runs itself.", "Take the line out that names its own file.")
        steps: list[Step] = []
        exit_code, stops = 0, False
        for words in lines:
            if words[0] == "set":
                stops = _stops(words, stops)
                continue
            if words[0] == "exit":
                exit_code = int(words[1]) if len(words) > 1 else exit_code
                break
            if words[0] in SAYS:
                exit_code = 0
            elif words[0] in ("sh", "bash"):
                inner = self.run(_lines(_read(self.workspace, words)), depth + 1)
                steps += inner.steps
                exit_code = inner.exit_code
            else:
                steps.append(self.step(words))
                exit_code = steps[-1].exit_code
            if exit_code != 0 and stops and not self.keep_going:
                break
        if self.keep_going:
            exit_code = next((each.exit_code for each in steps if each.exit_code != 0), exit_code)
        return Ran(tuple(steps), exit_code)

    def step(self, words: list[str]) -> Step:
        program, args = _program(words)
        if program == "flask":
            done = run_flask(self.workspace, *args, timeout=SECONDS, on_output=self.on_output)
        elif program in TOOLS:
            done = run_function(self.workspace, f"{__name__}:run_tool", *words, timeout=SECONDS)
            if self.on_output is not None:
                self.on_output(done.output)
        else:
            done = run_pytest(self.workspace, *args, *QUICK, timeout=SECONDS, on_output=self.on_output)
        return Step(shlex.join(words), done.exit_code, done.output)


def run_tool() -> int:
    """Turn into a program of the environment: `sys.argv` has its name and its arguments.

    One that is written in Python runs in this process, which is fresh: an interpreter of its own would load
    `check-jsonschema` with a grammar for IRIs, which no workflow has, and take four times as long.
    """
    del sys.argv[0]
    for found in entry_points(group="console_scripts", name=sys.argv[0]):
        import migration_lab.ground.jupyter.lean  # noqa: F401  # before the program's own imports

        return found.load()()  # type: ignore[no-any-return]
    return subprocess.call([str(Path(sysconfig.get_path("scripts"), sys.argv[0])), *sys.argv[1:]])


def _lines(text: str) -> list[list[str]]:
    """The commands of a script as words, without comments and shell settings."""
    return [words for number, line in _joined(text) if (words := _words(number, line))]


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number; a line that ends with a backslash continues in the next."""
    held, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield first, (held + line).strip()
        held = ""
    if held:
        yield first, held.strip()


def _words(number: int, line: str) -> list[str]:
    if decides := DECIDES.match(line):
        raise _fault(number, line, f"it sets `{decides['name']}`, which changes what the commands do")
    if not line or line.startswith("#") or REQUIRED.match(line) or SETTING.match(line):
        return []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as error:
        raise _fault(number, line, "it has a quote that is not closed") from error
    if not words:
        return []
    if any(SYNTAX.fullmatch(each) for each in words):
        raise _fault(number, line, "it joins, hides or redirects commands")
    if any("$" in each or "`" in each for each in words):
        raise _fault(number, line, "it has a variable")
    if words[0] == "set" and "pipefail" in words:
        raise _fault(number, line, "`sh` on Debian and Ubuntu does not know `pipefail`")
    known = words[0] in ("set", *SAYS) or _program(words)[0] in ("flask", "pytest", *TOOLS)
    known |= words[0] in ("sh", "bash") and len(words) == 2
    known |= words[0] == "exit" and all(each.isdigit() for each in words[1:])
    if not known:
        raise _fault(number, line, f"`{words[0]}` is not one of the commands that are known here")
    return words


def _program(words: list[str]) -> tuple[str, list[str]]:
    """The program that a line starts, and its arguments."""
    module = SAME.get(" ".join(words[:3]))
    return (module, words[3:]) if module else (words[0], words[1:])


def _fault(number: int, line: str, why: str) -> ScriptSyntaxError:
    return ScriptSyntaxError(
        f"Line {number} of the script, `{line}`, is not run here: {why}.",
        "Write one command on each line: `flask ...` or `python -m pytest ...`.",
    )


def _stops(words: list[str], now: bool) -> bool:
    """Whether a failure ends the script after this `set`."""
    for before, word in itertools.pairwise(words):
        if word[:1] in "-+" and "e" in word:
            now = word[0] == "-"
        elif word == "errexit":
            now = before == "-o"
    return now


def _read(workspace: HasFolder, words: list[str]) -> str:
    top = workspace.folder.resolve()
    path = (top / words[1]).resolve()
    try:
        if not path.is_relative_to(top):
            raise FileNotFoundError(2, "it leads out of the shop")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise LabError(f"The script `{words[1]}` cannot be read: {why}.", "`shop.files()` lists all files.") from error
