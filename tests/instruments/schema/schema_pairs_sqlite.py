"""Pairs of schemas on SQLite that differ, each with words that must describe it, and equivalent pairs."""

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, age INTEGER);"
ORDERS = f"{USERS} CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER {{}}, amount INTEGER);"
VIEW = f"{USERS} CREATE VIEW v AS SELECT id FROM users;"
TRIGGER = f"{USERS} CREATE TRIGGER tr {{}};"


def _table(text: str) -> str:
    return f"CREATE TABLE t ({text})"


DIFFERENT = [
    # columns
    (_table("a"), _table("a, b TEXT"), "t: column b added (TEXT, may be null)"),
    (
        _table("a INTEGER"),
        _table("a BIGINT"),
        "t: column a changed from (INTEGER, may be null) to (BIGINT, may be null)",
    ),
    (_table("a"), _table("A"), "t: column A added"),
    (_table("a TEXT"), _table("a TEXT NOT NULL"), "must not be null"),
    (_table("a TEXT"), _table("a TEXT DEFAULT 'x'"), "default 'x'"),
    (_table("a TEXT DEFAULT 'x  y'"), _table("a TEXT DEFAULT 'x y'"), "default 'x  y'"),
    (_table("a TEXT DEFAULT 'x'"), _table("a TEXT DEFAULT 'X'"), "to (TEXT, may be null, default 'X')"),
    (_table("a DEFAULT 1"), _table("a DEFAULT -1"), "default -1"),
    (_table("a TEXT"), _table("a TEXT COLLATE NOCASE"), "collation NOCASE"),
    (_table("a TEXT COLLATE rtrim"), _table("a TEXT COLLATE NOCASE"), "from (TEXT, may be null, collation RTRIM)"),
    (_table("a, b AS (a + 1)"), _table("a, b AS (a + 2)"), "generated always as (a + 2) virtual"),
    (_table("a, b AS (a + 1)"), _table("a, b AS (a + 1) STORED"), "generated always as (a + 1) stored"),
    (_table("a, b"), _table("a, b AS (a || ' ,  ')"), "generated always as (a || ' ,  ') virtual"),
    (
        _table("a NOT NULL"),
        _table("a NOT NULL ON CONFLICT IGNORE"),
        "t: clauses of column a added (NOT NULL ON CONFLICT IGN",
    ),
    # keys
    (_table("id INTEGER"), _table("id INTEGER PRIMARY KEY"), "t: primary key added (on (id))"),
    (_table("id INTEGER PRIMARY KEY"), _table("id INTEGER PRIMARY KEY AUTOINCREMENT"), "on (id) AUTOINCREMENT"),
    (_table("id INTEGER PRIMARY KEY"), _table("id INTEGER PRIMARY KEY DESC"), "DESC of id"),
    (_table("id INTEGER PRIMARY KEY"), _table("id INTEGER PRIMARY KEY ON CONFLICT REPLACE"), "ON CONFLICT REPLACE"),
    (
        _table("id INTEGER PRIMARY KEY"),
        _table("id INTEGER CONSTRAINT pk PRIMARY KEY"),
        "t: primary key pk added (on (id))",
    ),
    (_table("a, b, PRIMARY KEY (a, b)"), _table("a, b, PRIMARY KEY (b, a)"), "to (on (b, a))"),
    (_table("a, PRIMARY KEY (a)"), _table("a, PRIMARY KEY (a COLLATE NOCASE)"), "COLLATE NOCASE of a"),
    (_table("a"), _table("a UNIQUE"), "t: unique constraint added (on (a))"),
    (_table("a TEXT UNIQUE"), _table("a TEXT"), "t: unique constraint removed (it was on (a))"),
    (_table("a UNIQUE"), _table("a CONSTRAINT uq UNIQUE"), "t: unique constraint uq added (on (a))"),
    (_table("a UNIQUE"), _table("a UNIQUE ON CONFLICT IGNORE"), "on (a) ON CONFLICT IGNORE"),
    (_table("a, b, UNIQUE (a)"), _table("a, b, UNIQUE (a, b)"), "on (a, b)"),
    (_table("a, UNIQUE (a)"), _table("a, UNIQUE (a COLLATE NOCASE)"), "COLLATE NOCASE of a"),
    (_table("a, UNIQUE (a)"), _table("a, UNIQUE (a DESC)"), "DESC of a"),
    (_table("a, b, UNIQUE (a)"), _table("a, b, UNIQUE (a) UNIQUE (b)"), "t: unique constraint added (on (b))"),
    # foreign keys
    (ORDERS.format(""), ORDERS.format("REFERENCES users"), "orders: foreign key added ((user_id) to users (id))"),
    (ORDERS.format("REFERENCES users"), ORDERS.format("REFERENCES users ON DELETE CASCADE"), "ON DELETE CASCADE"),
    (ORDERS.format("REFERENCES users"), ORDERS.format("REFERENCES users(id) ON DELETE SET NULL"), "ON DELETE SET NULL"),
    (ORDERS.format("REFERENCES users"), ORDERS.format("REFERENCES users ON UPDATE RESTRICT"), "ON UPDATE RESTRICT"),
    (ORDERS.format("REFERENCES users"), ORDERS.format("REFERENCES users DEFERRABLE"), "(id) DEFERRABLE)"),
    (
        ORDERS.format("REFERENCES users"),
        ORDERS.format("REFERENCES users DEFERRABLE INITIALLY DEFERRED"),
        "(id) DEFERRABLE INITIALLY DEFERRED)",
    ),
    (ORDERS.format("REFERENCES users"), ORDERS.format("CONSTRAINT fk REFERENCES users"), "foreign key fk added"),
    (ORDERS.format("REFERENCES users"), ORDERS.format("REFERENCES users (age)"), "to users (age)"),
    (ORDERS.format("REFERENCES users"), ORDERS.format("REFERENCES accounts"), "to accounts"),
    # checks
    (_table("a"), _table("a CHECK (a > 1)"), "t: check added (a > 1)"),
    (_table("a CHECK (a > 1)"), _table("a CHECK (a > 2)"), "t: check added (a > 2)"),
    (_table("a, CHECK (a <> 'x  y')"), _table("a, CHECK (a <> 'x y')"), "t: check added (a <> 'x y')"),
    (_table("a, CHECK (a <> 'x')"), _table("a, CHECK (a <> 'X')"), "t: check added (a <> 'X')"),
    (
        _table("a, CONSTRAINT c CHECK (a > 1)"),
        _table("a, CONSTRAINT c CHECK (a >= 1)"),
        "check c changed from (a > 1) to",
    ),
    (_table("a, CONSTRAINT c CHECK (a > 1)"), _table("a, CONSTRAINT d CHECK (a > 1)"), "t: check d added (a > 1)"),
    (_table("a, CHECK (a - (1 - 2))"), _table("a, CHECK ((a - 1) - 2)"), "t: check added ((a - 1) - 2)"),
    (_table("a, b, CHECK (a > 1)"), _table("a, b, CHECK (a > 1) CHECK (b > 1)"), "t: check added (b > 1)"),
    # tables
    (_table("a INT"), _table("a INT") + " STRICT", "t: table option STRICT added"),
    (
        _table("a INT PRIMARY KEY"),
        _table("a INT PRIMARY KEY") + " WITHOUT ROWID",
        "t: table option WITHOUT ROWID added",
    ),
    ("", "CREATE TABLE sqlitefoo (a)", "sqlitefoo: table added (a)"),
    ("CREATE TABLE sqlite1 (a)", "CREATE TABLE sqlite1 (a, b)", "sqlite1: column b added"),
    ("", "CREATE TABLE SqliteXsettings (a)", "SqliteXsettings: table added (a)"),
    ("", "CREATE VIRTUAL TABLE words USING fts4(word)", "virtual table words added"),
    (
        "CREATE VIRTUAL TABLE words USING fts4(word)",
        "CREATE VIRTUAL TABLE words USING fts4(word, tokenize=porter)",
        "virtual table words changed from (USING fts4(word)) to (USING fts4(word, tokenize = porter))",
    ),
    # indexes
    (_table("a"), _table("a") + "; CREATE INDEX ix ON t (a)", "t: index ix added (on (a))"),
    (
        _table("a") + "; CREATE INDEX ix ON t (a)",
        _table("a") + "; CREATE UNIQUE INDEX ix ON t (a)",
        "to (unique on (a))",
    ),
    (_table("a") + "; CREATE INDEX ix ON t (a)", _table("a") + "; CREATE INDEX ix ON T (a DESC)", "to (on (a DESC))"),
    (
        _table("a") + "; CREATE INDEX ix ON t (a)",
        _table("a") + "; CREATE INDEX ix ON t (a COLLATE NOCASE)",
        "to (on (a) COLLATE NOCASE)",
    ),
    (
        _table("a, b") + "; CREATE INDEX ix ON t (a COLLATE NOCASE, b)",
        _table("a, b") + "; CREATE INDEX ix ON t (a, b COLLATE NOCASE)",
        "COLLATE NOCASE of b",
    ),
    (
        _table("a, b") + "; CREATE INDEX ix ON t (lower(a), b)",
        _table("a, b") + "; CREATE INDEX ix ON t (upper(a), b)",
        "to (on (upper(a), b))",
    ),
    (
        _table("a") + "; CREATE INDEX ix ON t (a) WHERE a <> 'x  y'",
        _table("a") + "; CREATE INDEX ix ON t (a) WHERE a <> 'x y'",
        "to (on (a) WHERE a <> 'x y')",
    ),
    # views and triggers
    (
        VIEW,
        VIEW.replace("SELECT id", "SELECT id, age"),
        "view v changed from (SELECT id FROM users) to (SELECT id, age",
    ),
    (VIEW, VIEW.replace("v AS", "v (other) AS"), "to ((other) AS SELECT id FROM users)"),
    (VIEW.replace("id FROM", "'a  b' FROM"), VIEW.replace("id FROM", "'a b' FROM"), "view v changed"),
    (VIEW, VIEW + "CREATE TRIGGER tr INSTEAD OF DELETE ON v BEGIN SELECT 1; END", "v: trigger tr added (INSTEAD OF"),
    (
        USERS,
        TRIGGER.format("AFTER INSERT ON Users BEGIN SELECT 1; END"),
        "users: trigger tr added (AFTER INSERT ON users BEGIN SELECT 1; END)",
    ),
    (
        TRIGGER.format("AFTER INSERT ON users BEGIN SELECT 'a  b'; END"),
        TRIGGER.format("AFTER INSERT ON users BEGIN SELECT 'a b'; END"),
        "users: trigger tr changed",
    ),
    (
        TRIGGER.format("AFTER INSERT ON users BEGIN SELECT 1; END"),
        TRIGGER.format("AFTER INSERT ON users WHEN new.id > 1 BEGIN SELECT 1; END"),
        "WHEN NEW.id > 1",
    ),
    (
        TRIGGER.format("INSERT ON users BEGIN SELECT 1; END"),
        TRIGGER.format("AFTER INSERT ON users BEGIN SELECT 1; END"),
        "from (BEFORE INSERT",
    ),
    # the file
    ("", "PRAGMA user_version = 3", "pragma user_version added (3)"),
    ("", "PRAGMA journal_mode = wal", "pragma journal_mode added (wal)"),
    ("", "PRAGMA application_id = 7", "pragma application_id added (7)"),
]

