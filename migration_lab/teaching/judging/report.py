"""Formats a verdict: one outline, as text for a terminal and as HTML for a notebook."""

import textwrap
from dataclasses import dataclass, replace
from html import escape

from migration_lab.ground.html import inline
from migration_lab.teaching.judging.expectations import Expectation, Finding
from migration_lab.teaching.judging.verdict import EngineVerdict, Verdict

ENGINE_NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
_WIDTH = 100


@dataclass(frozen=True)
class _Section:
    """One or more engines with the same result."""

    heading: str
    met: tuple[Expectation, ...]
    unmet: Finding | None


def as_text(verdict: Verdict) -> str:
    """The verdict for a terminal: stable, at most 100 columns where the words allow it."""
    lines = [f"Exercise {verdict.exercise}: {verdict.title}", _summary(verdict)]
    for section in _sections(verdict):
        lines += ["", section.heading]
        lines += [f"  ✓ {each.looks_at}" for each in section.met]
        if section.unmet:
            lines.append(f"  ✗ {section.unmet.expectation.looks_at}")
            for label, words in _parts(section.unmet):
                lines += ["", f"    {label}", *_wrapped(words, "      ")]
    for heading, unjudged in _unjudged(verdict):
        lines += ["", heading, *(f"  · {each.looks_at}" for each in unjudged)]
    for sentence in _closing(verdict):
        lines += ["", *_wrapped(sentence, "")]
    return "\n".join(lines)


def as_html(verdict: Verdict) -> str:
    """The verdict for a notebook: headings, lists and a definition list; colours come from the classes `lab-...`."""
    state = "lab-passed" if verdict.passed else "lab-missed"
    parts = [
        f'<section class="lab-verdict {state}" aria-label="Check of exercise {escape(verdict.exercise)}">',
        f'<p class="lab-title">Exercise {escape(verdict.exercise)}: {inline(verdict.title)}</p>',
        f'<p class="lab-summary"><strong>{inline(_summary(verdict))}</strong></p>',
    ]
    for section in _sections(verdict):
        parts.append(f'<p class="lab-engine">{escape(section.heading)}</p>')
        parts.append('<ul class="lab-expectations">')
        parts += [_item("lab-met", "✓", "met", each) for each in section.met]
        if section.unmet:
            parts.append(_item("lab-unmet", "✗", "not met", section.unmet.expectation))
        parts.append("</ul>")
        if section.unmet:
            parts.append('<dl class="lab-finding">')
            parts += [f"<dt>{label}</dt><dd>{_block(words)}</dd>" for label, words in _parts(section.unmet)]
            parts.append("</dl>")
    for heading, unjudged in _unjudged(verdict):
        parts.append(f'<p class="lab-later">{heading}</p><ul class="lab-expectations">')
        parts += [_item("lab-unjudged", "·", "not checked yet", each) for each in unjudged]
        parts.append("</ul>")
    parts += [f'<p class="lab-note">{inline(sentence)}</p>' for sentence in _closing(verdict)]
    return "\n".join([*parts, "</section>"])


def looks_at(expectations: tuple[Expectation, ...]) -> list[str]:
    """What the check looks at, to show with the ticket: a sentence each, in Markdown."""
    return [each.looks_at for each in expectations]


def _summary(verdict: Verdict) -> str:
    where = _joined([ENGINE_NAMES[each.engine] for each in verdict.engines])
    if verdict.passed:
        return f"Passed on {where}."
    missed = _joined([ENGINE_NAMES[each.engine] for each in verdict.engines if each.unmet])
    return f"Not there yet on {missed}."


def _closing(verdict: Verdict) -> list[str]:
    """The lines below the result: engines that were not judged, and what to read after passing."""
    opened = (
        f'`lab.hint("{verdict.exercise}")`, or `lab hint {verdict.exercise}` in a terminal, now shows one solution, '
        "and the usual mistakes."
    )
    return [*([verdict.note] if verdict.note else []), *([opened] if verdict.passed else [])]


def _sections(verdict: Verdict) -> list[_Section]:
    """Engines with the same result share a section, so that nothing is read twice.

    An expectation for one engine only names it, and does not separate them.
    """
    groups: dict[tuple[object, ...], list[EngineVerdict]] = {}
    shared = set.intersection(*({each.id for each in _all_of(engine)} for engine in verdict.engines))
    for engine in verdict.engines:
        met = tuple(each for each in engine.met if each.id in shared)
        named = replace(engine, met=_named(engine, engine.met, shared))
        groups.setdefault((met, engine.unmet), []).append(named)
    return [
        _Section(
            _joined([ENGINE_NAMES[each.engine] for each in same]),
            _united([each.met for each in same]),
            same[0].unmet,
        )
        for same in groups.values()
    ]


def _unjudged(verdict: Verdict) -> list[tuple[str, list[Expectation]]]:
    """What was not checked yet, each sentence once: on all engines, then on some of them."""
    everywhere = tuple(each.engine for each in verdict.engines)
    groups: dict[tuple[str, ...], list[Expectation]] = {everywhere: []}
    for expectation in _united([each.unjudged for each in verdict.engines]):
        where = tuple(each.engine for each in verdict.engines if expectation in each.unjudged)
        groups.setdefault(where, []).append(expectation)
    return [
        (
            "Not checked yet"
            + ("" if where == everywhere else f" on {_joined([ENGINE_NAMES[each] for each in where])}"),
            found,
        )
        for where, found in groups.items()
        if found
    ]


def _all_of(engine: EngineVerdict) -> list[Expectation]:
    return [*engine.met, *engine.unjudged, *([engine.unmet.expectation] if engine.unmet else [])]


def _named(engine: EngineVerdict, expectations: tuple[Expectation, ...], shared: set[str]) -> tuple[Expectation, ...]:
    """The same, where an expectation that only some engines have names its engine."""
    suffix = f" (on {ENGINE_NAMES[engine.engine]})"
    return tuple(each if each.id in shared else replace(each, looks_at=each.looks_at + suffix) for each in expectations)


def _united(lists: list[tuple[Expectation, ...]]) -> tuple[Expectation, ...]:
    """All of them once, in their order."""
    return tuple(dict.fromkeys(each for part in lists for each in part))


def _parts(finding: Finding) -> list[tuple[str, str]]:
    parts = [
        ("What was expected", finding.expected),
        ("What is there instead", finding.found),
        ("Likely cause", finding.cause),
        ("Next step", finding.next_step),
    ]
    return [(label, words) for label, words in parts if words]


def _joined(names: list[str]) -> str:
    return " and ".join(names)


def _wrapped(words: str, indent: str) -> list[str]:
    """Wrap each line separately; keep its leading spaces."""
    wrap = textwrap.TextWrapper(
        _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [piece for line in words.splitlines() for piece in wrap.wrap(line) or [""]]


def _item(css: str, mark: str, spoken: str, expectation: Expectation) -> str:
    return (
        f'<li class="{css}"><span class="lab-mark" role="img" aria-label="{spoken}">{mark}</span> '
        f"{inline(expectation.looks_at)}</li>"
    )


def _block(words: str) -> str:
    """Format a sentence as a sentence, and several lines (an error, rows, sentences) each on a line of its own."""
    if "\n" in words:
        lines = "\n".join(inline(line) for line in words.split("\n"))
        return f'<pre tabindex="0">{lines}</pre>'
    return inline(words)
