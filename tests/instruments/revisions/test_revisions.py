"""The graph of revisions, the revisions of databases, and the messages for files that do not form a history."""

import re
from pathlib import Path

import pytest

from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments.query import execute
from migration_lab.instruments.revisions import History, Standing, as_mermaid, as_text, read_history, read_revisions
from migration_lab.instruments.shop import PlainShop

Graph = dict[str, str | tuple[str, ...] | None]

LINE: Graph = {"0001": None, "0002": "0001"}
BRANCHES: Graph = {"0001": None, "0002a": "0001", "0002b": "0001", "0003b": "0002b"}
MERGED: Graph = {**BRANCHES, "0004": ("0002a", "0003b"), "0005": "0004"}


VERSIONS = "migrations/versions"


def lay(folder: Path, graph: Graph) -> Path:
    versions = folder / VERSIONS
    versions.mkdir(parents=True, exist_ok=True)
    for own, down in graph.items():
        (versions / f"{own}_step.py").write_text(
            f'"""step {own}\n\nMore.\n"""\n\nrevision: str = {own!r}\ndown_revision = {down!r}\n'
            'raise RuntimeError("a revision file must never run here")\n'
        )
    return folder


def test_a_line_of_revisions_is_read_newest_first(tmp_path: Path) -> None:
    history = History(read_revisions(lay(tmp_path, LINE)))
    assert history.ids == ("0002", "0001")
    assert (history.heads, history.bases) == (("0002",), ("0001",))
    revision = history.revision("0002")
    assert revision is not None
    assert (revision.down, revision.message, revision.file) == (("0001",), "step 0002", "0002_step.py")
    assert history.revision("9999") is None


def test_branches_and_their_merge_are_drawn(tmp_path: Path) -> None:
    assert as_text(History(read_revisions(lay(tmp_path, MERGED)))) == "\n".join(
        [
            "*  0005 step 0005 (head)",
            "*  0004 step 0004",
            "|\\",
            "* |  0002a step 0002a",
            "| *  0003b step 0003b",
            "| *  0002b step 0002b",
            "|/",
            "*  0001 step 0001 (base)",
        ]
    )


def test_two_heads_are_drawn_side_by_side_with_the_databases(tmp_path: Path) -> None:
    databases = (Standing("staging", ("0002a",)), Standing("production", ("0002a", "0003b")))
    assert as_text(History(read_revisions(lay(tmp_path, BRANCHES)), databases)) == "\n".join(
        [
            "*  0002a step 0002a (head) <- staging, production",
            "| *  0003b step 0003b (head) <- production",
            "| *  0002b step 0002b",
            "|/",
            "*  0001 step 0001 (base)",
        ]
    )


def test_a_knot_of_merges_leads_every_lane_home(tmp_path: Path) -> None:
    knot: Graph = {"a": None, "b": "a", "c": "b", "d": "b", "e": "a", "m": ("d", "e"), "n": ("c", "m")}
    assert as_text(History(read_revisions(lay(tmp_path, knot)))) == "\n".join(
        [
            "*  n step n (head)",
            "|\\",
            "* |  c step c",
            "| *  m step m",
            "| |\\",
            "| * |  d step d",
            "|/ /",
            "* |  b step b",
            "| *  e step e",
            "|/",
            "*  a step a (base)",
        ]
    )


def test_the_end_of_a_long_history_can_be_looked_at_alone(tmp_path: Path) -> None:
    graph: Graph = {"0001": None, "0002": "0001", "0003": "0002", "0004": "0003", "x": "0001"}
    history = History(read_revisions(lay(tmp_path, graph)), (Standing("here", ("0004",)), Standing("old", ("0002",))))
    cut = history.since("0003")
    assert cut.ids == ("0004", "0003", "x")  # a head that starts further down is not hidden
    assert (cut.heads, cut.bases, cut.earlier) == (("0004", "x"), (), ("0001", "0002"))
    assert as_text(cut).splitlines() == [
        "*  0004 step 0004 (head) <- here",
        "*  0003 step 0003",
        "*  x step x (head)",
        "",
        "old: at revision 0002, which comes before these",
    ]
    assert as_text(History(read_revisions(lay(tmp_path / "merged", MERGED))).since("0004")) == "\n".join(
        ["*  0005 step 0005 (head)", "*  0004 step 0004"]
    )
    assert "0002<br/>comes before these" in as_mermaid(cut)
    assert "0001" not in as_mermaid(cut).replace("step 0001", "")
    assert history.since("0001").ids == history.ids
    with pytest.raises(LabError, match="No revision has the id 9999"):
        history.since("9999")


def test_two_histories_without_a_common_base_stand_below_each_other(tmp_path: Path) -> None:
    history = History(read_revisions(lay(tmp_path, {"0001": None, "x": None})))
    assert set(history.bases) == set(history.heads) == {"0001", "x"}
    assert as_text(history).count("(head, base)") == 2


