"""The pages are right: what they name exists, and everyone can read what they show."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from migration_lab.cli import main as lab_command
from migration_lab.ground import course, places
from migration_lab.ground.answer_files import read_answers
from migration_lab.instruments.query import execute
from migration_lab.making import new
from migration_lab.notebook import lab, magics
from migration_lab.notebook.shop import Shop
from migration_lab.teaching.judging import FilesJudge, OwnDatabaseJudge, varied

ROOT = places.course_root()
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")

FENCE = re.compile(r"^(`{3,})(\w*)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"\.?[\w*.-]+(/[\w*.-]+)*/?")
ENDINGS = (".py", ".md", ".yaml", ".yml", ".toml", ".lock", ".json", ".ipynb", "/")
# From where a path may be meant: the checkout, the package, a lesson and its folders.
BASES = (
    "",
    "migration_lab/**/",
    "lessons/*/",
    "lessons/*/scenes/*/",
    "lessons/*/answers/",
    "lessons/*/leaves/",
    "lessons/*/leaves/*/",
    "sample_app/",
)
# What running makes: in the checkout, in the learner's folder, in a workspace, in the server's folder.
MADE = (
    ".venv",
    ".lab.json",
    "my_work/",
    "shops/",
    "templates/",
    "migrations/",
    "instance/",
    "postgres/",
    "start.lock",
    "progress.",
)
PLACEHOLDERS = re.compile(r"NAME|NN_slug|YYYY|\.\.\.|^[<_]")

# Files of a lesson that docs/contributing.md shows, each under its path.
SHOWN_FILE = re.compile(r"^`(lessons/[^`]+)`:\n\n(`{3,})\w*\n(.*?)^\2$", re.MULTILINE | re.DOTALL)
SHOWN = "03.4"  # the exercise that authors are shown
WORDS = 2000  # of what somebody reads who writes a first exercise


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("page", PAGES, ids=page_id)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[list[str]]:
    """Every command on a page that a reader types, as words."""
    text = prose(page)
    typed = [line.strip() for line in re.findall(r"^(?: {4,}.*|)$", text, re.MULTILINE)] + CODE.findall(text)
    for line in typed:
        words = shlex.split(line, comments=True) if re.match(r"(LAB_\w+=\S+ +)*(make|lab|python) ", line) else []
        words = [word for place, word in enumerate(words) if not re.match(r"LAB_\w+=", word) or "make" in words[:place]]
        if words and "..." not in line:
            yield words


def test_the_page_has_each_folder_of_the_house() -> None:
    told = set(re.findall(r"^### .*?`(\w+)/`", ARCHITECTURE, re.MULTILINE))
    assert told == {path.parent.name for path in (ROOT / "migration_lab").glob("*/__init__.py")}


@each_page
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    missing = []
    for code in CODE.findall(prose(page)):
        is_path = PATH.fullmatch(code) and code.endswith(ENDINGS) and not PLACEHOLDERS.search(code)
        is_made = code.startswith(MADE) or f"/{SHOWN}." in code
        if is_path and not is_made and not any(any(ROOT.glob(base + code)) for base in BASES):
            missing.append(code)
    assert not missing


@each_page
def test_every_command_that_a_page_shows_can_be_typed(page: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for program, *words in commands(page):
        if program == "make":
            assert words[0] in targets, words
            assert all(word.startswith("ARGS=") for word in words[1:]), words
        elif program == "lab":
            refuse_wrong_lab(words)
        elif words[0] == "-m":
            assert find_spec(words[1]), words
            refuse_missing_tests(words[2:] if words[1] == "pytest" else [])
        else:
            assert words[0] == "run.py", words
            assert words[1] in targets, words


def refuse_wrong_lab(words: list[str]) -> None:
    """Let click read a `lab` command without carrying it out, and look up the lesson or exercise in it."""
    words = [word for word in words if not re.fullmatch(r"\d*[<>|].*", word)]
    if words == ["--help"]:
        return
    command = lab_command.commands[words[0]]
    if isinstance(command, click.Group) and len(words) > 1:
        words = words[1:]
        command = command.commands[words[0]]
    if len(words) == 1:
        return  # only named
    context = command.make_context(words[0], words[1:])
    target = context.params.get("lesson") or context.params.get("exercise")
    if isinstance(target, str) and target != SHOWN:
        course.exercise(target) if "." in target else course.lesson(target)


def refuse_missing_tests(words: list[str]) -> None:
    for word in words:
        assert not word.startswith("tests/") or (ROOT / word).exists(), word


@each_page
def test_what_a_cell_can_say_to_the_lab_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for owner, thing in (("lab", lab), ("shop", Shop)):
        for name in re.findall(rf"\b(?<![.\w`/-]){owner}\.([a-z_]+)\b(?=[(`])|`{owner}\.([a-z_]+)", text):
            found = name[0] or name[1]
            # quiz.yaml's `computed_by` has a shop of its own, with more to say.
            assert hasattr(thing, found) or page.name == "quiz-format.md", f"{owner}.{found}"


def test_the_coverage_names_every_id_that_a_lesson_delivers_and_no_other() -> None:
    told = re.findall(r"^\| (C\d\d) \|", (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8"), re.MULTILINE)
    delivered = {each for lesson in course.lessons() for each in lesson.manifest.delivers} - {"all"}
    assert told == sorted(delivered), "`delivers` of the lessons, and the rows of docs/coverage.md"


def test_authors_are_told_of_all_that_lessons_say_to_the_lab() -> None:
    cells = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lessons").glob("*/*.md"))
    said = {name for name in re.findall(r"\b(?:lab|shop)\.[a-z_]+\b", cells) if f"{name}(" in cells}
    assert {"lab.open", "shop.sql"} <= said
    assert sorted(said - set(CODE.findall(CONTRIBUTING))) == []


def test_every_setting_of_the_environment_is_told_and_no_other() -> None:
    setting = re.compile(r"\bLAB_(?!ID_)[A-Z_]+\b")
    read: set[str] = set()
    for path in (ROOT / "migration_lab").rglob("*.py"):
        read |= set(setting.findall(path.read_text(encoding="utf-8")))
    told = {page_id(page): set(setting.findall(page.read_text(encoding="utf-8"))) for page in PAGES}
    assert told["docs/architecture.md"] == read
    assert set().union(*told.values()) == read


@each_page
def test_pictures_can_be_read_by_those_who_do_not_see_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for alt in re.findall(r"!\[([^\]]*)\]\(", prose(page)):
        assert len(alt.split()) >= 3, f"{alt!r} does not say what is seen"
    for tag in re.findall(r"<img\b[^>]*>", prose(page)):
        assert re.search(r'\balt="[^"]{10,}"', tag), tag
    for _, language, block in FENCE.findall(text):
        if language == "mermaid":
            assert "accTitle:" in block
            assert "accDescr:" in block


@each_page
def test_links_to_headings_lead_to_headings(page: Path) -> None:
    for file, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", prose(page)):
        aim = (page.parent / file) if file else page
        assert anchor in {slug(heading) for heading in re.findall(r"^#+ (.+)$", prose(aim), re.MULTILINE)}, anchor


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.fixture
def shown_exercise(course_copy: Path) -> dict[str, str]:
    """The exercise of docs/contributing.md in a copy of the course, as an author adds it; its files by their paths."""
    new.new_exercise(SHOWN, say=lambda _: None)
    shown = {path: text for path, _, text in SHOWN_FILE.findall(CONTRIBUTING)}
    lesson = course_copy / "lessons/03_review_autogenerate"
    shutil.rmtree(lesson / "scenes/ticket_4")
    (lesson / f"answers/{SHOWN}.md").unlink()
    for path, text in shown.items():
        written = ROOT / path  # where the file is there already, the exercise comes after what it holds
        before = written.read_text(encoding="utf-8").rstrip() + "\n" if written.exists() else ""
        gap = {".py": "\n\n", ".md": "\n"}.get(written.suffix, "") if before else ""
        (course_copy / path).write_text(before + gap + text, encoding="utf-8")
    return shown


def test_the_exercise_that_authors_are_shown_is_proved(shown_exercise: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "migration_lab.cli", "prove", SHOWN],
        env={**os.environ, "LAB_WORK": str(tmp_path / "work")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    for answer in ("stub", "solution", "right", "wrong"):
        for engine in ("sqlite", "postgres"):
            assert any(f"{SHOWN}-" in line and engine in line and answer in line for line in said), (answer, engine)


def test_authors_are_shown_each_file_of_an_exercise(shown_exercise: dict[str, str]) -> None:
    parts = [Path(path).parts[2] for path in shown_exercise]
    assert sorted(set(parts)) == [
        "answers", "checks.py", "exercises.md", "lesson.yaml",
    ]  # fmt: skip
    answers = read_answers(course.lesson("03").folder / f"answers/{SHOWN}.md")
    assert len([each for each in answers if each.rejected_by]) >= 3


def test_a_first_exercise_takes_little_reading() -> None:
    pages = [ROOT / "docs" / f"{name}.md" for name in ("contributing", "checks", "quiz-format")]
    assert sum(len(page.read_text(encoding="utf-8").split()) for page in pages) < WORDS


def test_the_page_of_judges_names_what_a_judge_has() -> None:
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    named = CODE.findall(text)
    for judge in (FilesJudge, OwnDatabaseJudge):
        assert [each for each in (*judge.first, *judge.last) if each not in named] == []
    words = [each for each in dir(OwnDatabaseJudge) if each.startswith("expect_")]
    assert words
    assert [each for each in words if each not in named] == []
    modules = {path.name for path in (ROOT / "migration_lab/teaching/judging").glob("*.py")}
    told = set(re.findall(r"`judging/(\w+\.py)`", text))
    assert told >= {"under_traffic.py", "interruptions.py", "transactions.py", "usual.py"}
    assert told <= modules


def test_the_page_of_judges_says_what_the_rows_of_a_check_leave_out() -> None:
    """An author who plants a mistake with a new value in a column of few sees it pass, and has to know why."""
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    assert f"{varied.ROWS} more rows" in text
    assert f"A column that repeats at most {varied.A_FEW_WORDS} values" in text


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(KeyError):
        refuse_wrong_lab(["dance"])
    with pytest.raises(click.NoSuchOption):
        refuse_wrong_lab(["open", "02", "--slowly"])
    with pytest.raises(AssertionError):
        refuse_missing_tests([os.path.join("tests", "test_of_nothing.py")])  # noqa: PTH118


def test_the_instruments_do_what_their_page_shows(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(database, "CREATE TABLE users (id integer PRIMARY KEY, email varchar(80))")
    execute(database, "INSERT INTO users VALUES (1, 'ann@example.com')")
    text = (ROOT / "docs" / "instruments.md").read_text(encoding="utf-8")
    shown = [code for _, language, code in FENCE.findall(text) if language == "python"]
    assert len(shown) == 4
    for number, code in enumerate(shown):
        change = f"ALTER TABLE users ADD COLUMN note_{number} text"
        monkeypatch.setattr("builtins.input", lambda _, change=change: execute(database, change))
        exec(code.replace("ids=range(1, 100)", "ids=[1]"), {"url": database})


def test_what_learners_read_names_only_commands_that_a_cell_knows() -> None:
    """A question, a ticket or a judge may ask them to type one; nothing runs that."""
    known = set().union(*magics.ShopMagics.magics.values())
    files = [path for kind in ("md", "yaml", "py") for path in (ROOT / "lessons").rglob(f"*.{kind}")]
    named = [
        (path.name, name)
        for path in [*files, ROOT / "migration_lab/teaching/explain/guide.yaml"]
        for name in re.findall(r"`%%?([a-z_]+)", path.read_text(encoding="utf-8"))
    ]
    assert len(named) > 5
    assert [each for each in named if each[1] not in known] == []
