"""Revision files are found and read like in Alembic, and run only if that is the only way to know their values."""

import os
import py_compile
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from migration_lab.ground.errors import LabError
from migration_lab.instruments.revisions import History, read_revisions, running
from migration_lab.instruments.revisions.literals import read_literals
from migration_lab.shops.process.confinement import confine, release

VERSIONS = "migrations/versions"
FIRST = '"""first"""\nrevision = "0001"\ndown_revision = None\n'
NEVER_RUN = 'raise RuntimeError("this file must not be run")\n'


def lay(folder: Path, files: dict[str, str]) -> Path:
    """Write files, given by their paths in the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def line(own: str, down: str | tuple[str, ...] | None, more: str = "") -> str:
    return f'"""step {own}"""\nrevision = {own!r}\ndown_revision = {down!r}\n{more}'


@contextmanager
def alembic_in(folder: Path, ini: str = "migrations/alembic.ini", script: str | None = "migrations") -> Iterator[Any]:
    """What Alembic says about a folder, as Flask-Migrate asks it or, without a script folder, as its own command does.

    It runs the files in this process; what they leave in the import system is taken away.
    """
    before, path, modules = Path.cwd(), list(sys.path), set(sys.modules)
    os.chdir(folder)
    sys.path_importer_cache.pop(".", None)  # the finder of another test's folder
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = Config(ini)
            if script:
                config.set_main_option("script_location", script)
            yield ScriptDirectory.from_config(config)
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            del sys.modules[name]


def assert_as_alembic(folder: Path, ini: str = "migrations/alembic.ini", script: str | None = "migrations") -> History:
    """Assert that heads, bases, order, and what each revision follows, is called and lies in, are Alembic's."""
    with alembic_in(folder, ini, script) as alembic:
        theirs = {
            each.revision: (set(each._versioned_down_revisions), each.doc.splitlines()[:1], Path(each.path))
            for each in alembic.walk_revisions()
        }
        heads, bases = alembic.get_heads(), alembic.get_bases()
    history = History(read_revisions(folder))
    assert history.ids == tuple(theirs)
    assert {each.id: (set(each.down), [each.message], each.path) for each in history.revisions} == theirs
    assert set(history.heads) == set(heads)
    assert set(history.bases) == set(bases)
    return history


# ---- which files


def test_what_alembic_passes_over_is_passed_over(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            f"{VERSIONS}/__init__.py": "",
            f"{VERSIONS}/__init__old.py": "not Python",
            f"{VERSIONS}/0001_first.py": FIRST,
            f"{VERSIONS}/.0002_hidden.py": '"""hidden"""\nrevision = "0002"\ndown_revision = "0001"\n',
            f"{VERSIONS}/.#0003_edited.py": "a lock that an editor wrote as a file",
            f"{VERSIONS}/.0004.py.swp": "not Python",
            f"{VERSIONS}/0005_saved.py~": "not Python",
            f"{VERSIONS}/folder.py/0006.py": "not Python",
            f"{VERSIONS}/below/0007.py": "not Python",
            f"{VERSIONS}/__pycache__/0008.cpython-311.pyc": "not bytecode",
            f"{VERSIONS}/0009.pyc": "not bytecode",
            "elsewhere/0010_linked.py": '"""linked"""\nrevision = "0010"\ndown_revision = "0002"\n',
        },
    )
    versions = tmp_path / VERSIONS
    (versions / ".#0001_first.py").symlink_to("somebody@somewhere.4711:1")
    (versions / "0001_again.py").symlink_to("0001_first.py")
    (versions / "0010.txt").symlink_to(tmp_path / "elsewhere/0010_linked.py")
    assert assert_as_alembic(tmp_path).ids == ("0010", "0002", "0001")


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    lay(tmp_path, {f"{VERSIONS}/0001_first.py": FIRST})
    (tmp_path / VERSIONS / "0002_gone.py").symlink_to("gone.py")
    with pytest.raises(LabError, match=r"0002_gone\.py cannot be read: No such file"):
        read_revisions(tmp_path)
    (tmp_path / VERSIONS / "gone.py").symlink_to("0002_gone.py")
    with pytest.raises(LabError, match=r"0002_gone\.py (is a link that leads to itself|cannot be read)"):
        read_revisions(tmp_path)


