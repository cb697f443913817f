"""What is laid over the shop: new files and edits, each applied as it is written or refused with its line."""

from pathlib import Path

import pytest

from migration_lab.ground.errors import LabError
from migration_lab.ground.layers import history, lay, layer_of, layers_in, read, write

USER = "class User:\n    id = 1\n    name = 2\n"
EDIT = "```diff shop/user.py\n-    name = 2\n+    name = 3\n```\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write({"shop/user.py": USER.encode(), "run.sh": b"flask run"}, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    folder = tmp_path / "lessons" / "01_first" / "leaves"
    folder.mkdir(parents=True)
    return folder


def test_new_files_are_added_and_others_edited(shop: Path, leaves: Path) -> None:
    write({"shop/order.py": b"\xff\x00", "__pycache__/x.pyc": b"x"}, leaves)
    (leaves / "changes.md").write_text(f"A name is longer now.\n\n{EDIT}\n```sql rows.sql\nSELECT 1;\n\n```\n")
    lay(layer_of(leaves), shop)
    assert read(shop) == {
        "shop/user.py": USER.replace("2", "3").encode(),
        "shop/order.py": b"\xff\x00",
        "rows.sql": b"SELECT 1;\n\n",
        "run.sh": b"flask run",
    }


def test_what_is_laid_aside_leaves_the_shop_as_it_was(shop: Path, leaves: Path, tmp_path: Path) -> None:
    (leaves / "changes.md").write_text(EDIT)
    before = read(shop)
    lay(layer_of(leaves), tmp_path / "aside", over=shop)
    assert read(shop) == before
    assert read(tmp_path / "aside") == {"shop/user.py": USER.replace("2", "3").encode()}


def test_two_edits_of_a_file_follow_one_another(shop: Path, leaves: Path) -> None:
    (leaves / "changes.md").write_text(EDIT + EDIT.replace("3", "4").replace("2", "3"))
    lay(layer_of(leaves), shop)
    assert (shop / "shop/user.py").read_text() == USER.replace("2", "4")


@pytest.mark.parametrize("end", ["", "\n"])
def test_the_last_line_keeps_its_end(end: str, shop: Path, leaves: Path) -> None:
    (shop / "run.sh").write_text(f"set -e\nflask run{end}")
    (leaves / "changes.md").write_text("```diff run.sh\n-set -e\n+set -eu\n```\n")
    lay(layer_of(leaves), shop)
    assert (shop / "run.sh").read_text() == f"set -eu\nflask run{end}"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (EDIT.replace("name = 2", "nam = 2"), 2, "'shop/user.py' has no line '    nam = 2'"),
        (EDIT.replace("user.py", "order.py"), 1, "the shop has no file shop/order.py"),
        ("Why.\n\n```python shop/user.py\nx\n```\n", 3, "the shop has a file shop/user.py already; use ```diff shop"),
        ("```diff\n-x\n```\n", 1, "a block begins with ```diff FILE or, for a new file, with its language: not 'diff'"),
        (f"{EDIT}\n## later\n", 6, "a heading has no meaning here"),
        (EDIT[:-4], 1, "this block is never closed"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text: str, line: int, said: str, shop: Path, leaves: Path) -> None:
    (leaves / "changes.md").write_text(text)
    before = read(shop)
    with pytest.raises(LabError) as error:
        lay(layer_of(leaves), shop)
    assert error.value.message.startswith(f"lessons/01_first/leaves/changes.md, line {line}: {said}")
    assert read(shop) == before


def test_a_file_that_the_shop_has_is_not_written_over(shop: Path, leaves: Path) -> None:
    write({"shop/user.py": b"other"}, leaves)
    with pytest.raises(LabError, match=r"leaves/shop/user\.py: the shop has a file shop/user\.py already\. Write what"):
        lay(layer_of(leaves), shop)


def test_sections_are_layers_by_their_headings(shop: Path, leaves: Path) -> None:
    path = leaves / "hidden.md"
    path.write_text(f"# Two\n\nFor the check.\n\n## longer\n\n{EDIT}\n## empty\n")
    found = layers_in(path)
    assert list(found) == ["longer", "empty"]
    assert found["longer"].over({"shop/user.py": USER.encode()}.get) == {
        "shop/user.py": USER.replace("2", "3").encode()
    }
    assert layers_in(leaves / "none.md") == {}
    path.write_text(f"{EDIT}\n## longer\n")
    with pytest.raises(LabError, match=r"hidden\.md, line 1: a heading `## NAME` must say when this is laid"):
        layers_in(path)
    path.write_text("## longer\n\n## longer\n")
    with pytest.raises(LabError, match=r"hidden\.md, line 3: 'longer' appears twice"):
        layers_in(path)


def test_the_shop_grows_step_by_step(shop: Path, leaves: Path) -> None:
    (leaves / "changes.md").write_text(EDIT)
    first, nothing, second = history(shop, [leaves / "nothing", leaves])
    assert first == (read(shop), read(shop))
    assert nothing == ({}, read(shop))
    made = {"shop/user.py": USER.replace("2", "3").encode()}
    assert second == (made, read(shop) | made)
