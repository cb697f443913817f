"""Everything else in Postgres's catalog: one query for each kind of object, over all schemas at once.

Each returns rows of (kind, owner, name, definition), and none for defaults.
"""

from typing import Any

from sqlalchemy import Connection

from migration_lab.instruments.schema.model import Detail
from migration_lab.instruments.schema.sql import one_line

# The schemas that are not the server's own, what comes with an extension or a type, and all other tables and the like.
SCOPE = """
    WITH space AS (
        SELECT oid, nspname, nspowner, nspacl, nspname IS NOT DISTINCT FROM current_schema() AS first,
               CASE WHEN nspname = current_schema() THEN '' ELSE nspname || '.' END AS prefix
        FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    ), member AS (
        SELECT classid, objid FROM pg_depend
        WHERE deptype = 'e' OR (deptype = 'i' AND refclassid = 'pg_type'::regclass)
    ), relation AS (
        SELECT c.*, CASE WHEN plain THEN relname ELSE nspname || '.' || relname END AS called,
               CASE WHEN NOT plain THEN nspname END AS elsewhere
        FROM pg_class c JOIN space ON space.oid = relnamespace CROSS JOIN LATERAL (
             SELECT first AND strpos(relname, '.') = 0) AS it (plain)
        WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_class'::regclass AND objid = c.oid)
    )"""


def _listed(array: str) -> str:
    listed = f"(SELECT nullif(string_agg(e::text, ', ' ORDER BY e::text), '') FROM unnest({array}) e)"
    return f"CASE WHEN {array} IS NOT NULL THEN {listed} END"


def _rights(rights: str, kind: str, owner: str) -> str:
    """Rights that are not those of a new thing of this kind."""
    said, usual = f"coalesce({_listed(rights)}, 'none')", _listed(f"acldefault({kind}, {owner})")
    return f"CASE WHEN {rights} IS NOT NULL AND {said} IS DISTINCT FROM {usual} THEN {said} END"


def _of_another(owner: str) -> str:
    """The owner of a thing, if that is not the owner of the database."""
    usual = "(SELECT datdba FROM pg_database WHERE datname = current_database())"
    return f"CASE WHEN {owner} <> {usual} THEN {owner}::regrole::text END"


KIND_OF_RIGHTS = """CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END"""
RELATIONS = f"""
    SELECT kind, CASE WHEN t.oid IS NULL THEN c.called ELSE t.called END AS owner,
           CASE WHEN t.oid IS NULL THEN '' ELSE c.relname END AS name, definition
    FROM relation c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN relation t ON t.oid = i.indrelid
    LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
    CROSS JOIN LATERAL (VALUES
        ('storage parameters', {_listed("c.reloptions")}),
        ('storage parameters of long values', {_listed("o.reloptions")}),
        ('persistence', CASE WHEN c.relpersistence = 'u' AND c.relkind IN ('r', 'p', 'm') THEN 'unlogged' END),
        ('replica identity', CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p')
            THEN 'nothing' END WHEN 'i' THEN 'using index ' || (SELECT indexrelid::regclass FROM pg_index
            WHERE indrelid = c.oid AND indisreplident) END),
        ('clustered', CASE WHEN c.relkind IN ('r', 'p', 'm') THEN (SELECT 'on ' || indexrelid::regclass FROM pg_index
            WHERE indrelid = c.oid AND indisclustered) END),
        ('row security', concat_ws(', ', CASE WHEN c.relrowsecurity THEN 'enabled' END,
            CASE WHEN c.relforcerowsecurity THEN 'forced' END)),
        ('tablespace', CASE WHEN c.reltablespace <> 0 THEN (SELECT spcname FROM pg_tablespace s
            WHERE s.oid = c.reltablespace) END),
        ('access method', CASE WHEN c.relkind IN ('r', 'p', 'm') THEN (SELECT nullif(amname, 'heap') FROM pg_am a
            WHERE a.oid = c.relam) END),
        ('partitioned', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END),
        ('inherits', (SELECT string_agg(concat_ws(' ', inhparent::regclass, CASE WHEN c.relispartition
            THEN pg_get_expr(c.relpartbound, c.oid) END), ', ' ORDER BY inhseqno) FROM pg_inherits
            WHERE inhrelid = c.oid)),
        ('type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END),
        ('owner', CASE WHEN t.oid IS NULL THEN {_of_another("c.relowner")} END),
        ('rights', {_rights("c.relacl", KIND_OF_RIGHTS, "c.relowner")}),
        ('rows of a materialized view', CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'none yet' END),
        ('foreign table', CASE WHEN c.relkind = 'f' THEN (
            SELECT concat_ws(' ', srvname, {_listed("ftoptions")}) || ': ' || (SELECT string_agg(
            attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attname)
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
            FROM pg_foreign_table JOIN pg_foreign_server s ON s.oid = ftserver WHERE ftrelid = c.oid) END),
        ('index', CASE WHEN t.relkind NOT IN ('r', 'p') THEN
            pg_get_indexdef(c.oid) || CASE WHEN i.indisvalid THEN '' ELSE ', INVALID' END END)
    ) AS d (kind, definition)
    WHERE definition <> ''"""
