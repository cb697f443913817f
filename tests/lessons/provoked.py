"""The failures that a lesson promises in its manifest are seen: in what it prints, or in its solved exercises."""

import json
from collections.abc import Iterator
from typing import Any

from migration_lab.ground import course, places
from migration_lab.teaching import explain


def assert_its_failures_are_provoked(lesson: course.Lesson, ran: dict[str, Any]) -> None:
    """Look for the cards of `failures` in an executed lesson and in the stored solution of its exercises.

    A card counts where it is shown, and where a command prints its message and ends well, so that no card comes.
    """
    texts = list(_texts(ran))
    solution = places.course_root() / "solutions" / f"{lesson.slug}.ipynb"
    if solution.exists():
        texts += _texts(json.loads(solution.read_text(encoding="utf-8")))
    missing = [
        f"{card_id} ({explain.card(card_id).says})"
        for card_id in lesson.manifest.failures
        if not any(_shows(text, explain.card(card_id)) for text in texts)
    ]
    assert not missing, (
        f"lessons/{lesson.slug}/lesson.yaml: `failures` names what neither lesson nor solution shows: {missing}"
    )


def _shows(text: str, card: explain.Card) -> bool:
    return text.lstrip().startswith(f"{card.id}: ") or card.is_shown_in(text)


def _texts(notebook: dict[str, Any]) -> Iterator[str]:
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            yield "".join(text)
