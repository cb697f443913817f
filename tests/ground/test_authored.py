"""YAML that authors write: mistakes are reported with the file and the place."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from migration_lab.ground.authored import as_model, parse_yaml, read_yaml
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


def test_yaml_in_a_part_of_a_file_has_the_lines_of_the_file(path: Path) -> None:
    assert parse_yaml("why: it is\n", path, 7) == {"why": "it is"}
    with pytest.raises(LabError, match=r"lesson\.yaml, line 8: mapping values"):
        parse_yaml("why: it is\nbut: a: b\n", path, 7)
    with pytest.raises(LabError, match=r"lesson\.yaml, line 6: title: Field required"):
        as_model(Ticket, {}, path, 6)