def test_folders_below_count_when_the_settings_say_so(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "migrations/alembic.ini": "[alembic]\nrecursive_version_locations = true\n",
            f"{VERSIONS}/__init__.py": "",
            f"{VERSIONS}/2024/__init__.py": "",
            f"{VERSIONS}/2024/0001_first.py": FIRST,
            f"{VERSIONS}/2024/__pycache__/0001_first.cpython-311.pyc": "not bytecode",
            f"{VERSIONS}/2025/spring/0002_step.py": line("0002", "0001"),
            f"{VERSIONS}/2025/0003_step.py": line("0003", "0002"),
        },
    )
    history = assert_as_alembic(tmp_path)
    assert [each.file for each in history.revisions] == [
        "2025/0003_step.py",
        "2025/spring/0002_step.py",
        "2024/0001_first.py",
    ]
    (tmp_path / "migrations/alembic.ini").write_text("[alembic]\nrecursive_version_locations = false\n")
    assert assert_as_alembic(tmp_path).ids == ()


@pytest.mark.parametrize(
    "settings",
    [
        "path_separator = os\nversion_locations = migrations/versions{os}%(here)s/more",
        "path_separator = newline\nversion_locations =\n  migrations/versions\n  migrations/more\n",
        "version_path_separator = space\nversion_locations = migrations/versions migrations/more migrations/missing",
        "version_locations = migrations/versions, migrations/more, migrations/versions",
        "path_separator = ;\nversion_locations = shop_of_this_test:versions;migrations/more;migrations/versions",
    ],
)
def test_several_folders_of_versions(tmp_path: Path, settings: str) -> None:
    lay(
        tmp_path,
        {
            "migrations/alembic.ini": f"[alembic]\n{settings.format(os=os.pathsep)}\n",
            "shop_of_this_test/__init__.py": "",
            f"{VERSIONS}/0001_first.py": FIRST,
            "migrations/more/0002_step.py": line("0002", "0001", 'branch_labels = ("more",)\n'),
            "migrations/more/x.py": line("x", None, 'depends_on = "more"\n'),
        },
    )
    sys.path.insert(0, str(tmp_path))  # as `flask` does
    try:
        history = assert_as_alembic(tmp_path)
    finally:
        sys.path.remove(str(tmp_path))
    assert {each.file for each in history.revisions} == {
        f"{VERSIONS}/0001_first.py",
        "migrations/more/0002_step.py",
        "migrations/more/x.py",
    }


def test_a_package_that_holds_versions_is_found_without_importing_it(tmp_path: Path) -> None:
    ini = "[alembic]\npath_separator = newline\nversion_locations = shop.inner:versions\n"
    lay(
        tmp_path,
        {
            "migrations/alembic.ini": ini,
            "shop/__init__.py": NEVER_RUN,
            "shop/inner/__init__.py": NEVER_RUN,
            "shop/inner/versions/0001_first.py": FIRST,
        },
    )
    assert [each.path for each in read_revisions(tmp_path)] == [tmp_path / "shop/inner/versions/0001_first.py"]
    (tmp_path / "migrations/alembic.ini").write_text(ini.replace("shop.inner", "missing.inner"))
    with pytest.raises(LabError, match=r"migrations/alembic\.ini names missing\.inner:versions, and there is no"):
        read_revisions(tmp_path)


def test_a_project_of_alembic_alone(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "alembic.ini": "[alembic]\nscript_location = %(here)s/db/changes\n"
            "prepend_sys_path = lib\npath_separator = os\n",
            "lib/names_of_this_test.py": 'PARENT = "0001"\n',
            "db/changes/versions/0001_first.py": FIRST,
            "db/changes/versions/0002_step.py": '"""two"""\nfrom names_of_this_test import PARENT\n'
            'revision = "0002"\ndown_revision = PARENT\n',
        },
    )
    assert assert_as_alembic(tmp_path, "alembic.ini", None).ids == ("0002", "0001")