COLUMNS = f"""
    SELECT kind || ' of column', c.called, a.attname, definition
    FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
    CROSS JOIN LATERAL (VALUES
        ('storage', CASE WHEN a.attstorage <> t.typstorage THEN
            CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main'
            ELSE 'extended' END END),
        ('compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END),
        ('statistics', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::text END),
        ('options', {_listed("a.attoptions")}),
        ('options', {_listed("a.attfdwoptions")}),
        ('rights', {_listed("a.attacl")}),
        ('default', CASE WHEN c.relkind NOT IN ('r', 'p') THEN pg_get_expr(e.adbin, e.adrelid) END)
    ) AS d (kind, definition)
    WHERE definition IS NOT NULL AND c.relkind <> 'c'"""
# A name that Postgres generated is not compared: it stays when the column is renamed.
NOT_NULL = """
    SELECT 'NOT NULL of column', called, attname, concat_ws(', ',
           CASE WHEN conname !~ '_not_null\\d*$' THEN 'called ' || conname END,
           CASE WHEN NOT convalidated THEN 'NOT VALID' END, CASE WHEN connoinherit THEN 'NO INHERIT' END)
    FROM pg_constraint k JOIN relation c ON c.oid = conrelid
    JOIN pg_attribute a ON attrelid = c.oid AND attnum = conkey[1]
    WHERE contype = 'n' AND (conname !~ '_not_null\\d*$' OR NOT convalidated OR connoinherit)"""
TRIGGERS = """
    SELECT CASE WHEN relkind IN ('r', 'p') THEN 'state of ' ELSE '' END || 'trigger', called,
           coalesce(conname, tgname), concat_ws(', ',
           CASE WHEN relkind NOT IN ('r', 'p') THEN pg_get_triggerdef(t.oid, true) END,
           CASE tgenabled WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'always' WHEN 'R' THEN 'on a replica' END)
    FROM pg_trigger t JOIN relation c ON c.oid = tgrelid LEFT JOIN pg_constraint k ON k.oid = tgconstraint
    WHERE tgenabled <> 'O' OR (NOT tgisinternal AND relkind NOT IN ('r', 'p'))"""
RULES = """
    SELECT 'rule', called, rulename, concat_ws(', ', pg_get_ruledef(r.oid, true), CASE ev_enabled
           WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'always' WHEN 'R' THEN 'on a replica' END)
    FROM pg_rewrite r JOIN relation c ON c.oid = ev_class WHERE rulename <> '_RETURN'"""
POLICIES = f"""
    SELECT 'policy', called, polname, concat_ws(' ', CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
           'for', CASE polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
           WHEN 'd' THEN 'delete' ELSE 'all' END, 'to',
           CASE WHEN polroles = '{{0}}' THEN 'public' ELSE {_listed("polroles::regrole[]")} END,
           'using ' || pg_get_expr(polqual, polrelid), 'with check ' || pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy JOIN relation c ON c.oid = polrelid"""
