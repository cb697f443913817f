"""Each instrument on databases with what real ones have: it is right, or says in a sentence what it does not show."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments import locks, storage
from migration_lab.instruments.models import read_models
from migration_lab.instruments.query import execute, query
from migration_lab.instruments.revisions import read_standing
from migration_lab.instruments.schema import as_text, diff, read_schema
from migration_lab.instruments.timeline import Recording
from migration_lab.instruments.traffic import Requests, over_sql
from migration_lab.shops import workspace
from migration_lab.shops.flask_command import environment
from tests.instruments import wide_schemas


@dataclass(frozen=True)
class Wide:
    """One of the databases."""

    name: str
    url: str


@pytest.fixture(scope="module", params=["films", "music", "sqlite"])
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wide]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield Wide("sqlite", wide_schemas.make_on_sqlite(folder / "wide.db"))
        return
    postgres = engine("postgres")
    postgres.create(folder)
    url = postgres.sqlalchemy_url(folder)
    execute(url, wide_schemas.ON_POSTGRES[request.param] + wide_schemas.VERSION)
    yield Wide(request.param, url)
    postgres.drop(folder)


LINES = {
    "films": [
        "  rate_with_tax         numeric, may be null, generated always as (rental_rate * 1.19) stored",
        "  constraint room_once EXCLUDE USING gist (during WITH &&) WHERE (floor > 0)",
        "  unique constraint room_unique on (floor) NULLS NOT DISTINCT INCLUDE (during)",
        "  trigger late AFTER INSERT ON payment_2024 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION note()",
        "enum rating: G, PG, PG-13, R, NC-17",
        "Compared, but shown only in `.details`: aggregate (1), comment on table (1), composite type (1), domain (2), "
        "index (1), inherits (16), partitioned (2), persistence (1), policy (2), range type (1), row security (1), "
        "rows of a materialized view (1), rule (1), statistics (1), storage parameters (2).",
    ],
    "music": [
        'table Cover Art.Art "of" it',
        "  foreign key l_artist_url_entity1_fkey (entity1) to music.url (id) ON DELETE CASCADE",
        "  index work_idx_name on (lower(name::text)) WHERE edits > 0",
        "table music.artist",
        "table artist",
        "table music.documentation.30",
        "enum music.cut: album, 'single, or EP'",
        "sequence music.edits: of its own",
        "Compared, but shown only in `.details`: collation (1), composite type (1), domain (1).",
    ],
    "sqlite": [
        "  third     REAL, may be null, generated always as (value * 3) stored",
        "  primary key on (word, place) DESC of place",
        "  unique constraint without a name on (select) ON CONFLICT IGNORE",
        '  foreign key without a name (parent) to odd "names" here (select) DEFERRABLE INITIALLY DEFERRED',
        "  trigger noted AFTER UPDATE OF value ON measurements WHEN NEW.value > 1 BEGIN SELECT 1; END",
        "view nearest: SELECT * FROM vectors",
        "Compared, but shown only in `.details`: table option (5), trigger (1), virtual table (3).",
    ],
}
DETAILS = {
    "films": [
        ("composite type", '(street text, "postal code" character varying(10), place point)'),
        ("domain", "character varying(40) COLLATE C NOT NULL DEFAULT 'none'::character varying"),
        ("inherits", "payment_2025 FOR VALUES WITH (modulus 2, remainder 0)"),
        ("policy", "permissive for select to public using true"),
        ("row security", "enabled, forced"),
        ("rows of a materialized view", "none yet"),
        ("index", "CREATE UNIQUE INDEX sales_film ON public.sales USING btree (film_id)"),
    ],
    "music": [("domain", "character(12) isrc_form CHECK (VALUE ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'::text)")],
    "sqlite": [("virtual table", "USING vec0(x float [3])"), ("table option", "set")],
}


def test_the_schema_is_complete(wide: Wide) -> None:
    found = read_schema(wide.url)
    assert set(LINES[wide.name]) - set(as_text(found).splitlines()) == set()
    assert set(DETAILS[wide.name]) - {(each.kind, each.definition) for each in found.details} == set()
    assert diff(found, read_schema(wide.url)) == []
    assert not [each for each in found.tables if not each.columns]
    if wide.name == "music":
        assert len(found.tables) > 200


def test_all_tables_and_views_can_be_queried(wide: Wide) -> None:
    found = read_schema(wide.url)
    for name in [
        *(
            ".".join(f'"{each.replace(chr(34), chr(34) * 2)}"' for each in table.place if each)
            for table in found.tables
        ),
        *(f'"{each.name}"' for each in found.views if "." not in each.name and each.name != "nearest"),
        *(["docs", "places"] if wide.name == "sqlite" else ['"Cover Art"."Fronts"'] if wide.name == "music" else []),
    ]:
        answer = query(wide.url, f"SELECT * FROM {name}")
        assert answer.columns
        assert f"({'1 row' if len(answer) == 1 else f'{len(answer)} rows'}" in answer.as_text()


@pytest.mark.parametrize("wide", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["vectors", "nearest"])
def test_a_query_names_the_module_that_is_missing(wide: Wide, name: str) -> None:
    with pytest.raises(LabError, match="no such module: vec0"):
        query(wide.url, f"SELECT * FROM {name}")


MEASURED = {
    "films": ["film", "payment_2024", "payment_other", "clerk", "basket", "sales"],
    "music": ["artist", "music.l_artist_url"],
    "sqlite": ["measurements", "words", 'odd "names" here', "docs_data", "places_node"],
}


def test_storage_measures_each_kind_of_table(wide: Wide) -> None:
    for name in MEASURED[wide.name]:
        found = storage.read(wide.url, name)
        assert found.table_bytes >= 0
        assert not found.since(found).rewritten
    assert storage.read(wide.url, MEASURED[wide.name][0]).table_bytes > 0


@pytest.mark.parametrize("wide", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["docs", "places", "vectors"])
def test_storage_says_where_the_rows_of_a_virtual_table_are(wide: Wide, name: str) -> None:
    with pytest.raises(LabError, match=f"{name} is a virtual table, which has no rows") as failed:
        storage.read(wide.url, name)
    assert f"`{name}_...`" in failed.value.next_step


# A statement that holds locks, and who holds what then.
HELD = {
    "films": (
        "ALTER TABLE payment ADD COLUMN note text",
        dict.fromkeys(["payment", "payment_2024", "payment_2025_0"], "ACCESS EXCLUSIVE"),
    ),
    "music": (
        'ALTER TABLE "Cover Art"."Art ""of"" it" ADD COLUMN note text; REFRESH MATERIALIZED VIEW music.counts',
        dict.fromkeys(['Cover Art.Art "of" it', "music.counts"], "ACCESS EXCLUSIVE"),
    ),
    "sqlite": ("UPDATE measurements SET value = 3", {"measurements": "RESERVED"}),
}


def test_locks_are_seen_under_the_names_of_the_schema(wide: Wide) -> None:
    statement, held = HELD[wide.name]
    found = read_schema(wide.url)
    names = {table.name for table in found.tables} | {view.name for view in found.materialized_views}
    with locks.watch(wide.url) as seen, locks.holding(wide.url, statement):
        seen.look()
    assert seen.trouble is None
    assert {name: seen.strongest(name) for name in held} == held
    assert held.keys() <= names


TRAFFIC = {
    "films": (
        "SELECT * FROM moments, film_list WHERE film_id >= :id",
        "UPDATE payment SET amount = 1 WHERE film_id = :id",
    ),
    "music": (
        'SELECT * FROM "Cover Art"."Fronts" WHERE "Id" = :id',
        "UPDATE music.artist SET name = '' WHERE id = :id",
    ),
    "sqlite": ("SELECT * FROM docs WHERE rowid = :id", "UPDATE words SET place = place WHERE place = :id"),
}


def test_a_run_is_recorded_on_a_timeline(wide: Wide) -> None:
    read, write = TRAFFIC[wide.name]
    requests = Requests(over_sql(wide.url, [read], [write], per_second=50))
    with Recording(requests, title="a run", watch=locks.watch(wide.url)) as seen:
        seen.wait_for(4)
    assert seen.failed == 0, seen.as_text()
    assert seen.as_text().splitlines()[1].startswith("a run")


def test_the_database_stands_at_its_revision(wide: Wide) -> None:
    assert read_standing("wide", wide.url).revisions == ("0001",)


COMPARED = {
    "films": "basket clerk film language moments payment payment_2024 payment_2025 payment_2025_0 payment_2025_1 "
    "payment_other room staff",
    "music": "artist",  # Alembic compares the first schema of the search path
    "sqlite": 'children measurements odd "names" here words',
}


def test_models_are_compared_with_what_is_there(wide: Wide, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = workspace.open_lesson(course.lesson("03"), engine("sqlite")).workspace
    (shop.folder / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL={wide.url}\n", encoding="utf-8")
    assert environment(shop.folder)["DATABASE_URL"] == wide.url
    found = read_models(shop, wide.url)
    assert found.fault == ""
    assert {"add table users", "add table orders"} <= set(found.differences)
    removed = sorted(each.removeprefix("remove table ") for each in found.differences if "remove table" in each)
    assert " ".join(removed) == COMPARED[wide.name]