def test_where_a_database_stands(tmp_path: Path, database: str) -> None:
    lay(tmp_path, LINE)
    place = PlainShop(tmp_path, engine("sqlite"), database)
    assert read_history(place).current == ()
    assert '[("database<br/>at no revision")]' in as_mermaid(read_history(place))
    assert as_text(read_history(place)).endswith("database: at no revision; it has no table alembic_version")

    execute(database, "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
    assert as_text(read_history(place)).endswith("database: at no revision; its table alembic_version is empty")

    execute(database, "DROP TABLE alembic_version; CREATE TABLE users (id integer)")
    assert "at no revision, though it has tables: alembic_version is missing. Compare" in as_text(read_history(place))
    assert "flask db stamp REVISION" in as_text(read_history(place))
    assert '[("database<br/>at no revision<br/>though it has tables")]' in as_mermaid(read_history(place))

    execute(database, "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
    execute(database, "INSERT INTO alembic_version VALUES ('0001')")
    assert read_history(place).current == ("0001",)
    assert "0001 step 0001 (base) <- database" in as_text(read_history(place))

    execute(database, "UPDATE alembic_version SET version_num = '52834a837aa0'")
    history = read_history(place, {"production": database})
    assert history.unknown(history.databases[0]) == ("52834a837aa0",)
    assert "production: at revision 52834a837aa0, which no file has. Bring its file back" in as_text(history)
    assert "no file has it" in as_mermaid(history)


def test_the_picture_has_a_title_a_description_and_harmless_labels(tmp_path: Path) -> None:
    (lay(tmp_path, MERGED) / VERSIONS / "0001_step.py").write_text(
        '"""a "quoted" <b>`label`</b>; end # %% subgraph"""\nrevision = "0001"\ndown_revision = None\n'
    )
    history = History(read_revisions(tmp_path), (Standing("my\ndatabase", ("0002a",)),))
    lines = as_mermaid(history).splitlines()
    assert lines[1:4] == [
        "flowchart BT",
        "  accTitle: The history of revisions",
        "  accDescr: 6 revisions, heads 0005. mydatabase is at 0002a",
    ]
    label = next(line for line in lines if line.startswith("  r0["))
    shown = re.sub(r"<br/>|#\d+;", "", label.removeprefix('  r0["').removesuffix('"]'))
    assert not set('"<>`;#%') & set(shown)
    assert lines.count("  r0 --> r1") == 1
    assert sum("-->" in line for line in lines) == 6
    assert "  d0 -.-> r" in as_mermaid(history)


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        ({"0001": None, "0003": "0002"}, "0003_step.py follows revision 0002, and no file has that id."),
        ({"0001": "0001"}, "0001_step.py follows itself."),
        (
            {"0001": None, "0002": "0003", "0003": "0002", "0004": "0003"},
            "The revisions form a circle: 0002_step.py, 0003_step.py.",
        ),
    ],
)
def test_files_that_make_no_history_are_named(tmp_path: Path, graph: Graph, says: str) -> None:
    with pytest.raises(LabError) as failure:
        read_revisions(lay(tmp_path, graph))
    assert failure.value.message == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('revision = "0002"\ndown_revision = \n', "broken.py is not Python: invalid syntax in line 2."),
        ('revision = "0002"\n', "broken.py does not say its `down_revision`."),
        ("", "broken.py does not say its `revision`."),
        ('revision = 2\ndown_revision = "0001"\n', "broken.py gives `revision` or `down_revision` as something"),
        (
            'revision = "a@b"\ndown_revision = "0001"\n',
            "broken.py: Character(s) '@' not allowed in revision identifier",
        ),
        ('revision = "0002"\ndown_revision = ["0001", 1]\n', "broken.py gives `revision` or `down_revision` as"),
        (
            'revision = "0003"\ndown_revision = "0002"\ndepends_on = "x"\n',
            "broken.py depends on x, and no file has that id or label.",
        ),
        (
            'revision = "0003"\ndown_revision = "0002"\nbranch_labels = "0001"\n',
            "The revisions make no history: Branch name '0001' in revision 0003 already used by revision 0001.",
        ),
        (
            'revision = "0001"\ndown_revision = None\n',
            "Two files have the revision id 0001: 0001_step.py and broken.py.",
        ),
        ("\0", "broken.py is not Python"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    (lay(tmp_path, LINE) / VERSIONS / "broken.py").write_text(text)
    with pytest.raises(LabError) as failure:
        read_revisions(tmp_path)
    assert failure.value.message.startswith(says)


def test_a_shop_without_migrations_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="flask db init"):
        PlainShop(tmp_path, engine("sqlite")).history()
    (tmp_path / VERSIONS).mkdir(parents=True)
    assert as_text(History(read_revisions(tmp_path))) == "(no revisions yet)"
