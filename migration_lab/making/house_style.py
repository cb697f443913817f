"""Refuses words that the house style never uses. docs/contributing.md has the style; these are its certain cases."""

import re
from collections.abc import Iterator, Mapping

# Each a pattern, and what to write instead.
ALWAYS = {
    r"anew": "again",
    r"mend(?:s|ed|ing)?": "fix, repair",
    r"heal(?:s|ed|ing)?": "fix, repair",
    r"of before": "previous",
    r"(?:can|could|to|not) be had": "available",
    r"(?<!there )is none": "is not one, does not exist",
    r"in vain": "without effect",
    r"to its end": "until it ends",
    r"(?:its|their) like": "and similar",
    r"seldom": "rarely",
}
# In a lesson these can be people; in code and docs they are programs.
OF_PROGRAMS = {r"whoever": "the program's name", r"as whom": "which user"}

WORD = r"(?<![\w*-])(?:{})(?![\w*-])"  # whole words: no ids such as 14-mend-the-index, and not those that *are named*


def style_faults(file: str, text: str, words: Mapping[str, str] = ALWAYS) -> Iterator[str]:
    """Every refused word in a file's prose and code, as sentences.

    Args:
        file: its path, for the faults.
        words: patterns of whole words, each with plainer ones.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, plainer in words.items():
            for found in re.finditer(WORD.format(pattern), line, re.IGNORECASE):
                if found[0] != "is None":
                    yield f"{file}, line {number}: “{found[0]}” is against the house style; plainer: {plainer}."