SAME = {
    "unique, inline or of the table": (_table("a UNIQUE, b"), _table("a, b, UNIQUE (a)")),
    "unique, said twice": (_table("a UNIQUE, b"), _table("a UNIQUE, b, UNIQUE (a)")),
    "a primary key, inline or of the table": (
        _table("id INTEGER CONSTRAINT pk PRIMARY KEY"),
        _table("id INTEGER, CONSTRAINT pk PRIMARY KEY (id)"),
    ),
    "a foreign key, inline or of the table": (
        ORDERS.format("CONSTRAINT fk REFERENCES users ON DELETE CASCADE"),
        f"""{USERS} CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, amount INTEGER,
            CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE NO ACTION ON DELETE CASCADE)""",
    ),
    "a check, inline or of the table": (_table("a CHECK (a > 1), b"), _table("a, b, CHECK (a > 1)")),
    "the order of clauses and constraints": (
        _table("a TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE, b, CHECK (a > b), UNIQUE (b)"),
        _table("a TEXT COLLATE NOCASE DEFAULT 'x' NOT NULL, b, UNIQUE (b), CHECK (a > b)"),
    ),
    "the order of columns": (_table("a INTEGER, b TEXT"), _table("b TEXT, a INTEGER")),
    "a comma between constraints": (_table("a, UNIQUE (a), CHECK (a > 1)"), _table("a, UNIQUE (a) CHECK (a > 1)")),
    "case, white space and comments": (
        "CREATE TABLE t (a VARCHAR(9) NOT NULL DEFAULT CURRENT_TIMESTAMP, CHECK (length(a) > 1 AND a IN ('x', 'Y')))",
        """create table t(a varchar ( 9 )  not  null -- that is all
           default current_timestamp,/* and */check(LENGTH(A)>1 and A in('x','Y')))""",
    ),
    "a default of NULL": (_table("a TEXT"), _table("a TEXT DEFAULT NULL")),
    "a default of a truth value": (_table("a DEFAULT 0, b DEFAULT 1"), _table("a DEFAULT (false), b DEFAULT TRUE")),
    "a key that counts, inline or of the table": (
        _table("id INTEGER PRIMARY KEY ON CONFLICT FAIL AUTOINCREMENT"),
        _table("id INTEGER, PRIMARY KEY (id AUTOINCREMENT) ON CONFLICT FAIL"),
    ),
    "names in any quotes": (
        _table('"order" INTEGER, "a b" TEXT, CHECK ("order" > 1), UNIQUE ("a b")'),
        _table("'order' INTEGER, [a b] TEXT, CHECK ([order] > 1), UNIQUE (`A b`)"),
    ),
    "quotes": (
        _table("a INTEGER, b AS (a + 1), CONSTRAINT c CHECK (a > 1)"),
        'CREATE TABLE "t" ("a" INTEGER, [b] AS ("a" + 1), CONSTRAINT "c" CHECK (`a` > 1))',
    ),
    "brackets": (_table("a DEFAULT (5), CHECK ((a > 1))"), _table("a DEFAULT 5, CHECK (a > 1)")),
    "the longer way to say generated": (_table("a, b AS (a)"), _table("a, b GENERATED ALWAYS AS (a) VIRTUAL")),
    "what is so by default": (
        ORDERS.format("REFERENCES users"),
        ORDERS.format("NULL REFERENCES users (id) ON DELETE NO ACTION MATCH SIMPLE NOT DEFERRABLE INITIALLY IMMEDIATE"),
    ),
    "what is done on a conflict by default": (_table("a UNIQUE"), _table("a UNIQUE ON CONFLICT ABORT")),
    "a target spelled otherwise": (ORDERS.format("REFERENCES users (id)"), ORDERS.format('REFERENCES "Users" (ID)')),
    "a column added later": (
        _table("a, b TEXT DEFAULT 'x'"),
        _table("a") + "; ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'x'",
    ),
    "a column dropped": (_table("a, c"), _table("a, b, c") + "; ALTER TABLE t DROP COLUMN b"),
    "a table called otherwise before": (
        ORDERS.format("REFERENCES users") + "CREATE INDEX ix ON orders (amount);"
        "CREATE TRIGGER tr AFTER INSERT ON orders BEGIN UPDATE users SET age = 1; END",
        ORDERS.format("REFERENCES users").replace("users", "people") + "CREATE INDEX ix ON orders (amount);"
        "CREATE TRIGGER tr AFTER INSERT ON orders BEGIN UPDATE people SET age = 1; END;"
        "ALTER TABLE people RENAME TO users",
    ),
    "a column called otherwise before": (
        _table("a, CHECK (a > 1)") + "; CREATE INDEX ix ON t (a); CREATE VIEW v AS SELECT a FROM t",
        _table("b, CHECK (b > 1)") + "; CREATE INDEX ix ON t (b); CREATE VIEW v AS SELECT b FROM t;"
        "ALTER TABLE t RENAME b TO a",
    ),
    "a table written by batch mode": (
        _table("id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(9) DEFAULT 'x' NOT NULL, CONSTRAINT c CHECK (a > 1)"),
        """CREATE TABLE _alembic_tmp_t (
\tid INTEGER NOT NULL, \n\ta VARCHAR(9) DEFAULT 'x' NOT NULL, \n\tPRIMARY KEY (id), \n\tCONSTRAINT c CHECK (a > 1)\n);
           ALTER TABLE _alembic_tmp_t RENAME TO t""",
    ),
    "an index": (
        _table("a, b") + "; CREATE INDEX ix ON t (a, lower(b)) WHERE b IS NOT NULL",
        _table("a, b") + '; create index if not exists "ix" on "T"("a" asc,LOWER( B )) where (b is not null)',
    ),
    "a trigger": (
        TRIGGER.format("BEFORE UPDATE OF age ON users BEGIN SELECT 1; END"),
        TRIGGER.format("update of AGE on Users for each row begin select 1 ; end"),
    ),
    "a column that is called like a word of SQL": (
        _table('"select", always, CHECK (always > 1)') + "; CREATE TRIGGER tr AFTER DELETE ON t BEGIN SELECT 1; END",
        _table('"select", "always", CHECK ("always" > 1)')
        + "; create trigger tr after delete on t begin select 1; end",
    ),
    "rows": (
        _table("id INTEGER PRIMARY KEY AUTOINCREMENT"),
        _table("id INTEGER PRIMARY KEY AUTOINCREMENT") + "; INSERT INTO t DEFAULT VALUES",
    ),
    "statistics": (_table("a"), _table("a") + "; INSERT INTO t VALUES (1); ANALYZE"),
}