STATISTICS = """
    SELECT 'statistics', called, stxname, concat_ws(', target ', pg_get_statisticsobjdef(s.oid),
           CASE WHEN stxstattarget >= 0 THEN stxstattarget END)
    FROM pg_statistic_ext s JOIN relation c ON c.oid = stxrelid"""
SEQUENCES = """
    SELECT 'sequence' || CASE WHEN t.oid IS NULL THEN '' ELSE ' of column' END, t.called, coalesce(attname, c.called),
           concat_ws(' ', 'as', format_type(seqtypid, NULL), 'start', seqstart, 'increment', seqincrement,
           'from', seqmin, 'to', seqmax, 'cache', seqcache, CASE WHEN seqcycle THEN 'cycle' END,
           CASE WHEN c.relpersistence = 'u' AND t.oid IS NULL THEN 'unlogged' END)
    FROM pg_sequence s JOIN relation c ON c.oid = seqrelid
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND refobjsubid > 0
         AND deptype IN ('a', 'i')
    LEFT JOIN relation t ON t.oid = refobjid LEFT JOIN pg_attribute a ON attrelid = refobjid AND attnum = refobjsubid"""
# Without the body, if the function's own entry in the model has it.
FUNCTIONS = f"""
    SELECT kind, NULL, prefix || proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', definition
    FROM pg_proc p JOIN space ON space.oid = pronamespace JOIN pg_language l ON l.oid = prolang
    LEFT JOIN pg_aggregate a ON aggfnoid = p.oid
    CROSS JOIN LATERAL (VALUES
        (CASE prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, CASE WHEN prokind <> 'a' THEN
            CASE WHEN lanname IN ('sql', 'plpgsql') AND prosrc <> '' THEN
            replace(pg_get_functiondef(p.oid), prosrc, ' body ') ELSE pg_get_functiondef(p.oid) END END),
        ('aggregate', CASE WHEN prokind = 'a' THEN concat_ws(', ', aggtransfn, aggfinalfn, aggcombinefn, agginitval,
            aggkind, format_type(aggtranstype, NULL), pg_get_function_result(p.oid)) END),
        ('owner of function', {_of_another("proowner")}),
        ('rights of function', {_rights("proacl", "'f'", "proowner")})
    ) AS d (kind, definition)
    WHERE definition IS NOT NULL
      AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_proc'::regclass AND objid = p.oid)"""
TYPES = f"""
    SELECT kind, NULL, prefix || typname, definition
    FROM pg_type t JOIN space ON space.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
    CROSS JOIN LATERAL (VALUES
        ('domain', CASE WHEN typtype = 'd' THEN concat_ws(' ', format_type(typbasetype, typtypmod),
            (SELECT 'COLLATE ' || collname FROM pg_collation l JOIN pg_type b ON b.oid = t.typbasetype
             WHERE l.oid = t.typcollation AND t.typcollation <> b.typcollation),
            CASE WHEN typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || typdefault,
            (SELECT string_agg(conname || ' ' || pg_get_constraintdef(k.oid, true), ' ' ORDER BY conname)
             FROM pg_constraint k WHERE contypid = t.oid AND contype = 'c')) END),
        ('composite type', CASE WHEN relkind = 'c' THEN (SELECT '(' || coalesce(string_agg(quote_ident(attname) || ' '
            || format_type(atttypid, atttypmod) || coalesce((SELECT ' COLLATE ' || collname FROM pg_collation l
            WHERE l.oid = attcollation
            AND attcollation <> (SELECT typcollation FROM pg_type WHERE oid = atttypid)), ''), ', '
            ORDER BY attnum), '') || ')' FROM pg_attribute
            WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped) END),
        ('range type', CASE WHEN typtype = 'r' THEN (
            SELECT concat_ws(', ', format_type(rngsubtype, NULL), nullif(rngcanonical::text, '-'),
            nullif(rngsubdiff::text, '-'), (SELECT collname FROM pg_collation WHERE oid = rngcollation))
            FROM pg_range WHERE rngtypid = t.oid) END),
        ('base type', CASE WHEN typtype = 'b' AND typcategory <> 'A' THEN typinput::text END),
        ('owner of type', CASE WHEN typtype IN ('d', 'e', 'r') OR relkind = 'c' THEN {_of_another("typowner")} END),
        ('rights of type', {_rights("typacl", "'T'", "typowner")})
    ) AS d (kind, definition)
    WHERE definition IS NOT NULL
      AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_type'::regclass AND objid = t.oid)"""