@pytest.mark.parametrize(
    ("ini", "says"),
    [
        ("nonsense\n", "migrations/alembic.ini cannot be read: File contains no section headers"),
        (
            "[alembic]\npath_separator = x\nversion_locations = a b\n",
            "migrations/alembic.ini cannot be read: 'x' is not a valid value for path_separator",
        ),
        ("[alembic]\nversion_locations = %(nowhere)s\n", "migrations/alembic.ini cannot be read: Bad value subst"),
    ],
)
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, ini: str, says: str) -> None:
    lay(tmp_path, {"migrations/alembic.ini": ini, f"{VERSIONS}/0001_first.py": FIRST})
    with pytest.raises(LabError) as failure:
        read_revisions(tmp_path)
    assert failure.value.message.startswith(says)


def test_a_revision_without_its_source_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, {"migrations/alembic.ini": "[alembic]\nsourceless = true\n", f"{VERSIONS}/0001_first.py": FIRST})
    lay(tmp_path, {f"{VERSIONS}/__init__.py": "", f"{VERSIONS}/0002_step.py": line("0002", "0001")})
    for name in ("__init__", "0001_first", "0002_step"):
        py_compile.compile(str(tmp_path / VERSIONS / f"{name}.py"))
    assert assert_as_alembic(tmp_path).ids == ("0002", "0001")
    (tmp_path / VERSIONS / "0002_step.py").unlink()
    with pytest.raises(LabError, match=r"0002_step\.cpython-.*\.pyc is a compiled revision without its source"):
        read_revisions(tmp_path)


# ---- what a file says

LITERAL = {
    "annotated": 'from typing import Union\nrevision: str = "0002"\ndown_revision: Union[str, None] = "0001"\n',
    "constant": 'PARENT: str = "0001"\nOWN = "0002"\nrevision = OWN\ndown_revision = PARENT\n',
    "tuple": 'revision = "0002"\ndown_revision = ("0001",)\n',
    "tuple of constants": 'A = "0001"\nrevision = "0002"\ndown_revision = (A, "x")\n',
    "list": 'revision = "0002"\ndown_revision = ["0001", "x"]\n',
    "set": 'revision = "0002"\ndown_revision = {"0001"}\n',
    "empty": 'revision = "0002"\ndown_revision = ()\n',
    "chained": 'revision = name = "0002"\ndown_revision = "0001"\n',
    "the last one counts": 'revision = "0002"\ndown_revision = "x"\ndown_revision = "0001"\n',
    "a branch before it": 'if True:\n    revision = "no"\nrevision = "0002"\ndown_revision = "0001"\n',
    "a star before it": 'from os.path import *\nrevision = "0002"\ndown_revision = "0001"\n'
    "branch_labels = None\ndepends_on = None\n",
    "labels": 'revision = "0002"\ndown_revision = "0001"\nbranch_labels = ("a", "b")\ndepends_on = ["x"]\n',
    "in functions": 'revision = "0002"\ndown_revision = "0001"\ndef upgrade():\n    revision = "no"\n',
    "in a comment": 'revision = "0002"\ndown_revision = "0001"  # global, exec\n',
}
COMPUTED = {
    "if": 'import sys\nrevision = "0002"\nif sys.version_info > (3,):\n    down_revision = "0001"\n'
    'else:\n    down_revision = "x"\n',
    "if expression": 'revision = "0002"\ndown_revision = "0001" if 1 else "x"\n',
    "f-string": 'N = 1\nrevision = f"{N + 1:04}"\ndown_revision = f"{N:04}"\n',
    "environment": 'import os\nrevision = "0002"\ndown_revision = os.environ["PARENT_OF_THIS_TEST"]\n',
    "import": 'from parents_of_this_test import PARENT\nrevision = "0002"\ndown_revision = PARENT\n',
    "import as": 'revision = "0002"\nfrom parents_of_this_test import PARENT as down_revision\n',
    "star": 'revision = "0002"\nfrom parents_of_this_test import *\n',
    "unpacked": 'revision, down_revision = "0002", "0001"\n',
    "for": 'revision = "0002"\nfor down_revision in ("x", "0001"): pass\n',
    "with": 'import contextlib\nrevision = "0002"\nwith contextlib.nullcontext("0001") as down_revision: pass\n',
    "try": 'revision = "0002"\ntry:\n    down_revision = 1 / 0\nexcept ArithmeticError:\n    down_revision = "0001"\n',
    "walrus": 'revision = "0002"\nprint(down_revision := "0001")\n',
    "augmented": 'revision = "00"\nrevision += "02"\ndown_revision = "0001"\n',
    "deleted": 'revision = "0002"\ndown_revision = "0001"\nbranch_labels = "a"\ndel branch_labels\n',
    "changed list": 'revision = "0002"\ndown_revision = ["0001"]\ndown_revision.append("x")\n',
    "item set": 'revision = "0002"\ndown_revision = ["no"]\ndown_revision[0] = "0001"\n',
    "list by two names": 'A = ["0001"]\nrevision = "0002"\ndown_revision = A\nA.append("x")\n',
    "globals": 'revision = "0002"\ndown_revision = "x"\nglobals()["down_revision"] = "0001"\n',
    "global": 'revision = "0002"\ndown_revision = "x"\ndef f():\n    global down_revision\n'
    '    down_revision = "0001"\nf()\n',
    "match": 'revision = "0002"\nmatch ["0001"]:\n    case [down_revision]: pass\n',
    "computed dependency": 'revision = "0002"\ndown_revision = "0001"\ndepends_on = "".join("x")\n',
    "prints": 'print("noise")\nrevision = "".join("0002")\ndown_revision = ("0001",)\nprint(\'{"error": "no"}\')\n',
}


