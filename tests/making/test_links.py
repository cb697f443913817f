"""Links resolve where learners click them: in JupyterLab, whose root is their own folder."""

import json
from pathlib import Path

import pytest

from migration_lab.making import links


def write(root: Path, file: str, prose: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "markdown", "source": prose.splitlines(keepends=True)}]
    path.write_text(json.dumps({"cells": cells}) if path.suffix == ".ipynb" else prose, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "notebooks/01_a.ipynb", "# A\n\n## 01.1 Two `big` words\n")
    write(tmp_path, "exercises/01_a.ipynb", "# A\n\n## 01.1 A ticket\n")
    write(tmp_path, "solutions/01_a.ipynb", "# A\n")
    write(tmp_path, "docs/teaching.md", "# Teaching\n")
    return tmp_path


@pytest.mark.parametrize(
    "target",
    [
        "01_a.ipynb",
        "../exercises/01_a.ipynb",
        "../exercises/01_a.ipynb#01.1-A-ticket",
        "01_a.ipynb#01.1-Two-big-words",
        "#Here-it-is",
        "https://alembic.sqlalchemy.org/en/latest/",
    ],
)
def test_a_good_link_of_a_notebook(root: Path, target: str) -> None:
    write(root, "notebooks/02_b.ipynb", f"# B\n\n## Here it is\n\nSee [this `one`]({target}).")
    assert list(links.broken_links(root)) == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("03_c.ipynb", "leads to no file"),
        ("../exercises/01_a.ipynb#01.1-a-ticket", "leads to no heading of 01_a.ipynb"),
        ("#Nowhere", "leads to no heading of 02_b.ipynb"),
        ("../solutions/01_a.ipynb", "leaves what JupyterLab shows"),
        ("../docs/teaching.md", "leaves what JupyterLab shows"),
        ("/notebooks/01_a.ipynb", "is not relative"),
        ("http://example.org", "is not relative"),
    ],
)
def test_a_broken_link_of_a_notebook(root: Path, target: str, why: str) -> None:
    write(root, "notebooks/02_b.ipynb", f"# B\n\nSee [this one]({target}).")
    (broken,) = links.broken_links(root)
    assert broken.startswith(f"notebooks/02_b.ipynb: the link {target} ")
    assert why in broken


def test_a_solution_may_link_to_what_the_repository_shows(root: Path) -> None:
    write(root, "solutions/02_b.ipynb", "[the page](../docs/teaching.md)")
    assert list(links.broken_links(root)) == []


def test_links_inside_code_do_not_count(root: Path) -> None:
    write(root, "notebooks/02_b.ipynb", "`[a](b)`\n\n```text\n[c](d)\n```\n")
    assert list(links.broken_links(root)) == []


def test_the_pages_of_the_repository_are_checked(root: Path) -> None:
    write(root, "README.md", "[good](docs/teaching.md#teaching) and [bad](docs/none.md)")
    assert list(links.broken_links(root)) == ["README.md: the link docs/none.md leads to no file."]