OF_DATABASE = f"""
    SELECT 'schema', NULL, nspname, concat_ws(', ', 'of ' || nspowner::regrole, {_listed("nspacl")})
    FROM space WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_namespace'::regclass AND objid = space.oid)
    UNION ALL SELECT 'extension', NULL, extname, extversion || ' in ' || extnamespace::regnamespace FROM pg_extension
    UNION ALL SELECT 'event trigger', NULL, evtname, concat_ws(' ', evtevent, {_listed("evttags")},
           evtfoid::regprocedure, CASE evtenabled WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'always'
           WHEN 'R' THEN 'on a replica' END) FROM pg_event_trigger
    UNION ALL SELECT 'default rights', NULL, concat_ws(' ', CASE defaclobjtype WHEN 'r' THEN 'tables'
           WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas'
           ELSE defaclobjtype::text END, 'of', defaclrole::regrole, 'in ' || nullif(defaclnamespace, 0)::regnamespace),
           coalesce({_listed("defaclacl")}, 'none') FROM pg_default_acl
    UNION ALL SELECT 'setting', NULL, concat_ws(' ', split_part(said, '=', 1),
           'of ' || nullif(setrole, 0)::regrole), said
      FROM pg_db_role_setting CROSS JOIN unnest(setconfig) said
     WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'subscription', NULL, subname, array_to_string(subpublications, ', ') FROM pg_subscription
     WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'publication', NULL, pubname, (to_jsonb(p) - '{{oid,pubname,pubowner}}'::text[])::text
           || coalesce((SELECT string_agg(concat_ws(' ', prrelid::regclass, prattrs, pg_get_expr(prqual, prrelid)), ', '
           ORDER BY prrelid::regclass::text) FROM pg_publication_rel WHERE prpubid = p.oid), '')
           || coalesce((SELECT string_agg(pnnspid::regnamespace::text, ', ' ORDER BY pnnspid::regnamespace::text)
           FROM pg_publication_namespace WHERE pnpubid = p.oid), '')
      FROM pg_publication p"""