def project(folder: Path, text: str) -> Path:
    return lay(
        folder,
        {
            ".flaskenv": "DATABASE_URL=sqlite:///shop.db\nPARENT_OF_THIS_TEST=0001\n",
            "parents_of_this_test.py": 'PARENT = down_revision = "0001"\n',
            "migrations/alembic.ini": "[alembic]\nprepend_sys_path = .\npath_separator = os\n",
            f"{VERSIONS}/0001_first.py": FIRST,
            f"{VERSIONS}/0002_step.py": f'"""two\n\nmore"""\n{text}',
            f"{VERSIONS}/x.py": line("x", None),
        },
    )


@pytest.mark.parametrize("text", LITERAL.values(), ids=LITERAL)
def test_plain_values_are_read_without_running_the_file(tmp_path: Path, text: str) -> None:
    assert_as_alembic(project(tmp_path, text))
    before = read_revisions(tmp_path)
    for file in (tmp_path / VERSIONS).glob("*.py"):
        file.write_text(file.read_text() + NEVER_RUN)
    assert read_revisions(tmp_path) == before


@pytest.mark.parametrize("text", COMPUTED.values(), ids=COMPUTED)
def test_computed_values_are_those_that_alembic_gets(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, text)
    assert read_literals("0002_step.py", text.encode()) is None
    monkeypatch.setenv("PARENT_OF_THIS_TEST", "0001")
    history = assert_as_alembic(tmp_path)
    assert history.revision("0002") is not None
    assert "parents_of_this_test" not in sys.modules


def test_only_the_files_that_need_it_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, COMPUTED["f-string"])
    (tmp_path / VERSIONS / "0001_first.py").write_text(FIRST + NEVER_RUN)
    monkeypatch.chdir(tmp_path.parent)
    assert {each.id for each in read_revisions(Path(tmp_path.name))} == {"0001", "0002", "x"}
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_folder_that_is_no_shop_has_its_files_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///precious.db")
    project(
        tmp_path, 'import os\nrevision = "0002"\ndown_revision = "0001" if not os.getenv("DATABASE_URL") else "no"\n'
    )
    (tmp_path / ".flaskenv").unlink()
    assert assert_parent(tmp_path) == ("0001",)


def assert_parent(folder: Path) -> tuple[str, ...]:
    revision = History(read_revisions(folder)).revision("0002")
    assert revision is not None
    return revision.down


def test_a_file_in_a_copy_of_a_check_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, elsewhere = tmp_path / "check/1", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    project(copy, 'revision = "0002"\ndown_revision = "".join(["0001"])\n')
    confinement = confine(copy.parent, [])
    try:
        assert assert_parent(copy) == ("0001",)
    finally:
        release(confinement)


