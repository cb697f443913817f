"""Pasted text, cleaned of what a terminal, a log or a web page put around and between its words."""

import html
import re
from dataclasses import dataclass
from functools import cached_property

from migration_lab.teaching.explain.translations import in_english

# Longer texts are read at both ends: the cause is at the beginning, the last error at the end.
LONGEST_TEXT = 120_000
LONGEST_LINE = 40_000
WIDEST = range(60, 201)  # a terminal's width, at which it breaks words

LONG_WORD = re.compile(r"(\S{400})\S+")  # base64, a minified file: no message has such words
COLOUR = re.compile(
    r"(?:\x1b|\\x1b|\\u001b|\\033|\^\[)\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\n]{0,200}\x07|\[(?:\d{1,3};)*\d{1,3}m"
)
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")
BREAK = re.compile(r"\\r?\\n|\\n(?![a-z])|(?<=[.:,\]\\)])\\n")  # a line break as JSON or repr() writes it
JSON = re.compile(r'^.{0,200}\{\s*"\w+"\s*:.*\}\s*$', re.MULTILINE)  # a log that writes objects
QUOTES = re.compile("\\\\*[\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u300c\u300d\u00b4]+")
DASHES = re.compile("[\u2010-\u2014]")
BOX = re.compile("[\u2500-\u257f]+")

TIME = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?"
ZONE = r"(?:\s?(?:Z|UTC|GMT|CET|[+-]\d\d:?\d\d)\b)?"
PREFIX = re.compile(
    rf"""\s*(?:
      \d{{4}}[-/.]\d\d[-/.]\d\d[T\s]{TIME}{ZONE}[,:]?        # 2026-03-02T07:11:09.123Z
    | \[\d{{4}}[-/.]\d\d[-/.]\d\d[T\s]{TIME}{ZONE}\]
    | \d\d/[A-Z][a-z]{{2}}/\d{{4}}[:\s]{TIME}{ZONE}
    | \[?{TIME}{ZONE}\]?(?=\s)
    | [A-Z][a-z]{{2}}\s{{1,2}}\d{{1,2}}\s{TIME}\s[\w.-]{{1,80}}\s(?=[\w.@/-]{{1,80}}(?:\[\d+\])?:)  # and a host
    | [A-Z][a-z]{{2}}\s{{1,2}}\d{{1,2}}\s{TIME}(?=\s)
    | [a-z][\w.@/-]{{0,80}}\[[\w.-]{{1,40}}\]:                 # app[release.1]:  flask[812]:
    | [A-Za-z][\w.@/-]{{0,80}}\s{{0,40}}\|(?=\s|$)             # db-migrate-1  |
    | \[(?:pod/)?[\w.-]{{1,80}}(?:/[\w.-]{{1,80}}){{1,3}}\]    # [pod/box-1/app]
    | \[(?:\d{{1,7}}|MainThread|[a-z_-]{{1,40}}-?\d*)\](?=\s)  # [812]  [web-1]
    | std(?:out|err)\s[FP](?=\s)                               # as Kubernetes stores it
    | [IWEF]\d{{4}}\s{TIME}\s+\d+\s[\w.]+:\d+\]
    | \#\d{{1,3}}\s(?:\d+\.\d+\s)?                             # a step of docker build
    | \#\#\[\w+\]
    | [>|](?=\s|$)                                             # quoted in a mail, or beside an exception group
    | E(?=\s{{2,}})                                            # pytest
    )\s?""",
    re.VERBOSE,
)
# What a program that reads pictures makes of words: I or 1 of an l, 0 of an o. A few words show that it did.
FROM_A_PICTURE = re.compile(
    "sq[I1]a|a[I1]embic|f[I1]ask|[Rr]e[I1]ation|co[I1]umn|a[I1]ready|tab[I1]e|va[I1]ue|[Ff]ai[I1]ed|[Ff]i[I1]e"
    "|[Mm]odu[I1]e|vio[I1]ates|[Mm]u[I1]tip[I1]e|[Dd]up[I1]icate|[Cc]ou[I1]d|[Pp][I1]ease"
)
MISREAD = re.compile(r"(?<=[a-z])(?:[I1|]+|(?P<o>0))(?=[a-z])")
COMMAND = re.compile(
    r"^(?:\([\w./ -]{1,60}\)\s*)?(?:[^\s$#%>][^$#%>\n]{0,120})?(?:[$#%>\u276f\u279c]|PS [^>\n]{1,120}>)\s*"
    r"(?P<command>(?:[A-Z_]+=\S+ |sudo |poetry run |uv run |pipenv run |python3? -m "
    r"|docker[ -]compose (?:run|exec) [^\n]{1,60}? )*"
    r"(?:%?flask|alembic|python3?|pytest|lab|celery|gunicorn|docker|kubectl|heroku|airflow|pip3?|uv|conda|jupyter|git|npm|psql|manage\.py)\b.*)$"
)


@dataclass(frozen=True)
class Reading:
    """A text as its program printed it: its `lines`, and whether the middle of a long one `was_cut`."""

    lines: tuple[str, ...]
    was_cut: bool = False

    @cached_property
    def flat(self) -> str:
        """Everything in one line and without quotes, so that nothing depends on how it was wrapped or retyped."""
        return flatten(" ".join(self.lines))

    @cached_property
    def rejoined(self) -> str:
        """The same, with words joined that a terminal broke at its edge; equal to `flat` if no line is that long."""
        width = max(map(len, self.lines), default=0)
        if width not in WIDEST:
            return self.flat
        return flatten("".join(line if len(line) == width else line + " " for line in self.lines))

    def last_command(self) -> "Reading":
        """The output after the last prompt, if the text has prompts and something follows the last one."""
        starts = [number for number, line in enumerate(self.lines) if COMMAND.match(line)]
        for start in reversed(starts):
            if any(line.strip() for line in self.lines[start + 1 :]):
                return Reading(self.lines[start:], self.was_cut)
        return self


def read(text: str) -> Reading:
    """The text without colours, log prefixes and boxes."""
    was_cut = len(text) > LONGEST_TEXT
    if was_cut:
        text = text[: LONGEST_TEXT // 3] + "\n" + text[-LONGEST_TEXT * 2 // 3 :]
    text = LONG_WORD.sub(r"\1 ", text)
    text = INVISIBLE.sub("", COLOUR.sub("", html.unescape(text).replace("\r", "\n").replace("\xa0", " ")))
    if FROM_A_PICTURE.search(text):
        text = MISREAD.sub(lambda found: "o" if found["o"] else "l" * len(found[0]), text)
    text = DASHES.sub("-", BREAK.sub("\n", JSON.sub(_unescaped, text)))
    lines = (_line(line[:LONGEST_LINE]) for line in text.split("\n"))
    return Reading(tuple(line for line in lines if line.strip()), was_cut)


def _unescaped(found: re.Match[str]) -> str:
    """A line of JSON with its line breaks."""
    return found[0].replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')


def flatten(text: str) -> str:
    """The text in one line, without quotes and in English."""
    return in_english(" ".join(QUOTES.sub("", text).split()))


def _line(line: str) -> str:
    """One line without what a log writes before it and a box around it."""
    line = BOX.sub(" ", line).rstrip()
    for _ in range(6):  # prefixes stand one behind the other
        found = PREFIX.match(line)
        if not found:
            break
        line = line[found.end() :]
    return line
