"""What the script in a step's `run:` does: which commands count, and what they and later steps get in the environment.

With the shells that GitHub knows, the first command that fails ends it. Only scripts that stay simple are read.
"""

import re
import shlex
from string import Template
from typing import Any

# What may end the script early, let it go on after a failure, or keep the lines that follow from running.
HIDES = re.compile(r"(?:^|[;&|])\s*(?:set\s.*\+|(?:trap|exit|exec|cd|eval|if|for|while|until|case)\b|[({])|\(\)|<<")
GOES_ON = re.compile(r"\\\n|(\|\||&&|\|)[ \t]*\n")  # at the end of a line
ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# Output that goes to a file. Of a copy, the command's exit code counts if the shell has `pipefail`.
WRITTEN = re.compile(r" >>? ?[^\s;&|<>]+(?: 2>&1)?$")
COPIED = re.compile(r"(?: 2>&1)? \|&? tee(?: -a)? [^\s;&|<>]+$")
PIPEFAIL = re.compile(r"set -(?:\w*o|\w+ -o) pipefail")
TO_GITHUB = re.compile(r"""\s*>>\s*"?\$\{?GITHUB_ENV\}?"?\s*$""")


def calls(step: dict[str, Any], command: re.Pattern[str], shell: str = "") -> list[dict[str, str]]:
    """The calls of a command whose failure ends the step, each with the environment that the script gives it.

    Args:
        step: as YAML gives it.
        command: how it may be written; a line with anything else in it is not a call.
        shell: as the step or what is around it names it. GitHub gives `bash` the option `pipefail`; without a name, it
            runs bash without that.
    """
    found: list[dict[str, str]] = []
    exported: dict[str, str] = {}
    pipefail = shell == "bash"
    for line in _lines(step):
        words = _words(line)
        words = words[words[:1] == ["env"] :]
        if words[:1] == ["export"]:
            exported |= _assigned(words[1:], exported)
            continue
        own = _assigned(words, exported)
        said = WRITTEN.sub("", " ".join(words[len(own) :]))
        pipefail |= shell != "sh" and bool(PIPEFAIL.fullmatch(said))
        if command.fullmatch(COPIED.sub("", said) if pipefail else said):
            found.append(exported | own)
        elif words == ["<<"] or HIDES.search(line):
            break
    return found


def handed_on(steps: list[dict[str, Any]]) -> dict[str, str]:
    """What some steps write to GITHUB_ENV, with `echo`, for those that follow."""
    found: dict[str, str] = {}
    for line in (line for step in steps for line in _lines(step) if TO_GITHUB.search(line)):
        words = _words(TO_GITHUB.sub("", line))
        if words[:1] == ["echo"]:
            found |= _assigned([" ".join(words[1:])], found)
    return found


def _lines(step: dict[str, Any]) -> list[str]:
    return GOES_ON.sub(r"\1 ", str(step.get("run", ""))).splitlines()


def _words(line: str) -> list[str]:
    """A line's words, as the shell takes them apart; `<<` for one with a text in quotes that goes on in the next."""
    whole = re.sub(r"\$\{\{\s*([^}]*?)\s*\}\}", r"${{\1}}", line)  # an expression has blanks, and is one word
    try:
        return shlex.split(whole, comments=True)
    except ValueError:
        return ["<<"]


def _assigned(words: list[str], known: dict[str, str]) -> dict[str, str]:
    """The assignments with which words begin; a variable in a value is filled in if it is known."""
    found: dict[str, str] = {}
    for word in words:
        if not (assigned := ASSIGNED.fullmatch(word)):
            break
        found[assigned[1]] = Template(assigned[2]).safe_substitute(known)
    return found
