"""SQL as text: cut into tokens, and written so that the same meaning gives the same text.

Case of keywords, white space, comments and quotes around names do not matter; the text of a literal does.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Strings of both engines and quoted names may hold anything; white space and comments have no meaning.
LITERAL = r"""
    (?P<string> \b[eE]'(?:\\.|''|[^'\\])*' | \b[xX]'[^']*' | '(?:[^']|'')*' | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag))
  | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*`)"""
GAP = r"(?P<gap> (?:\s+ | --[^\n]* | /\*.*?(?:\*/|\Z))+)"
SPACED = re.compile(f"{LITERAL} | {GAP}", re.VERBOSE | re.DOTALL)
TOKENS = re.compile(
    rf"""{LITERAL}
  | {GAP}
  | (?P<bracketed> \[[^\]]*\])
  | (?P<number> 0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word> [^\W\d][\w$]*)
  | (?P<symbol> \|\| | ->>? | << | >> | <= | >= | == | != | <> | .)""",
    re.VERBOSE | re.DOTALL,
)
RESERVED_WORDS = """
    ALL ALTER AND AS BETWEEN CASE CHECK COLLATE CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE
    ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN LIMIT NOT NOTHING
    NOTNULL NULL ON OR ORDER PRIMARY REFERENCES SELECT SET TABLE THEN TO UNION UNIQUE UPDATE USING VALUES WHEN WHERE"""
# Keywords that may be names as well.
OTHER_WORDS = """
    ABORT AFTER ALWAYS ASC BEFORE BEGIN BY CAST CONFLICT CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DESC DO
    EACH END FAIL FOR FULL GLOB IGNORE INNER INSTEAD KEY LEFT LIKE MATCH NATURAL NEW OF OFFSET OLD OUTER OVER
    PARTITION RAISE RECURSIVE REGEXP REPLACE RIGHT ROLLBACK ROW ROWS TRIGGER VIEW WITH WITHOUT"""
RESERVED = frozenset(RESERVED_WORDS.split())
KEYWORDS = RESERVED | frozenset(OTHER_WORDS.split())
CALLED = {"CAST", "RAISE"}  # keywords that stand before brackets as functions do


@dataclass(frozen=True)
class Token:
    """A word, a quoted name, a string, a number or a symbol; `text` is as it was written."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """A bare word in capitals, or a symbol; empty for everything else."""
        return self.text.upper() if self.kind in ("word", "symbol") else ""

    @property
    def name(self) -> str:
        """What it names, without quotes."""
        if self.kind in ("name", "string", "bracketed"):
            quote = self.text[-1]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text


def tokens(sql: str) -> list[Token]:
    """The tokens of SQLite's SQL, without white space, comments and semicolons at the end."""
    found = [Token(match.lastgroup or "", match[0]) for match in TOKENS.finditer(sql) if not match["gap"]]
    while found and found[-1].text == ";":
        found.pop()
    return found


def one_line(sql: str) -> str:
    """The text with single spaces, without comments and a final semicolon; literals stay as they are."""
    return SPACED.sub(lambda match: " " if match["gap"] else match[0], sql).strip().rstrip("; ")


def quoted(name: str) -> str:
    """A name in SQL, in quotes only if they are needed."""
    plain = re.fullmatch(r"[A-Za-z_]\w*", name) and name.upper() not in KEYWORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def split(found: Sequence[Token]) -> list[list[Token]]:
    """The parts between commas outside brackets."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for each in found:
        depth += {"(": 1, ")": -1}.get(each.word, 0)
        if each.word == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(each)
    return [part for part in parts if part]


def written(found: Iterable[Token], known: Mapping[str, str], *, fold: bool = True) -> str:
    """Tokens as text, equal for equal meaning.

    Args:
        found: the tokens.
        known: the names of tables and columns as declared, by their lower-case forms.
        fold: write known names as declared, and other words in lower case. Otherwise they stay as they are.
    """
    text, before = "", Token("symbol", "(")
    sign = False  # whether the token before is the sign of a number
    for each in found:
        is_value = before.kind in ("string", "name", "bracketed", "number") or before.word == ")" or _names(before)
        if not (sign or _tight(before, each, known)):
            text += " "
        text += _spelled(each, known, fold)
        sign = each.word in ("-", "+", "~") and not is_value
        before = each
    return text.strip()


def _names(token: Token) -> bool:
    return token.kind == "word" and token.word not in KEYWORDS


def _tight(before: Token, each: Token, known: Mapping[str, str]) -> bool:
    """Whether there is no space between the two."""
    if each.word in (",", ")", ".", ";") or before.word in ("(", "."):
        return True
    function = before.word in CALLED or (_names(before) and before.text.lower() not in known)
    return each.word == "(" and function


def _spelled(token: Token, known: Mapping[str, str], fold: bool) -> str:
    if token.kind in ("name", "bracketed"):
        declared = known.get(token.name.lower())
        same = declared and (fold or declared == token.name)
        return quoted(declared) if declared and same else '"' + token.name.replace('"', '""') + '"'
    if token.kind != "word":
        return {"==": "=", "!=": "<>"}.get(token.text, token.text)
    if token.word in RESERVED:  # without quotes it is no name, whatever is called so
        return token.word
    declared = known.get(token.text.lower())
    if declared and fold:
        return quoted(declared)
    if token.word in KEYWORDS and fold:
        return token.word
    return token.text.lower() if fold else token.text