# Rare objects: their identity, and their own row of the catalog without the ids of other rows.
IDENTITY = r"regexp_replace(identity, '\m(pg_catalog|' || coalesce(current_schema(), '') || ')\.', '', 'g')"
RARE = f"""
    SELECT type, NULL, {IDENTITY}, coalesce(definition, 'there')
    FROM (
        SELECT 'pg_collation'::regclass AS class, oid,
               (to_jsonb(c) - '{{oid,collname,collnamespace,collowner,collversion}}'::text[])::text AS definition
          FROM pg_collation c
        UNION ALL SELECT 'pg_cast'::regclass, oid, concat_ws(' ', castcontext, castmethod, castfunc::regprocedure)
          FROM pg_cast
        UNION ALL SELECT 'pg_operator'::regclass, oid, concat_ws(' ', oprcode, oprcom::regoperator,
               oprnegate::regoperator, oprrest, oprjoin) FROM pg_operator
        UNION ALL SELECT 'pg_opclass'::regclass, oid, opcdefault::text FROM pg_opclass
        UNION ALL SELECT 'pg_opfamily'::regclass, oid, NULL FROM pg_opfamily
        UNION ALL SELECT 'pg_conversion'::regclass, oid, conproc::text FROM pg_conversion
        UNION ALL SELECT 'pg_language'::regclass, oid, NULL FROM pg_language
        UNION ALL SELECT 'pg_am'::regclass, oid, amhandler::text FROM pg_am
        UNION ALL SELECT 'pg_transform'::regclass, oid, NULL FROM pg_transform
        UNION ALL SELECT 'pg_ts_config'::regclass, oid, (SELECT string_agg(
               maptokentype || ' ' || mapdict::regdictionary, ', ' ORDER BY maptokentype, mapseqno)
               FROM pg_ts_config_map WHERE mapcfg = c.oid) FROM pg_ts_config c
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictinitoption FROM pg_ts_dict
        UNION ALL SELECT 'pg_ts_parser'::regclass, oid, prsstart::text FROM pg_ts_parser
        UNION ALL SELECT 'pg_ts_template'::regclass, oid, tmpllexize::text FROM pg_ts_template
        UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, {_listed("fdwoptions")} FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'pg_foreign_server'::regclass, oid, {_listed("srvoptions")} FROM pg_foreign_server
    ) AS rare CROSS JOIN LATERAL pg_identify_object(class, oid, 0)
    WHERE rare.oid >= 16384
      AND NOT EXISTS (SELECT FROM member WHERE classid = class AND objid = rare.oid)"""
COMMENTS = f"""
    SELECT 'comment on ' || type, coalesce(t.called, c.called), CASE WHEN objsubid > 0 THEN attname
           WHEN t.oid IS NOT NULL THEN coalesce(conname, tgname, polname, c.relname) WHEN c.oid IS NOT NULL THEN ''
           ELSE {IDENTITY} END, description
    FROM (SELECT * FROM pg_description WHERE classoid <> 'pg_extension'::regclass AND (objoid >= 16384
          OR (classoid = 'pg_namespace'::regclass AND objoid = to_regnamespace('public')
              AND description <> 'standard public schema'))
          AND NOT EXISTS (SELECT FROM member WHERE classid = classoid AND objid = objoid) OFFSET 0) d
    LEFT JOIN relation c ON classoid = 'pg_class'::regclass AND objoid = c.oid
    LEFT JOIN pg_attribute a ON attrelid = c.oid AND attnum = objsubid AND objsubid > 0
    LEFT JOIN pg_index i ON indexrelid = c.oid
    LEFT JOIN pg_constraint k ON classoid = 'pg_constraint'::regclass AND objoid = k.oid
    LEFT JOIN pg_trigger g ON classoid = 'pg_trigger'::regclass AND objoid = g.oid
    LEFT JOIN pg_policy p ON classoid = 'pg_policy'::regclass AND objoid = p.oid
    LEFT JOIN relation t ON t.oid = coalesce(indrelid, nullif(conrelid, 0), tgrelid, polrelid)
    CROSS JOIN LATERAL pg_identify_object(classoid, objoid, objsubid)"""

# One query, so that shared lookups are done once.
DETAILS = SCOPE + " UNION ALL ".join((
    RELATIONS, COLUMNS, NOT_NULL, TRIGGERS, RULES, POLICIES, STATISTICS, SEQUENCES, FUNCTIONS, TYPES, OF_DATABASE,
    RARE, COMMENTS,
))  # fmt: skip


def answers(connection: Connection, question: str) -> list[Any]:
    """Query the catalog: a named tuple for each row.

    The query is prepared, so that a session plans it only once: planning takes three times
    as long as running it.
    """
    from psycopg.rows import namedtuple_row  # only those who use Postgres import its driver

    driver: Any = connection.connection
    with driver.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(question, prepare=True)
        answer: list[Any] = cursor.fetchall()
        return answer


def read(connection: Connection) -> list[Detail]:
    """All of it."""
    return [
        Detail(kind, name or "", one_line(definition), owner)
        for kind, owner, name, definition in answers(connection, DETAILS)
    ]
