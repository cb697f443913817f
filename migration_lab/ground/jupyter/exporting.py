"""Notebooks as HTML pages: how nbconvert, and so JupyterLab's *Export as HTML*, shows the course's outputs.

JupyterLab asks to have the page sanitized. nbconvert then escapes all but 17 tags, so that a reader sees `<p>` and
`<table>` as text, in the outputs and in the prose. `jupyter/jupyter_config.json` names the replacement.
"""

import re
import sys
from pathlib import Path
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer

# What JupyterLab itself keeps of a notebook that is not trusted, as far as it is of use in a page, and pictures.
# fmt: off
TAGS = frozenset({
    "a", "abbr", "address", "article", "aside", "b", "bdi", "bdo", "blockquote", "br", "button", "caption", "cite",
    "code", "col", "colgroup", "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q",
    "s", "samp", "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "time", "tr", "u", "ul", "var",
    "svg", "g", "path", "line", "rect", "circle", "text", "title", "pattern", "defs",
})
OF_PICTURES = [
    "viewBox", "xmlns", "width", "height", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "d", "fill", "stroke",
    "stroke-width", "stroke-dasharray", "stroke-linejoin", "paint-order", "text-anchor", "font-size", "font-weight",
    "patternUnits",
]
# fmt: on
ATTRIBUTES: dict[str, Any] = {
    "*": ["class", "id", "dir", "lang", "title", "style", "role", "aria-label", "aria-labelledby", "tabindex"],
    "a": lambda tag, name, value: name == "href" and not value.strip().lower().startswith("data:"),
    "details": ["open"],
    "img": ["src", "alt", "width", "height"],
    "ol": ["start", "type"],
    "td": ["colspan", "rowspan", "headers"],
    "th": ["colspan", "rowspan", "scope"],
    "time": ["datetime"],
    **dict.fromkeys(("svg", "g", "path", "line", "rect", "circle", "text", "pattern"), OF_PICTURES),
}
SCHEMES = frozenset({"http", "https", "mailto", "data"})  # `data`: pictures inside the page itself
NOT_WORDS = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


def clean_html(element: bytes | str) -> str:
    """HTML without scripts or other active content; unknown tags are dropped."""
    text = element.decode() if isinstance(element, bytes) else str(element)
    words = NOT_WORDS.sub("", text)
    css = CSSSanitizer()
    return str(bleach.clean(words, tags=TAGS, attributes=ATTRIBUTES, protocols=SCHEMES, strip=True, css_sanitizer=css))


def style(name: str) -> str:
    """A style sheet of the course's extension of JupyterLab, for the page's head."""
    return Path(sys.prefix, "share/jupyter/labextensions/migration-lab/static", name).read_text(encoding="utf-8")
