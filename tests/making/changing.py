"""A change in the small course of the tests."""

from pathlib import Path


def change(root: Path, file: str, before: str, after: str) -> None:
    """Replace a text, which must be there, in a file of its lesson 02."""
    path = root / "lessons/02_counting" / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
