"""The result of a check: per engine, the expectations that were met and the first one that was not."""

from dataclasses import dataclass

from migration_lab.ground.course import EngineName
from migration_lab.teaching.judging.expectations import Expectation, Finding


@dataclass(frozen=True)
class EngineVerdict:
    """The judgement on one engine. `unjudged` follows the first miss, and is checked once that is fixed."""

    engine: EngineName
    met: tuple[Expectation, ...]
    unmet: Finding | None
    unjudged: tuple[Expectation, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The judgement of an answer on every available engine; `note` says which is missing, and what to do."""

    exercise: str
    title: str
    engines: tuple[EngineVerdict, ...]
    note: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything that was judged is met."""
        return all(each.unmet is None for each in self.engines)