def test_an_old_file_is_known_by_its_name(tmp_path: Path) -> None:
    lay(tmp_path, {f"{VERSIONS}/00a1.py": '"""old"""\ndown_revision = None\n'})
    assert assert_as_alembic(tmp_path).ids == ("00a1",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'revision = "0002"\ndown_revision = make()\n',
            "0002_step.py has to be run to be read, and failed: NameError: name 'make' is not defined in line 5.",
        ),
        (
            'revision = "0002"\nimport nowhere\ndown_revision = nowhere.PARENT\n',
            "0002_step.py has to be run to be read, and failed: ModuleNotFoundError: No module named 'nowhere'",
        ),
        (
            'import sys\nrevision = sys.exit("enough")\ndown_revision = "0001"\n',
            "0002_step.py has to be run to be read, and failed: SystemExit: enough in line 5.",
        ),
        (
            'import os\nrevision = os._exit(3)\ndown_revision = "0001"\n',
            "0002_step.py has to be run to be read, and ended its process with 3.",
        ),
        (
            'revision = str(2)\ndown_revision = "0001", 1\n',
            "0002_step.py gives `revision` or `down_revision` as something that is not a string.",
        ),
        ("down_revision = str(1)\n", "0002_step.py does not say its `revision`."),
        ('revision = "".join("0001")\ndown_revision = None\n', "Two files have the revision id 0001: 0001_first.py"),
        ('revision = "".join("0002")\ndown_revision = "9"\n', "0002_step.py follows revision 9, and no file has"),
        ('revision = "".join("0002")\ndown_revision = "0002"\n', "0002_step.py follows itself."),
    ],
)
def test_a_file_that_fails_when_run_is_named(tmp_path: Path, text: str, says: str) -> None:
    project(tmp_path, text)
    with pytest.raises(LabError) as failure:
        read_revisions(tmp_path)
    assert failure.value.message.startswith(says)


def test_a_file_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LIMIT_SECONDS", 1.5)
    project(tmp_path, 'import time\nrevision = time.sleep(60)\ndown_revision = "0001"\n')
    with pytest.raises(LabError, match=r"0002_step\.py has to be run to be read, and was stopped after 1\.5 seconds"):
        read_revisions(tmp_path)


def test_no_file_is_run_when_one_of_them_is_not_python(tmp_path: Path) -> None:
    project(tmp_path, 'open("was-run", "w")\nrevision = str(2)\ndown_revision = "0001"\n')
    (tmp_path / VERSIONS / "x.py").write_text("revision = \n")
    with pytest.raises(LabError, match=r"x\.py is not Python"):
        read_revisions(tmp_path)
    assert not (tmp_path / "was-run").exists()


def test_a_circle_of_dependencies_is_named(tmp_path: Path) -> None:
    files = {"a": line("a", None, 'depends_on = "b"\n'), "b": line("b", None, 'depends_on = "a"\n')}
    lay(tmp_path, {f"{VERSIONS}/{name}.py": text for name, text in files.items()})
    with pytest.raises(LabError, match=r"form a circle: a\.py, b\.py\. Correct `depends_on`"):
        read_revisions(tmp_path)


def test_a_long_history_takes_no_longer_than_alembic_needs(tmp_path: Path) -> None:
    body = "from alembic import op\nimport sqlalchemy as sa\n\ndef upgrade():\n    op.add_column('t', sa.Column('c'))\n"
    names = [f"{number:04}" for number in range(2500)]
    for own, down in zip(names, [None, *names[:-1]], strict=True):
        lay(tmp_path, {f"{VERSIONS}/{own}_step.py": line(own, down, body)})

    def theirs() -> list[str]:
        with alembic_in(tmp_path) as alembic:
            return [each.revision for each in alembic.walk_revisions()]

    ours, needed = _best(lambda: [each.id for each in read_revisions(tmp_path)]), _best(theirs)
    assert ours < 3 * needed


def _best(load: Callable[[], list[str]]) -> float:
    """Seconds of the faster of two loads; Alembic's first one compiles the files."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        assert len(load()) == 2500
        seconds.append(time.perf_counter() - start)
    return min(seconds)
