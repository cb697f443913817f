"""YAML that authors write: mistakes are reported with the file and the place."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from migration_lab.ground.authored import as_model, front_matter, read_yaml
from migration_lab.ground.errors import LabError


class Ticket(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    engines: tuple[str, ...] = ()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "lessons" / "02_counting"
    folder.mkdir(parents=True)
    return folder / "lesson.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a\nneeds: b\ntitle: c\n", "lessons/02_counting/lesson.yaml, line 3: the key 'title' appears twice."),
        ("a:\n  - b: 1\n    b: 2\n", "lessons/02_counting/lesson.yaml, line 3: the key 'b' appears twice."),
        ("a: [1\nb: 2\n", "lessons/02_counting/lesson.yaml, line 2: "),
        ("a: b: c\n", "lessons/02_counting/lesson.yaml, line 1: mapping values are not allowed in this context."),
    ],
)
def test_what_is_no_yaml_or_stands_twice_is_told_with_its_line(text: str, said: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError) as error:
        read_yaml(path)
    assert error.value.message.startswith(said)
    assert "unicode string" not in str(error.value)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"titel": "a"}, "title: Field required; titel: there is no such field."),
        ({"title": "a", "engines": ["x", 1]}, "engines 2: Input should be a valid string."),
        (["a"], "Input should be a valid dictionary or instance of Ticket."),
    ],
)
def test_each_field_that_is_not_right_is_named(found: object, said: str, path: Path) -> None:
    with pytest.raises(LabError) as error:
        as_model(Ticket, found, path)
    assert error.value.message == f"lessons/02_counting/lesson.yaml: {said}"


def test_front_matter_is_read_and_its_lines_are_those_of_the_file(path: Path) -> None:
    path.write_text("---\nexercise: 02.1\nwhy: it is\n---\n\n# An answer\n", encoding="utf-8")
    assert front_matter(path) == {"exercise": 2.1, "why": "it is"}
    path.write_text('---\nexercise: "02.1"\nwhy: a: b\n---\n', encoding="utf-8")
    with pytest.raises(LabError, match=r"lesson\.yaml, line 3: mapping values"):
        front_matter(path)


@pytest.mark.parametrize("text", ["", "exercise: 02.1\n---\n", "---\nexercise\n---\n", "---\nexercise: 02.1\n"])
def test_a_file_without_front_matter_is_told(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="it must begin with `---`"):
        front_matter(path)
