//! Pairs of schemas: the first is made from nothing, rows are put in, the second is planned and applied. What the server then describes must be the
//! second, another plan must be empty, and what a query finds afterwards must be the rows.

use anyhow::Context as _;
use tidegate_database::{Session, TransactionMode};
use tidegate_kit::Postgres;
use tidegate_schemaplan::{Settings, wanted};
use tidegate_sqlplan::Dialect;

use crate::support::{bound, plan_to, reach, whole};

pub(crate) struct Pair {
    name: &'static str,
    old: &'static str,
    rows: &'static str,
    new: &'static str,
    /// A query of one row and one column, and what it gives.
    finds: (&'static str, &'static str),
}

pub(crate) const fn pair(name: &'static str, old: &'static str, new: &'static str) -> Pair {
    Pair {
        name,
        old,
        rows: "",
        new,
        finds: ("", ""),
    }
}

impl Pair {
    pub(crate) const fn with(
        self,
        rows: &'static str,
        query: &'static str,
        found: &'static str,
    ) -> Self {
        Self {
            rows,
            finds: (query, found),
            ..self
        }
    }
}

async fn run(pair: &Pair, database: &str, session: &mut Session) -> anyhow::Result<()> {
    let settings = Settings::default();
    let server = Postgres::shared()?;
    reach(session, pair.old, &settings).await?;
    let psql = |script: &str| {
        let script = format!("SET search_path = app, public; {script}");
        server.psql(database, &script)?.ok()
    };
    psql(pair.rows)?;
    let hints = wanted(&[(String::new(), pair.new.to_owned())], Dialect::Postgres);
    let renames = hints.map(|wanted| wanted.renames).unwrap_or_default();
    let hinted = Settings {
        renames,
        ..Settings::default()
    };
    reach(session, pair.new, &hinted).await?;
    let (query, expected) = pair.finds;
    if !query.is_empty() {
        let found = psql(query)?;
        anyhow::ensure!(found.trim() == expected, "{query}: {found}");
    }
    // The way back is a pair as well, where no row is in the way of it.
    if pair.rows.is_empty() {
        reach(session, pair.old, &settings).await.context("back")?;
    }
    Ok(())
}

/// Runs each pair in an empty schema `app` of one database, or in a database of its own.
pub(crate) async fn run_all(pairs: &[Pair], is_bound: bool) -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let mut failures = Vec::new();
    let mut place = None;
    for pair in pairs {
        let (database, mut session) = match place.take() {
            Some(place) if is_bound => place,
            _ if is_bound => bound().await?,
            _ => whole().await?,
        };
        if let Err(error) = run(pair, &database, &mut session).await {
            failures.push(format!("== {}: {error:#}", pair.name));
        }
        if is_bound {
            let empty = "DROP EXTENSION IF EXISTS citext, btree_gist CASCADE; DROP SCHEMA app CASCADE; CREATE SCHEMA app";
            server.psql(&database, empty)?.ok()?;
            place = Some((database, session));
        }
    }
    anyhow::ensure!(
        failures.is_empty(),
        "{} of {} failed:\n{}",
        failures.len(),
        pairs.len(),
        failures.join("\n")
    );
    Ok(())
}

#[tokio::test]
async fn columns() -> anyhow::Result<()> {
    let t = "CREATE TABLE t (id integer PRIMARY KEY, a integer, keep text)";
    let kept = |pair: Pair| {
        pair.with(
            "INSERT INTO t (id, keep) VALUES (1, 'x'), (2, 'y')",
            "SELECT string_agg(keep, '' ORDER BY id) FROM t",
            "xy",
        )
    };
    run_all(
        &[
            kept(pair("add a column", t, "CREATE TABLE t (id integer PRIMARY KEY, a integer, keep text, b varchar(50))")),
            kept(pair("add one in the middle", t, "CREATE TABLE t (id integer PRIMARY KEY, b numeric(10,2) DEFAULT 1.5 NOT NULL, a integer, keep text)")),
            kept(pair("drop a column", t, "CREATE TABLE t (id integer PRIMARY KEY, keep text)")),
            kept(pair("add with defaults of many kinds", t,
                "CREATE TABLE t (id integer PRIMARY KEY, a integer, keep text, b timestamptz DEFAULT now(), c text DEFAULT 'it''s', d text[] DEFAULT '{}', e boolean DEFAULT true NOT NULL, f jsonb DEFAULT '{\"a\": 1}', g uuid DEFAULT gen_random_uuid(), h double precision DEFAULT 1.5, i date DEFAULT CURRENT_DATE, j interval DEFAULT '1 day', k bytea DEFAULT '\\x00', l bit(3) DEFAULT B'101', m time(3) DEFAULT CURRENT_TIME)")),
            kept(pair("widen an integer", t, "CREATE TABLE t (id bigint PRIMARY KEY, a bigint, keep text)")),
            pair("shorten a varchar", "CREATE TABLE t (a varchar(50))", "CREATE TABLE t (a varchar(20))").with("INSERT INTO t VALUES ('short')", "SELECT a FROM t", "short"),
            pair("text to integer", "CREATE TABLE t (a text)", "CREATE TABLE t (a integer)").with("INSERT INTO t VALUES ('007')", "SELECT a FROM t", "7"),
            pair("text with a default to integer with one", "CREATE TABLE t (a text NOT NULL DEFAULT '5')", "CREATE TABLE t (a integer NOT NULL DEFAULT 6)").with("INSERT INTO t DEFAULT VALUES", "SELECT a FROM t", "5"),
            pair("integer with a default to bigint", "CREATE TABLE t (a integer DEFAULT 0)", "CREATE TABLE t (a bigint DEFAULT 0)"),
            pair("integer to text", "CREATE TABLE t (a integer)", "CREATE TABLE t (a text)").with("INSERT INTO t VALUES (7)", "SELECT a FROM t", "7"),
            pair("integer to boolean", "CREATE TABLE t (a integer DEFAULT 1)", "CREATE TABLE t (a boolean DEFAULT true)").with("INSERT INTO t VALUES (7)", "SELECT a FROM t", "t"),
            pair("numeric precision", "CREATE TABLE t (a numeric(10,2))", "CREATE TABLE t (a numeric(12,4))").with("INSERT INTO t VALUES (1.25)", "SELECT a FROM t", "1.2500"),
            pair("json to jsonb", "CREATE TABLE t (a json)", "CREATE TABLE t (a jsonb)"),
            pair("timestamp precision and zone", "CREATE TABLE t (a timestamp(3), b timestamptz)", "CREATE TABLE t (a timestamptz(6), b timestamp(0))"),
            pair("arrays", "CREATE TABLE t (a integer[], b text)", "CREATE TABLE t (a bigint[], b text[])").with("INSERT INTO t VALUES ('{1,2}', '{x,y}')", "SELECT a::text || b[1] FROM t", "{1,2}{x,y}"),
            kept(pair("not null comes", t, "CREATE TABLE t (id integer PRIMARY KEY, a integer, keep text NOT NULL)")),
            kept(pair("not null goes", "CREATE TABLE t (id integer PRIMARY KEY, a integer, keep text NOT NULL DEFAULT 'q')", t)),
            kept(pair("a default changes", "CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 1, keep text DEFAULT 'a')", "CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 2, keep text DEFAULT lower('B'))")),
            pair("a default goes", "CREATE TABLE t (a integer DEFAULT 1)", "CREATE TABLE t (a integer)"),
            pair("collation", "CREATE TABLE t (a text, b text COLLATE \"C\", c varchar(9) COLLATE \"C\")", "CREATE TABLE t (a text COLLATE \"C\", b text, c varchar(9) COLLATE \"POSIX\")").with("INSERT INTO t VALUES ('x', 'y', 'z')", "SELECT a || b || c FROM t", "xyz"),
            pair("comments", "CREATE TABLE t (a integer, b integer); COMMENT ON TABLE t IS 'it''s old'; COMMENT ON COLUMN t.a IS 'a'", "CREATE TABLE t (a integer, b integer, c integer); COMMENT ON TABLE t IS 'new \\ one'; COMMENT ON COLUMN t.b IS 'b'; COMMENT ON COLUMN t.c IS 'c'"),
            pair("identity comes", "CREATE TABLE t (id integer PRIMARY KEY, keep text)", "CREATE TABLE t (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, keep text)").with("INSERT INTO t VALUES (41, 'x')", "INSERT INTO t (keep) VALUES ('y'); SELECT max(id) FROM t", "42"),
            pair("identity goes", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)", "CREATE TABLE t (id bigint PRIMARY KEY)"),
            pair("identity changes", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 5 CYCLE))", "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY (MINVALUE 10 MAXVALUE 1000 CACHE 7))"),
            pair("identity of a wider type", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY)", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY)"),
            pair("serial comes", "CREATE TABLE t (id integer PRIMARY KEY, keep text)", "CREATE TABLE t (id serial PRIMARY KEY, keep text)").with("INSERT INTO t VALUES (41, 'x')", "INSERT INTO t (keep) VALUES ('y'); SELECT max(id) FROM t", "42"),
            pair("serial goes", "CREATE TABLE t (id serial PRIMARY KEY)", "CREATE TABLE t (id integer PRIMARY KEY)"),
            pair("serial to bigserial", "CREATE TABLE t (id serial PRIMARY KEY)", "CREATE TABLE t (id bigserial PRIMARY KEY)").with("INSERT INTO t DEFAULT VALUES", "INSERT INTO t DEFAULT VALUES; SELECT max(id) FROM t", "2"),
            pair("serial to identity", "CREATE TABLE t (id serial PRIMARY KEY)", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").with("INSERT INTO t DEFAULT VALUES", "INSERT INTO t DEFAULT VALUES; SELECT max(id) FROM t", "2"),
            pair("a serial column is added", "CREATE TABLE t (a integer)", "CREATE TABLE t (a integer, id bigserial, n smallserial)").with("INSERT INTO t VALUES (1), (2)", "SELECT sum(id) FROM t", "3"),
            pair("a serial by hand", "CREATE TABLE t (a integer)", "CREATE SEQUENCE numbers START WITH 10; CREATE TABLE t (a integer DEFAULT nextval('numbers')); ALTER SEQUENCE numbers OWNED BY t.a"),
            pair("a sequence becomes a serial's", "CREATE SEQUENCE t_a_seq AS integer; CREATE TABLE t (a integer NOT NULL DEFAULT nextval('t_a_seq'))", "CREATE TABLE t (a serial)").with("INSERT INTO t DEFAULT VALUES", "INSERT INTO t DEFAULT VALUES; SELECT max(a) FROM t", "2"),
            pair("generated comes and goes", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)", "CREATE TABLE t (a integer, b integer, c integer GENERATED ALWAYS AS (a + 1) STORED)").with("INSERT INTO t VALUES (3)", "SELECT b || '|' || c FROM t", "6|4"),
            pair("a generated column goes with what it is computed from", "CREATE TABLE t (a integer, b integer, c integer GENERATED ALWAYS AS (b * 2) STORED)", "CREATE TABLE t (a integer)"),
            pair("what was computed stays, and what from goes", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)", "CREATE TABLE t (b integer)").with("INSERT INTO t VALUES (3)", "SELECT b FROM t", "6"),
            pair("a generated expression changes", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED); CREATE INDEX i ON t (b, a); ALTER TABLE t ADD CONSTRAINT c CHECK (b < 100)", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 3) STORED); CREATE INDEX i ON t (b, a); ALTER TABLE t ADD CONSTRAINT c CHECK (b < 100)").with("INSERT INTO t VALUES (3)", "SELECT b FROM t", "9"),
            pair("the type under a generated column changes", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)", "CREATE TABLE t (a bigint, b bigint GENERATED ALWAYS AS (a * 2) STORED)").with("INSERT INTO t VALUES (3)", "SELECT b FROM t", "6"),
            pair("a plain column becomes generated", "CREATE TABLE t (a integer, b integer)", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a) STORED)").with("INSERT INTO t VALUES (3, 4)", "SELECT b FROM t", "3"),
            pair("names that need quotes", "CREATE TABLE \"A b\" (\"c\"\"d\" integer, \"select\" text)", "CREATE TABLE \"A b\" (\"c\"\"d\" bigint DEFAULT 5 NOT NULL, \"select\" text NOT NULL, \"E\" serial); CREATE INDEX \"I x\" ON \"A b\" (\"select\", lower(\"select\"))"),
            pair("storage", "CREATE TABLE t (a text, b text)", "CREATE TABLE t (a text, b text, c text); ALTER TABLE t ALTER a SET STORAGE EXTERNAL, ALTER c SET STORAGE MAIN"),
            pair("types without a cast between them", "CREATE TABLE t (a bigint, b boolean DEFAULT true, c integer, d uuid, e jsonb, f date, g integer[], h bytea)", "CREATE TABLE t (a timestamp, b bigint DEFAULT 1, c integer[], d integer, e integer[], f integer, g integer, h char(1))"),
            pair("any column to another family", "CREATE TABLE t (a interval, b time, c numeric, d inet, e money, f point, g char(3), h varchar(5) DEFAULT 'a')", "CREATE TABLE t (a time, b interval, c money, d text, e numeric, f text, g varchar(3), h char(5) DEFAULT 'b')"),
            pair("many at once", "CREATE TABLE t (a integer, b text, c text NOT NULL, d integer DEFAULT 1)", "CREATE TABLE t (a bigint NOT NULL DEFAULT 0, c text, d text DEFAULT 'x', e integer)"),
            pair("all columns are replaced", "CREATE TABLE t (a integer, b integer)", "CREATE TABLE t (c integer, d integer)"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn keys_indexes_and_checks() -> anyhow::Result<()> {
    let t = "CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, c text)";
    run_all(
        &[
            pair("unique beside the primary key", "", "CREATE TABLE t (a integer PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT again UNIQUE (a); CREATE UNIQUE INDEX i ON t (a); CREATE TABLE c (a integer PRIMARY KEY REFERENCES t)"),
            pair("a key moves to another column", "CREATE TABLE t (a integer PRIMARY KEY, b integer NOT NULL UNIQUE); CREATE TABLE c (t integer REFERENCES t (b))", "CREATE TABLE t (a integer NOT NULL UNIQUE, b integer PRIMARY KEY); CREATE TABLE c (t integer REFERENCES t (b))"),
            pair("long names", "CREATE TABLE a_table_with_a_name_that_is_nearly_as_long_as_a_name_can_be_x (a_column_with_a_long_name serial UNIQUE, b integer)", "CREATE TABLE a_table_with_a_name_that_is_nearly_as_long_as_a_name_can_be_x (a_column_with_a_long_name serial PRIMARY KEY, b integer UNIQUE CHECK (b > 0), another_column_with_a_long_name bigserial)"),
            pair("a primary key comes", t, "CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, c text, PRIMARY KEY (a))").with("INSERT INTO t VALUES (1, 2, 'x')", "SELECT c FROM t", "x"),
            pair("a primary key changes", "CREATE TABLE t (a integer, b integer, PRIMARY KEY (a))", "CREATE TABLE t (a integer, b integer, PRIMARY KEY (b, a))"),
            pair("a primary key goes", "CREATE TABLE t (a integer PRIMARY KEY)", "CREATE TABLE t (a integer)"),
            pair("a primary key's name", "CREATE TABLE t (a integer PRIMARY KEY)", "CREATE TABLE t (a integer, CONSTRAINT other PRIMARY KEY (a))"),
            pair("a primary key with more", "CREATE TABLE t (a integer PRIMARY KEY, b integer)", "CREATE TABLE t (a integer, b integer, PRIMARY KEY (a) INCLUDE (b) DEFERRABLE INITIALLY DEFERRED); COMMENT ON CONSTRAINT t_pkey ON t IS 'key'"),
            pair("indexes of many kinds", t, "CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, c text); CREATE INDEX i1 ON t (a DESC, b NULLS FIRST); CREATE UNIQUE INDEX i2 ON t (b) WHERE a > 0; CREATE INDEX i3 ON t USING hash (c); CREATE INDEX i4 ON t (lower(c), a); CREATE INDEX i5 ON t (c text_pattern_ops DESC NULLS LAST) INCLUDE (b); CREATE INDEX i6 ON t (c COLLATE \"C\"); CREATE INDEX i7 ON t ((a + b)) WITH (fillfactor = 70); CREATE UNIQUE INDEX i8 ON t (a) NULLS NOT DISTINCT; CREATE INDEX i9 ON t USING gin (to_tsvector('simple', c)); COMMENT ON INDEX i1 IS 'first'"),
            pair("indexes change", "CREATE TABLE t (a integer, b integer, c text); CREATE INDEX i1 ON t (a); CREATE INDEX i2 ON t (a, b); CREATE INDEX i3 ON t (b) WHERE a > 0; CREATE UNIQUE INDEX i4 ON t (c); CREATE INDEX i5 ON t (c)", "CREATE TABLE t (a integer, b integer, c text); CREATE INDEX i1 ON t (a DESC); CREATE INDEX i2 ON t (b, a); CREATE INDEX i3 ON t (b) WHERE a > 1; CREATE INDEX i4 ON t (c); CREATE INDEX i5 ON t USING hash (c)"),
            pair("an index has another name", "CREATE TABLE t (a integer, UNIQUE (a)); CREATE INDEX i1 ON t (a)", "CREATE TABLE t (a integer, CONSTRAINT u UNIQUE (a)); CREATE INDEX i2 ON t (a)"),
            pair("an index goes", "CREATE TABLE t (a integer); CREATE INDEX i1 ON t (a)", "CREATE TABLE t (a integer)"),
            pair("an index's column goes", "CREATE TABLE t (a integer, b integer, UNIQUE (a, b)); CREATE INDEX i1 ON t (a, b)", "CREATE TABLE t (a integer)"),
            pair("unique comes as a constraint", t, "CREATE TABLE t (a integer NOT NULL UNIQUE, b integer NOT NULL, c text, UNIQUE (b, c))"),
            pair("unique index to constraint", "CREATE TABLE t (a integer); CREATE UNIQUE INDEX u ON t (a)", "CREATE TABLE t (a integer, CONSTRAINT u UNIQUE (a))"),
            pair("unique with more", "CREATE TABLE t (a integer, b integer, CONSTRAINT u UNIQUE (a))", "CREATE TABLE t (a integer, b integer, CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) DEFERRABLE); COMMENT ON CONSTRAINT u ON t IS 'u'"),
            pair("a unique constraint goes", "CREATE TABLE t (a integer UNIQUE)", "CREATE TABLE t (a integer)"),
            pair("exclusion", "CREATE TABLE t (r int4range)", "CREATE TABLE t (r int4range, EXCLUDE USING gist (r WITH &&))"),
            pair("exclusion changes", "CREATE TABLE t (r int4range, CONSTRAINT x EXCLUDE USING gist (r WITH &&))", "CREATE TABLE t (r int4range, CONSTRAINT x EXCLUDE USING gist (r WITH =) WHERE (NOT isempty(r)))"),
            pair("checks come, change and go", "CREATE TABLE t (a integer CHECK (a > 0), b text, CONSTRAINT one CHECK (length(b) < 10), CONSTRAINT two CHECK (a < 5))", "CREATE TABLE t (a integer CHECK (a > 0), b text, CONSTRAINT one CHECK (length(b) < 20), CONSTRAINT three CHECK (b IN ('x', 'y')) NO INHERIT)").with("INSERT INTO t VALUES (1, 'x')", "SELECT b FROM t", "x"),
            pair("a check has another name", "CREATE TABLE t (a integer, CONSTRAINT one CHECK (a > 0))", "CREATE TABLE t (a integer, CONSTRAINT two CHECK (a > 0))"),
            pair("a check not valid, and validated", "CREATE TABLE t (a integer); ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "CREATE TABLE t (a integer, CONSTRAINT c CHECK (a > 0))"),
            pair("comments on constraints", "CREATE TABLE t (a integer, CONSTRAINT c CHECK (a > 0), CONSTRAINT u UNIQUE (a))", "CREATE TABLE t (a integer, CONSTRAINT c CHECK (a > 0), CONSTRAINT u UNIQUE (a)); COMMENT ON CONSTRAINT c ON t IS 'c'; COMMENT ON CONSTRAINT u ON t IS 'u'; COMMENT ON INDEX u IS 'i'"),
            pair("a type under an index and a check", "CREATE TABLE t (a integer, b varchar(10), CHECK (a > 0), CHECK (b <> ''), UNIQUE (a)); CREATE INDEX i ON t (lower(b)) WHERE a > 5", "CREATE TABLE t (a bigint, b text, CHECK (a > 0), CHECK (b <> ''), UNIQUE (a)); CREATE INDEX i ON t (lower(b)) WHERE a > 5"),
            pair("spatial and trigram-like classes", "CREATE TABLE t (id integer, p point, x text[])", "CREATE TABLE t (id integer, p point, x text[]); CREATE INDEX g ON t USING gist (p); CREATE INDEX n ON t USING gin (x); CREATE INDEX b ON t USING brin (id)"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn foreign_keys() -> anyhow::Result<()> {
    run_all(
        &[
            pair("one comes", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer)", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)").with("INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)", "SELECT count(*) FROM c", "1"),
            pair("one goes", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer)"),
            pair("actions", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p ON DELETE CASCADE ON UPDATE RESTRICT)"),
            pair("set null of some columns", "CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b)); CREATE TABLE c (a integer, b integer, FOREIGN KEY (a, b) REFERENCES p)", "CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b)); CREATE TABLE c (a integer, b integer, FOREIGN KEY (a, b) REFERENCES p MATCH FULL ON DELETE SET NULL (b) DEFERRABLE INITIALLY DEFERRED)"),
            pair("deferrable", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p DEFERRABLE)", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p DEFERRABLE INITIALLY DEFERRED)"),
            pair("not valid, and validated", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer); ALTER TABLE c ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES p NOT VALID", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer, CONSTRAINT f FOREIGN KEY (p) REFERENCES p)"),
            pair("another name", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer, CONSTRAINT f FOREIGN KEY (p) REFERENCES p)", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer, CONSTRAINT g FOREIGN KEY (p) REFERENCES p); COMMENT ON CONSTRAINT g ON c IS 'g'"),
            pair("to itself", "CREATE TABLE t (id integer PRIMARY KEY)", "CREATE TABLE t (id integer PRIMARY KEY, up integer REFERENCES t)"),
            pair("a circle of two", "", "CREATE TABLE a (id integer PRIMARY KEY, b integer); CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b"),
            pair("a circle of three with others", "CREATE TABLE x (id integer PRIMARY KEY)", "CREATE TABLE x (id integer PRIMARY KEY); CREATE TABLE a (id integer PRIMARY KEY, n integer); CREATE TABLE b (id integer PRIMARY KEY, n integer REFERENCES a, x integer REFERENCES x); CREATE TABLE c (id integer PRIMARY KEY, n integer REFERENCES b); ALTER TABLE a ADD FOREIGN KEY (n) REFERENCES c"),
            pair("the parent's key changes", "CREATE TABLE p (id integer PRIMARY KEY, code text UNIQUE); CREATE TABLE c (p integer REFERENCES p)", "CREATE TABLE p (id integer UNIQUE, code text PRIMARY KEY); CREATE TABLE c (p text REFERENCES p)"),
            pair("the parent's key is made anew under the child", "CREATE TABLE p (id integer, b integer, CONSTRAINT u UNIQUE (id)); CREATE TABLE c (p integer REFERENCES p (id))", "CREATE TABLE p (id integer, b integer, CONSTRAINT u UNIQUE (id) INCLUDE (b)); CREATE TABLE c (p integer REFERENCES p (id))").with("INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)", "SELECT p FROM c", "1"),
            pair("both types change", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)", "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE c (p bigint REFERENCES p)").with("INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)", "SELECT p FROM c", "1"),
            pair("to a unique index", "CREATE TABLE p (id integer)", "CREATE TABLE p (id integer); CREATE UNIQUE INDEX u ON p (id); CREATE TABLE c (p integer REFERENCES p (id))"),
            pair("the parent goes", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)", "CREATE TABLE c (p integer)"),
            pair("parent and child go", "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer PRIMARY KEY REFERENCES a); CREATE TABLE c (b integer REFERENCES b, a integer REFERENCES a)", "CREATE TABLE other (id integer)"),
            pair("new parents of old tables", "CREATE TABLE a (x integer); CREATE TABLE z (x integer)", "CREATE TABLE m (id integer PRIMARY KEY); CREATE TABLE a (x integer REFERENCES m); CREATE TABLE z (id integer PRIMARY KEY, x integer REFERENCES z (id)); CREATE TABLE b (z integer REFERENCES z)"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn types() -> anyhow::Result<()> {
    run_all(
        &[
            pair("an enum comes", "CREATE TABLE t (a text DEFAULT 'x')", "CREATE TYPE mood AS ENUM ('x', 'y'); CREATE TABLE t (a mood DEFAULT 'y')").with("INSERT INTO t VALUES ('x')", "SELECT a FROM t", "x"),
            pair("an enum goes", "CREATE TYPE mood AS ENUM ('x', 'y'); CREATE TABLE t (a mood DEFAULT 'y')", "CREATE TABLE t (a text DEFAULT 'y')").with("INSERT INTO t VALUES ('x')", "SELECT a FROM t", "x"),
            pair("a type's column goes with the type", "CREATE TYPE mood AS ENUM ('x'); CREATE DOMAIN d AS integer; CREATE TYPE c AS (x integer); CREATE TABLE t (id integer, m mood, n d, o c)", "CREATE TABLE t (id integer)"),
            pair("an enum's default changes with a label", "CREATE TYPE s AS ENUM ('not shipped', 'shipped'); CREATE TABLE o (id integer, s s DEFAULT 'shipped')", "CREATE TYPE s AS ENUM ('not shipped', 'shipped', 'delivered'); CREATE TABLE o (id integer, s s DEFAULT 'not shipped'); CREATE VIEW v AS SELECT s, 'shipped'::s AS d FROM o"),
            pair("an enum's label has another name", "CREATE TYPE s AS ENUM ('a', 'b'); CREATE DOMAIN t AS text; CREATE TABLE o (s s[] DEFAULT '{a}', u t)", "CREATE TYPE s AS ENUM ('a', 'c'); CREATE DOMAIN t AS varchar(10); CREATE TABLE o (s s[] DEFAULT '{c}', u t)"),
            pair("labels are added", "CREATE TYPE mood AS ENUM ('b', 'd'); CREATE TABLE t (a mood)", "CREATE TYPE mood AS ENUM ('a', 'b', 'it''s', 'd', 'e'); CREATE TABLE t (a mood)").with("INSERT INTO t VALUES ('b')", "SELECT a FROM t", "b"),
            pair("a label is used at once", "CREATE TYPE mood AS ENUM ('b'); CREATE TABLE t (a mood)", "CREATE TYPE mood AS ENUM ('b', 'new'); CREATE TABLE t (a mood DEFAULT 'new', CHECK (a IN ('b', 'new'))); CREATE INDEX i ON t (a) WHERE a = 'new'"),
            pair("a label goes", "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TABLE t (id integer, a mood DEFAULT 'a', l mood[] DEFAULT '{b}', CHECK (a <> 'c'), CHECK (id > 0)); CREATE INDEX i ON t (a) WHERE a = 'b'; CREATE UNIQUE INDEX j ON t (a)", "CREATE TYPE mood AS ENUM ('b', 'a'); CREATE TABLE t (id integer, a mood DEFAULT 'b', l mood[] DEFAULT '{b}', CHECK (id > 0)); CREATE INDEX i ON t (a) WHERE a = 'b'; CREATE UNIQUE INDEX j ON t (a)").with("INSERT INTO t VALUES (1, 'a', '{a,b}')", "SELECT a || l::text FROM t", "a{a,b}"),
            pair("a label goes with a view, a function and a check", "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TABLE t (a mood, CONSTRAINT k CHECK (a <> 'a')); CREATE VIEW v AS SELECT a FROM t WHERE a = 'b'; CREATE FUNCTION f(m mood) RETURNS mood LANGUAGE sql AS $$ SELECT m $$", "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (a mood, CONSTRAINT k CHECK (a <> 'a')); CREATE VIEW v AS SELECT a FROM t WHERE a = 'b'; CREATE FUNCTION f(m mood) RETURNS mood LANGUAGE sql AS $$ SELECT m $$").with("INSERT INTO t VALUES ('b')", "SELECT f(a) FROM v", "b"),
            pair("an enum that nobody uses", "CREATE TYPE a AS ENUM ('x')", "CREATE TYPE b AS ENUM ('x'); COMMENT ON TYPE b IS 'b'"),
            pair("a domain comes", "CREATE TABLE t (a text)", "CREATE DOMAIN mail AS text DEFAULT 'a@b' NOT NULL CHECK (VALUE LIKE '%@%'); CREATE TABLE t (a mail)").with("INSERT INTO t VALUES ('x@y')", "SELECT a FROM t", "x@y"),
            pair("a domain changes", "CREATE DOMAIN d AS integer DEFAULT 1 CONSTRAINT c CHECK (VALUE > 0); CREATE TABLE t (a d)", "CREATE DOMAIN d AS integer NOT NULL CONSTRAINT c CHECK (VALUE > 1) CONSTRAINT e CHECK (VALUE < 100); COMMENT ON DOMAIN d IS 'd'; CREATE TABLE t (a d)").with("INSERT INTO t VALUES (5)", "SELECT a FROM t", "5"),
            pair("a domain over another type", "CREATE DOMAIN d AS integer; CREATE TABLE t (a d DEFAULT 3)", "CREATE DOMAIN d AS bigint; CREATE TABLE t (a d DEFAULT 3)").with("INSERT INTO t VALUES (5)", "SELECT a FROM t", "5"),
            pair("a domain goes", "CREATE DOMAIN d AS integer; CREATE TABLE t (a d)", "CREATE TABLE t (a integer)"),
            pair("composites", "CREATE TYPE pair AS (a integer, b text); CREATE TABLE t (p pair)", "CREATE TYPE pair AS (a integer, c text COLLATE \"C\"); CREATE TYPE more AS (p pair, n numeric(5,1)); CREATE TABLE t (p pair, m more)"),
            pair("a composite's attribute changes", "CREATE TYPE pair AS (a integer, b text)", "CREATE TYPE pair AS (a bigint, b text)"),
            pair("ranges", "", "CREATE TYPE fr AS RANGE (SUBTYPE = double precision); CREATE TABLE t (f fr)"),
            pair("collations", "CREATE TABLE t (a text, b text COLLATE \"C\")", "CREATE COLLATION digits (provider = icu, locale = 'en-u-kn-true', deterministic = false); CREATE COLLATION plain (locale = 'C'); COMMENT ON COLLATION plain IS 'p'; CREATE TABLE t (a text COLLATE digits, b text COLLATE plain); CREATE INDEX i ON t (b COLLATE \"POSIX\")"),
            pair("sequences", "CREATE SEQUENCE a; CREATE SEQUENCE b START WITH 5", "CREATE SEQUENCE a AS integer INCREMENT BY -1 MINVALUE -100 MAXVALUE 50 START WITH 3 CYCLE; CREATE SEQUENCE c CACHE 5; COMMENT ON SEQUENCE c IS 'c'; CREATE TABLE t (id bigint DEFAULT nextval('c'))"),
            pair("a sequence owned and not the default", "CREATE TABLE t (id integer); CREATE SEQUENCE s OWNED BY t.id", "CREATE TABLE t (id integer); CREATE SEQUENCE s"),
            pair("an owned sequence goes with its table", "CREATE TABLE t (id integer); CREATE SEQUENCE s OWNED BY t.id", "CREATE TABLE u (id integer)"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn objects() -> anyhow::Result<()> {
    let t = "CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);";
    let with = |text: &str| -> &'static str { Box::leak(format!("{t}{text}").into_boxed_str()) };
    run_all(
        &[
            pair("a view of everything, grouped by a key", with("CREATE VIEW v AS SELECT id, a, max(b) AS m FROM t GROUP BY id"), "CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, c text); CREATE VIEW v AS SELECT id, a, c, max(b) AS m FROM t GROUP BY id"),
            pair("strange names", "CREATE TABLE \"strange_name(((yo?)))\" (id text); CREATE VIEW \"strange_view(what)\" AS SELECT id FROM \"strange_name(((yo?)))\"", "CREATE TABLE \"strange_name(((yo?)))\" (id integer); CREATE VIEW \"strange_view(what)\" AS SELECT id FROM \"strange_name(((yo?)))\"; CREATE FUNCTION \"f (x)\"(\"a b\" integer DEFAULT 1) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$"),
            pair("a function with other defaults and names", with("CREATE FUNCTION f(x integer, y integer DEFAULT 1) RETURNS TABLE (a integer, b text) LANGUAGE sql STABLE AS $$ SELECT 1, 'x' $$"), with("CREATE FUNCTION f(x integer, z integer) RETURNS TABLE (a integer, c text) LANGUAGE sql VOLATILE SECURITY DEFINER STRICT AS $$ SELECT 1, 'x' $$")),
            pair("a function that a check needs changes its body", "CREATE FUNCTION ok(x integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT x > 0 $$; CREATE TABLE t (a integer CHECK (ok(a)), g boolean GENERATED ALWAYS AS (ok(a)) STORED)", "CREATE FUNCTION ok(x integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT x > 1 $$; CREATE TABLE t (a integer CHECK (ok(a)), g boolean GENERATED ALWAYS AS (ok(a)) STORED)"),
            pair("a constraint trigger", with(""), with("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE CONSTRAINT TRIGGER one AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f(); CREATE TRIGGER two AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION f()")),
            pair("views come and go", with("CREATE VIEW v AS SELECT id FROM t"), with("CREATE VIEW w WITH (security_barrier = true) AS SELECT a, b FROM t WHERE a > 1; CREATE VIEW x AS SELECT * FROM w; COMMENT ON VIEW x IS 'x'")),
            pair("a view changes", with("CREATE VIEW v AS SELECT id, a FROM t; CREATE VIEW w AS SELECT id FROM v"), with("CREATE VIEW v AS SELECT a, id FROM t; CREATE VIEW w AS SELECT id FROM v")),
            pair("a view gets a column", with("CREATE VIEW v AS SELECT id FROM t"), with("CREATE VIEW v AS SELECT id, b FROM t")),
            pair("a type under views changes", with("CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT sum(a) AS s FROM v; CREATE MATERIALIZED VIEW m AS SELECT s FROM w; CREATE UNIQUE INDEX mi ON m (s)"), "CREATE TABLE t (id integer PRIMARY KEY, a bigint, b text); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT sum(a) AS s FROM v; CREATE MATERIALIZED VIEW m AS SELECT s FROM w; CREATE UNIQUE INDEX mi ON m (s)").with("INSERT INTO t VALUES (1, 2, 'x'); REFRESH MATERIALIZED VIEW m", "SELECT s FROM m", "2"),
            pair("a column that a view had goes", with("CREATE VIEW v AS SELECT a, b FROM t"), "CREATE TABLE t (id integer PRIMARY KEY, b text); CREATE VIEW v AS SELECT b FROM t"),
            pair("a materialized view's indexes and parameters change, its rows stay", with("CREATE MATERIALIZED VIEW m WITH (fillfactor = 70) AS SELECT a FROM t; CREATE INDEX \"old \"\" ON i\" ON m (a)"), with("CREATE MATERIALIZED VIEW m WITH (autovacuum_enabled = false) AS SELECT a FROM t; CREATE UNIQUE INDEX mi ON m (a)")).with("INSERT INTO t VALUES (1, 2, 'x'); REFRESH MATERIALIZED VIEW m; DELETE FROM t", "SELECT a FROM m", "2"),
            pair("parents with odd names", "", "CREATE TABLE \"z\"\"p, q\" (a integer) PARTITION BY LIST (a); CREATE TABLE c PARTITION OF \"z\"\"p, q\" FOR VALUES IN (1); CREATE TABLE \"z, y\" (a integer); CREATE TABLE \"x\"\"\" (b integer); CREATE TABLE d (c integer) INHERITS (\"z, y\", \"x\"\"\")"),
            pair("a range that nobody uses gets a comment", "CREATE TYPE r AS RANGE (subtype = integer)", "CREATE TYPE r AS RANGE (subtype = integer); COMMENT ON TYPE r IS 'ours'"),
            pair("an identity becomes a text", "CREATE TABLE t (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)", "CREATE TABLE t (id varchar(50) PRIMARY KEY)").with("INSERT INTO t DEFAULT VALUES", "SELECT id FROM t", "1"),
            pair("materialized views", with("CREATE MATERIALIZED VIEW m AS SELECT a FROM t"), with("CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t; CREATE INDEX i ON m (b DESC)")),
            pair("functions", with("CREATE FUNCTION f(x integer) RETURNS integer LANGUAGE sql AS $$ SELECT x $$; CREATE FUNCTION g() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'a'; END $$"), with("CREATE FUNCTION f(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT x + 1 $$; CREATE FUNCTION f(x text) RETURNS text LANGUAGE sql AS $$ SELECT x $$; CREATE PROCEDURE p(INOUT x integer) LANGUAGE plpgsql AS $$ BEGIN x := 1; END $$; COMMENT ON FUNCTION f(text) IS 'f'")),
            pair("a function's result changes", with("CREATE FUNCTION f(x integer) RETURNS integer LANGUAGE sql AS $$ SELECT x $$; CREATE VIEW v AS SELECT f(a) FROM t"), with("CREATE FUNCTION f(y integer) RETURNS bigint LANGUAGE sql AS $$ SELECT y::bigint $$; CREATE VIEW v AS SELECT f(a) FROM t")),
            pair("a function that a table needs", "CREATE TABLE u (a integer)", "CREATE FUNCTION next_id() RETURNS integer LANGUAGE sql AS $$ SELECT 7 $$; CREATE FUNCTION twice(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT x * 2 $$; CREATE TABLE t (id integer DEFAULT next_id(), CHECK (twice(id) > 0)); CREATE TABLE u (a integer DEFAULT next_id()); CREATE INDEX i ON u (twice(a))"),
            pair("a function that needs a table", "", with("CREATE FUNCTION rows() RETURNS SETOF t LANGUAGE sql AS $$ SELECT * FROM t $$; CREATE FUNCTION one(r t) RETURNS integer LANGUAGE sql AS $$ SELECT r.id $$")),
            pair("a function of the standard's kind", with("CREATE FUNCTION f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT a FROM t; END"), "CREATE TABLE t (id integer PRIMARY KEY, a bigint, b text); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT a FROM t; END"),
            pair("triggers", with("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"), with("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER one AFTER INSERT OR UPDATE OF a ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION f(); CREATE TRIGGER two AFTER DELETE ON t EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER two; COMMENT ON TRIGGER one ON t IS 'one'")),
            pair("a type under a trigger changes", with("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one AFTER UPDATE OF a ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION f()"), "CREATE TABLE t (id integer PRIMARY KEY, a bigint, b text); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one AFTER UPDATE OF a ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION f()"),
            pair("a trigger is switched", with("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"), with("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER one")),
            pair("a trigger on a view", with("CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION f()"), "CREATE TABLE t (id integer PRIMARY KEY, a bigint, b text); CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION f()"),
            pair("row level security", with("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON t USING (a > 0)"), "CREATE TABLE t (id integer PRIMARY KEY, a bigint, b text); ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY one ON t USING (a > 0); CREATE POLICY two ON t AS RESTRICTIVE FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (a < 5); COMMENT ON POLICY two ON t IS 'two'"),
            pair("rules", with("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING"), with("CREATE RULE r AS ON DELETE TO t DO NOTHING; CREATE RULE s AS ON UPDATE TO t WHERE OLD.a > 0 DO ALSO NOTHING")),
            pair("statistics of a column that comes and one that goes", "CREATE TABLE s (x integer, b integer, c integer); CREATE STATISTICS n ON x, b, c FROM s", "CREATE TABLE s (a integer, b integer, c integer); CREATE STATISTICS n ON a, b, c FROM s; CREATE STATISTICS m ON c, a FROM s"),
            pair("a domain that counts", "", "CREATE SEQUENCE zaehler; CREATE DOMAIN counted AS integer DEFAULT nextval('zaehler'); CREATE TABLE t (a counted)"),
            pair("a function becomes a window function", "CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'", "CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql WINDOW AS 'SELECT $1'"),
            pair("a table goes that calls a function that is made again", "CREATE FUNCTION most() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 100 $$; CREATE TABLE t (a integer DEFAULT most(), CHECK (a <= most())); CREATE INDEX i ON t (a) WHERE a > most(); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a = most()); CREATE TABLE u (a integer)", "CREATE FUNCTION most() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 100 $$; CREATE TABLE u (a integer)"),
            pair("a domain's default calls a function that is made again", "CREATE FUNCTION usual() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 5 $$; CREATE DOMAIN d AS integer DEFAULT usual() CHECK (VALUE >= usual()); CREATE TABLE t (a d, b integer)", "CREATE FUNCTION usual() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 5 $$; CREATE DOMAIN d AS integer DEFAULT usual() CHECK (VALUE >= usual()); CREATE TABLE t (a d, b integer)").with("INSERT INTO t (b) VALUES (1)", "INSERT INTO t (b) VALUES (2); SELECT sum(a) FROM t", "10"),
            pair("replica identity of what may be NULL", "CREATE TABLE t (a integer NOT NULL); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX i", "CREATE TABLE t (a integer); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY FULL"),
            pair("casts between the server's own types", "CREATE CAST (json AS character varying) WITHOUT FUNCTION AS IMPLICIT; COMMENT ON CAST (json AS character varying) IS 'c'; CREATE CAST (text AS json) WITHOUT FUNCTION", "CREATE CAST (json AS character varying) WITHOUT FUNCTION; CREATE CAST (json AS text) WITHOUT FUNCTION AS ASSIGNMENT; COMMENT ON CAST (json AS text) IS 'c'"),
            pair("aggregates of a view's rows", "CREATE TABLE t (id integer)", "CREATE TABLE t (id integer, a text); CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION step(state integer, r v) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT state + r.id $$; CREATE AGGREGATE total(v) (SFUNC = step, STYPE = integer, INITCOND = '0'); CREATE VIEW w AS SELECT total(v.*) FROM v"),
            pair("a view changes under an aggregate of its rows", "CREATE TABLE t (id integer, b text); CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION step(state integer, r v) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT state + r.id $$; CREATE AGGREGATE total(v) (SFUNC = step, STYPE = integer, INITCOND = '0')", "CREATE TABLE t (id bigint, b text); CREATE VIEW v AS SELECT b, id FROM t; CREATE FUNCTION step(state integer, r v) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT state + r.id::integer $$; CREATE AGGREGATE total(v) (SFUNC = step, STYPE = integer, INITCOND = '0')"),
            pair("an exclusion calls a function that is made again", "CREATE FUNCTION norm(code text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(code) $$; CREATE TABLE t (code text, CONSTRAINT once EXCLUDE USING btree (norm(code) WITH =)); COMMENT ON CONSTRAINT once ON t IS 'c'", "CREATE FUNCTION norm(input text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(input) $$; CREATE TABLE t (code text, CONSTRAINT once EXCLUDE USING btree (norm(code) WITH =)); COMMENT ON CONSTRAINT once ON t IS 'c'"),
            pair("a parent's default calls a function that is made again, and a partition has its own", "CREATE FUNCTION usual(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT x $$; CREATE TABLE m (k integer, a integer DEFAULT usual(1)) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (9); CREATE TABLE m2 PARTITION OF m DEFAULT; ALTER TABLE m1 ALTER a SET DEFAULT 7", "CREATE FUNCTION usual(x integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT x $$; CREATE TABLE m (k integer, a integer DEFAULT usual(1)) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (9); CREATE TABLE m2 PARTITION OF m DEFAULT; ALTER TABLE m1 ALTER a SET DEFAULT 7"),
            pair("a parent's default changes, and a partition has its own", "CREATE TABLE m (k integer, a integer DEFAULT 1) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m (a DEFAULT 7) FOR VALUES FROM (0) TO (9); CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (9) TO (20); ALTER TABLE m2 ALTER a DROP DEFAULT; CREATE TABLE m3 PARTITION OF m DEFAULT", "CREATE TABLE m (k integer, a integer DEFAULT 2) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m (a DEFAULT 7) FOR VALUES FROM (0) TO (9); CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (9) TO (20); ALTER TABLE m2 ALTER a DROP DEFAULT; CREATE TABLE m3 PARTITION OF m DEFAULT"),
            pair("a parent's type changes with its default, and a child has its own", "CREATE TABLE m (k integer, a integer DEFAULT 1); CREATE TABLE n () INHERITS (m); CREATE TABLE o () INHERITS (n); ALTER TABLE n ALTER a SET DEFAULT 9", "CREATE TABLE m (k integer, a text DEFAULT 'x'); CREATE TABLE n () INHERITS (m); CREATE TABLE o () INHERITS (n); ALTER TABLE n ALTER a SET DEFAULT 'z'"),
            pair("a parent's type changes, and a partition has a default of its own", "CREATE TABLE m (k integer, a integer) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m (a DEFAULT 7) FOR VALUES FROM (0) TO (9)", "CREATE TABLE m (k integer, a bigint) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m (a DEFAULT 8) FOR VALUES FROM (0) TO (9)"),
            pair("a label that is used where it is added", "", "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE feelings (felt mood DEFAULT 'good'); ALTER TYPE mood ADD VALUE 'bad'; ALTER TABLE feelings ALTER COLUMN felt SET DEFAULT 'bad', ADD CHECK (felt IN ('good', 'bad'))"),
            pair("statistics", with("CREATE STATISTICS s ON a, b FROM t"), with("CREATE STATISTICS s (ndistinct) ON a, b FROM t; CREATE STATISTICS u ON id, a FROM t")),
            pair("tables with all of it go", with("CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); CREATE FUNCTION rows() RETURNS SETOF t LANGUAGE sql AS $$ SELECT * FROM t $$; CREATE STATISTICS s ON a, b FROM t; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON t USING (a > 0)"), ""),
            pair("extensions", "", "CREATE EXTENSION citext; CREATE EXTENSION IF NOT EXISTS \"btree_gist\"; CREATE TABLE t (a citext, b integer, EXCLUDE USING gist (b WITH =))"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn tables() -> anyhow::Result<()> {
    run_all(
        &[
            pair("tables come and go", "CREATE TABLE a (x integer); CREATE TABLE b (x integer)", "CREATE TABLE b (x integer); CREATE TABLE c (x integer); CREATE TABLE d ()").with("INSERT INTO b VALUES (1)", "SELECT x FROM b", "1"),
            pair("unlogged and back", "CREATE UNLOGGED TABLE a (x integer); CREATE TABLE b (x integer)", "CREATE TABLE a (x integer); CREATE UNLOGGED TABLE b (x integer)").with("INSERT INTO a VALUES (1)", "SELECT x FROM a", "1"),
            pair("storage parameters", "CREATE TABLE a (x integer) WITH (fillfactor = 70, autovacuum_enabled = false)", "CREATE TABLE a (x integer) WITH (fillfactor = 80, parallel_workers = 2)"),
            pair("partitions", "", "CREATE TABLE m (day date NOT NULL, n integer, PRIMARY KEY (day, n)) PARTITION BY RANGE (day); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY LIST (n); CREATE TABLE m2a PARTITION OF m2 DEFAULT; CREATE INDEX i ON m (n)"),
            pair("a partitioned table changes", "CREATE TABLE m (day date NOT NULL, n integer, x text) PARTITION BY RANGE (day); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE INDEX i ON m (n)", "CREATE TABLE m (day date NOT NULL, n bigint NOT NULL DEFAULT 5, y integer) PARTITION BY RANGE (day); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2026-03-01'); CREATE TABLE m2 PARTITION OF m DEFAULT; CREATE INDEX j ON m (n, y)").with("INSERT INTO m VALUES ('2026-01-05', 3)", "SELECT n FROM m1", "3"),
            pair("hash and list partitions", "", "CREATE TABLE h (a integer, b text) PARTITION BY HASH (a, lower(b)); CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (modulus 2, remainder 0); CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (modulus 2, remainder 1); CREATE TABLE l (a text) PARTITION BY LIST (a); CREATE TABLE l1 PARTITION OF l FOR VALUES IN ('x', 'it''s')"),
            pair("a foreign key of a partitioned table", "CREATE TABLE p (id integer PRIMARY KEY)", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE m (a integer REFERENCES p) PARTITION BY RANGE (a); CREATE TABLE m1 PARTITION OF m DEFAULT"),
            pair("inheritance", "CREATE TABLE p (a integer)", "CREATE TABLE p (a integer, CHECK (a > 0)); CREATE TABLE c (b integer) INHERITS (p)"),
            pair("replica identity", "CREATE TABLE a (x integer PRIMARY KEY, y integer NOT NULL UNIQUE)", "CREATE TABLE a (x integer PRIMARY KEY, y integer NOT NULL UNIQUE); ALTER TABLE a REPLICA IDENTITY USING INDEX a_y_key; CREATE TABLE b (x integer); ALTER TABLE b REPLICA IDENTITY FULL"),
            pair("partitions of their own mind", "", "CREATE TABLE m (a integer, b text DEFAULT 'x', c integer, CHECK (c > 0), UNIQUE (a, b)) PARTITION BY LIST (a); CREATE TABLE m1 PARTITION OF m (b NOT NULL, c DEFAULT 5, PRIMARY KEY (a, b)) FOR VALUES IN (1); CREATE TABLE m2 PARTITION OF m (b DEFAULT 'y', CHECK (c < 10)) FOR VALUES IN (2); CREATE INDEX i1 ON m1 (c); CREATE UNIQUE INDEX u2 ON m2 (b); CREATE TABLE r (b text REFERENCES m2 (b))"),
            pair("partitions change their mind", "CREATE TABLE m (a integer, b text DEFAULT 'x') PARTITION BY LIST (a); CREATE TABLE m1 PARTITION OF m (b NOT NULL DEFAULT 'z') FOR VALUES IN (1); CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2)", "CREATE TABLE m (a integer, b text DEFAULT 'x', d integer) PARTITION BY LIST (a); CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1, 5); CREATE TABLE m2 PARTITION OF m (b NOT NULL DEFAULT 'w', d NOT NULL) FOR VALUES IN (2)"),
            pair("tables join and leave", "CREATE TABLE m (a integer, b text) PARTITION BY LIST (a); CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1); CREATE TABLE m2 (a integer, b text)", "CREATE TABLE m (a integer, b text) PARTITION BY LIST (a); CREATE TABLE m1 (a integer, b text); CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2)").with("INSERT INTO m VALUES (1, 'x'); INSERT INTO m2 VALUES (2, 'y')", "SELECT string_agg(b, '') FROM m", "y"),
            pair("partitions as a dump writes them", "", "CREATE TABLE app.m (a integer NOT NULL, b text) PARTITION BY LIST (a); CREATE TABLE app.m1 (a integer NOT NULL, b text); ALTER TABLE ONLY app.m ATTACH PARTITION app.m1 FOR VALUES IN (1); CREATE INDEX i ON ONLY app.m USING btree (b); CREATE INDEX m1_b_idx ON app.m1 USING btree (b); ALTER INDEX app.i ATTACH PARTITION app.m1_b_idx"),
            pair("a parent's column becomes the child's", "CREATE TABLE p (x integer, e integer); CREATE TABLE c (a integer, b integer) INHERITS (p)", "CREATE TABLE p (x integer); CREATE TABLE c (a integer, e integer) INHERITS (p)").with("INSERT INTO c (x) VALUES (1)", "SELECT x FROM p", "1"),
            pair("a table becomes a view and a view a table", "CREATE TABLE a (x integer); CREATE VIEW b AS SELECT 1 AS x; CREATE TABLE d (x integer PRIMARY KEY); CREATE TABLE e (x integer REFERENCES d)", "CREATE TABLE b (x integer); CREATE VIEW a AS SELECT x FROM b; CREATE TABLE e (x integer); CREATE SEQUENCE d"),
            pair("an index's name moves to another table", "CREATE TABLE a (x integer, CONSTRAINT k UNIQUE (x)); CREATE TABLE b (x integer); CREATE TABLE z (x integer); CREATE INDEX i ON z (x); CREATE TABLE y (x integer); CREATE INDEX j ON y (x)", "CREATE TABLE a (x integer); CREATE INDEX i ON a (x); CREATE TABLE b (x integer, CONSTRAINT k UNIQUE (x)); CREATE INDEX j ON b (x); CREATE TABLE z (x integer)"),
            pair("comments on keys of new tables", "", "CREATE TABLE p (id integer, CONSTRAINT pk PRIMARY KEY (id)); CREATE TABLE c (p integer CONSTRAINT f REFERENCES p, CONSTRAINT k CHECK (p > 0)); COMMENT ON CONSTRAINT pk ON p IS 'pk'; COMMENT ON CONSTRAINT f ON c IS 'f'; COMMENT ON CONSTRAINT k ON c IS 'k'"),
            pair("nothing", "CREATE TABLE a (x integer)", ""),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn whole_databases() -> anyhow::Result<()> {
    run_all(
        &[
            pair("an extension moves", "CREATE SCHEMA e; CREATE EXTENSION citext; CREATE TABLE t (a citext)", "CREATE SCHEMA e; CREATE EXTENSION citext WITH SCHEMA e; CREATE TABLE t (a e.citext)"),
            pair("rights of schemas, and of what comes", "CREATE SCHEMA s; CREATE SCHEMA r; GRANT USAGE ON SCHEMA r TO PUBLIC", "CREATE SCHEMA s; CREATE SCHEMA r; GRANT USAGE ON SCHEMA s, r TO PUBLIC; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO pg_monitor").with("SELECT 1", "", ""),
            pair("schemas come and go", "CREATE SCHEMA a; CREATE TABLE a.t (x serial PRIMARY KEY)", "CREATE SCHEMA b; COMMENT ON SCHEMA b IS 'b'; CREATE TYPE b.mood AS ENUM ('x'); CREATE TABLE b.t (x integer PRIMARY KEY, m b.mood DEFAULT 'x'); CREATE TABLE u (x integer REFERENCES b.t)"),
            pair("things of two schemas", "CREATE SCHEMA a; CREATE TABLE a.t (x integer PRIMARY KEY, y text); CREATE TABLE t (x integer REFERENCES a.t, UNIQUE (x)); CREATE VIEW a.v AS SELECT t.x FROM a.t JOIN public.t p ON p.x = t.x; CREATE INDEX i ON a.t (lower(y))", "CREATE SCHEMA a; CREATE TABLE a.t (x bigint PRIMARY KEY, y varchar(10)); CREATE TABLE t (x bigint REFERENCES a.t); CREATE VIEW a.v AS SELECT t.x FROM a.t JOIN public.t p ON p.x = t.x; CREATE FUNCTION a.f(x bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT x $$").with("INSERT INTO a.t VALUES (1, 'x'); INSERT INTO t VALUES (1)", "SELECT x FROM a.v", "1"),
            pair("an enum of another schema", "CREATE SCHEMA a; CREATE TYPE a.mood AS ENUM ('x', 'y'); CREATE TABLE t (m a.mood DEFAULT 'x')", "CREATE SCHEMA a; CREATE TYPE a.mood AS ENUM ('y'); CREATE TABLE t (m a.mood DEFAULT 'y')").with("INSERT INTO t VALUES ('y')", "SELECT m FROM t", "y"),
            pair("serials, identities and sequences", "CREATE SCHEMA \"S a\"; CREATE TABLE \"S a\".t (x integer)", "CREATE SCHEMA \"S a\"; CREATE TABLE \"S a\".t (x serial, y bigint GENERATED ALWAYS AS IDENTITY); CREATE SEQUENCE \"S a\".q OWNED BY \"S a\".t.y"),
            pair("a path in the text", "", "CREATE SCHEMA a; SET search_path = a; CREATE TABLE t (x integer); CREATE VIEW v AS SELECT x FROM t"),
            pair("partitions, triggers and extensions", "", "CREATE SCHEMA a; CREATE EXTENSION citext SCHEMA a; CREATE TABLE a.m (d date, c a.citext) PARTITION BY RANGE (d); CREATE TABLE a.m1 PARTITION OF a.m DEFAULT; CREATE FUNCTION a.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER one BEFORE INSERT ON a.m FOR EACH ROW EXECUTE FUNCTION a.f()"),
            pair("the same name in two schemas", "CREATE SCHEMA a; CREATE TABLE a.t (x integer); CREATE TABLE t (x integer)", "CREATE SCHEMA a; CREATE TABLE a.t (x integer, y integer); CREATE TABLE t (x integer, z integer); CREATE INDEX i ON a.t (x); CREATE INDEX i ON t (z)"),
        ],
        false,
    )
    .await
}

/// What the server writes of an expression is not always what it writes of its own writing; the one and the other are the same.
#[tokio::test]
async fn expressions_written_twice() -> anyhow::Result<()> {
    let t = "CREATE TABLE t (size varchar(9), n integer, on_shelf boolean)";
    let also = |sql: &str| -> &'static str { Box::leak(format!("{t}; {sql}").into_boxed_str()) };
    run_all(
        &[
            pair("a list of words in a check", t, "CREATE TABLE t (size varchar(9) CHECK (size IN ('small', 'large')), n integer, on_shelf boolean)"),
            pair("between and more", t, "CREATE TABLE t (size varchar(9), n integer CHECK (n BETWEEN 1 AND 9 AND n <> 4), on_shelf boolean, CHECK (n BETWEEN 1 AND 2 OR n BETWEEN 5 AND 6))"),
            pair("in a view", t, also("CREATE VIEW v AS SELECT n, CASE WHEN n BETWEEN 1 AND 3 AND on_shelf THEN 'x' END AS x FROM t WHERE n BETWEEN 1 AND 9 AND size IN ('small', 'large') AND on_shelf")),
            pair("in indexes", t, also("CREATE INDEX few ON t (n) WHERE size IN ('small', 'large') AND n BETWEEN 1 AND 2; CREATE INDEX more ON t ((n BETWEEN 1 AND 2 AND on_shelf))")),
            pair("in a computed column", t, "CREATE TABLE t (size varchar(9), n integer, on_shelf boolean, g boolean GENERATED ALWAYS AS (n BETWEEN 1 AND 2 AND size IN ('small', 'large')) STORED)"),
            pair("in a policy, a rule and a trigger", t, also("CREATE POLICY p ON t USING (n BETWEEN 1 AND 2 AND size IN ('small', 'large')); CREATE RULE r AS ON DELETE TO t WHERE OLD.n BETWEEN 1 AND 2 AND OLD.size IN ('small', 'large') DO INSTEAD NOTHING; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.n BETWEEN 1 AND 2 AND NEW.size IN ('small', 'large')) EXECUTE FUNCTION f()")),
            pair("in a domain", "", "CREATE DOMAIN size AS varchar(9) CHECK (VALUE IN ('small', 'large') AND VALUE BETWEEN 'a' AND 'z' AND VALUE <> 'no')"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn partitions_and_their_keys() -> anyhow::Result<()> {
    let parts = "CREATE TABLE sales (shop text, id integer, paid boolean DEFAULT true) PARTITION BY LIST (shop); CREATE TABLE north PARTITION OF sales FOR VALUES IN ('n')";
    let with =
        |sql: &str| -> &'static str { Box::leak(format!("{parts}; {sql}").into_boxed_str()) };
    let wide = "CREATE TABLE sales (shop text, id integer, paid boolean DEFAULT true) PARTITION BY LIST (shop)";
    let of = |north: &str, behind: &str| -> &'static str {
        Box::leak(format!("{wide}; CREATE TABLE north PARTITION OF sales {north} FOR VALUES IN ('n'); {behind}").into_boxed_str())
    };
    run_all(
        &[
            pair("its index becomes its parent's", with("CREATE UNIQUE INDEX own ON north (shop, id)"), with("CREATE UNIQUE INDEX whole ON sales (shop, id)")).with("INSERT INTO sales VALUES ('n', 1)", "SELECT id FROM sales", "1"),
            pair("its key becomes its parent's", of("(PRIMARY KEY (shop, id))", ""), with("ALTER TABLE sales ADD PRIMARY KEY (shop, id)")).with("INSERT INTO sales VALUES ('n', 1)", "SELECT id FROM sales", "1"),
            pair("its parent's column goes with its index", with("CREATE INDEX own ON north (id)"), "CREATE TABLE sales (shop text, paid boolean DEFAULT true) PARTITION BY LIST (shop); CREATE TABLE north PARTITION OF sales FOR VALUES IN ('n')"),
            pair("a key of its own within its parent's index", "", of("(PRIMARY KEY (shop, id))", "CREATE UNIQUE INDEX whole ON sales (shop, id); COMMENT ON INDEX whole IS 'of all'")),
            pair("no default where its parent has one", parts, of("(paid NOT NULL)", "ALTER TABLE north ALTER paid DROP DEFAULT")),
            pair("an index that lacks a part", with("CREATE INDEX whole ON ONLY sales (id)"), with("CREATE INDEX whole ON sales (id)")),
            pair("one that is referred to goes", with("ALTER TABLE sales ADD PRIMARY KEY (shop, id); CREATE TABLE south PARTITION OF sales FOR VALUES IN ('s'); CREATE TABLE bills (shop text, id integer, FOREIGN KEY (shop, id) REFERENCES sales)"), with("ALTER TABLE sales ADD PRIMARY KEY (shop, id); CREATE TABLE bills (shop text, id integer, FOREIGN KEY (shop, id) REFERENCES sales)")),
            pair("it moves when its parent's index does", with("CREATE INDEX whole ON sales (id)"), "CREATE TABLE deals (shop text, id integer, paid boolean DEFAULT true) PARTITION BY LIST (shop); CREATE TABLE north PARTITION OF deals FOR VALUES IN ('n'); CREATE INDEX whole ON deals (id)").with("INSERT INTO sales VALUES ('n', 1)", "SELECT id FROM deals", "1"),
            pair("a key between two is looked at", "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (a integer); ALTER TABLE b ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES a NOT VALID; ALTER TABLE a ADD CONSTRAINT l FOREIGN KEY (id) REFERENCES a", "CREATE TABLE a (id integer PRIMARY KEY, b integer UNIQUE); CREATE TABLE b (a integer UNIQUE); ALTER TABLE b ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES a; ALTER TABLE a ADD CONSTRAINT l FOREIGN KEY (b) REFERENCES b (a)"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn settings_of_tables_and_columns() -> anyhow::Result<()> {
    let t = "CREATE TABLE t (a text, b integer NOT NULL); CREATE UNIQUE INDEX i ON t (b)";
    let with = |sql: &str| -> &'static str { Box::leak(format!("{t}; {sql}").into_boxed_str()) };
    run_all(
        &[
            pair("of columns", t, with("ALTER TABLE t ALTER a SET COMPRESSION pglz, ALTER a SET STATISTICS 500, ALTER b SET (n_distinct = 5, n_distinct_inherited = 7)")),
            pair("of columns that are new", "", with("ALTER TABLE t ALTER a SET COMPRESSION pglz, ALTER a SET STATISTICS 500, ALTER a SET (n_distinct = 5)")),
            pair("of what is stored aside", t, "CREATE TABLE t (a text, b integer NOT NULL) WITH (fillfactor = 50, toast.autovacuum_enabled = false); CREATE UNIQUE INDEX i ON t (b)"),
            pair("the order of rows", t, with("ALTER TABLE t CLUSTER ON i")),
            pair("an index with a mark is made again", with("ALTER TABLE t CLUSTER ON i; ALTER TABLE t REPLICA IDENTITY USING INDEX i"), "CREATE TABLE t (a text, b integer NOT NULL); CREATE UNIQUE INDEX i ON t (b DESC); ALTER TABLE t CLUSTER ON i; ALTER TABLE t REPLICA IDENTITY USING INDEX i"),
        ],
        true,
    )
    .await
}

/// What is used by something else, when it is made again.
#[tokio::test]
async fn what_others_use() -> anyhow::Result<()> {
    let groups = "CREATE TABLE t (id integer PRIMARY KEY, a integer); CREATE VIEW v AS SELECT id, a FROM t GROUP BY id";
    let gives = |kind: &str| -> &'static str {
        let next = format!(
            "CREATE FUNCTION next(integer) RETURNS {kind} IMMUTABLE LANGUAGE sql AS 'SELECT ($1 + 1)::{kind}'"
        );
        Box::leak(format!("{next}; CREATE TABLE t (a integer DEFAULT next(1), keep text, CONSTRAINT c CHECK (next(a) > 0)); COMMENT ON CONSTRAINT c ON t IS 'c'; CREATE INDEX i ON t (next(a)); CREATE VIEW v AS SELECT next(a) FROM t").into_boxed_str())
    };
    let rows = "CREATE TABLE t (id integer); CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION rows() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM v'; CREATE FUNCTION more() RETURNS SETOF v LANGUAGE sql BEGIN ATOMIC SELECT * FROM rows(); END";
    run_all(
        &[
            pair("a key that a view groups by", groups, "CREATE TABLE t (id integer, a integer PRIMARY KEY); CREATE VIEW v AS SELECT a, max(id) AS id FROM t GROUP BY a"),
            pair("a function of a view's rows", "CREATE TABLE t (id integer)", rows),
            pair("a view whose rows a function gives", rows, "CREATE TABLE t (id bigint); CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION rows() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM v'"),
            pair("a function gives another type", gives("integer"), gives("bigint")).with("INSERT INTO t (keep) VALUES ('x')", "SELECT keep || a FROM t", "x2"),
            pair("both ends of a foreign key", "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)", "CREATE TABLE p (id text PRIMARY KEY); CREATE TABLE c (p text REFERENCES p)").with("INSERT INTO p VALUES (7); INSERT INTO c VALUES (7)", "SELECT p FROM c JOIN p ON id = p", "7"),
            pair("a sequence changes hands", "CREATE TABLE a (x integer); CREATE SEQUENCE s OWNED BY a.x", "CREATE TABLE b (x integer); CREATE SEQUENCE s OWNED BY b.x"),
            pair("a sequence turns round", "CREATE SEQUENCE s START WITH 10", "CREATE SEQUENCE s INCREMENT BY -1 MINVALUE -100"),
            pair("attributes that no column has", "CREATE TYPE p AS (a integer, b text); CREATE FUNCTION f(p) RETURNS integer LANGUAGE sql RETURN 1", "CREATE TYPE p AS (b text, a integer); CREATE FUNCTION f(p) RETURNS integer LANGUAGE sql RETURN 1"),
            pair("a domain's check that old rows are spared", "", "CREATE DOMAIN d AS integer; ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID"),
        ],
        true,
    )
    .await
}

/// What is said by statements of its own: comments on parts, targets, rights.
#[tokio::test]
async fn what_is_said() -> anyhow::Result<()> {
    let t = "CREATE TABLE t (id serial PRIMARY KEY, a text, b integer)";
    let with = |sql: &str| -> &'static str { Box::leak(format!("{t}; {sql}").into_boxed_str()) };
    let view = "CREATE VIEW v AS SELECT a, b FROM t; COMMENT ON COLUMN v.a IS 'first'; ALTER VIEW v ALTER b SET DEFAULT 5; GRANT SELECT ON v TO PUBLIC; GRANT SELECT (b) ON t TO pg_monitor";
    let wider = |of: &str| -> &'static str {
        Box::leak(format!("{}; {of}", t.replace("integer", "bigint")).into_boxed_str())
    };
    // Rows in all of them, as there is no way back where rights are left alone.
    let spoken = |pair: Pair| pair.with("SELECT 1", "", "");
    run_all(
        &[
            pair("of a view's columns", t, with("CREATE VIEW v AS SELECT a, b FROM t; COMMENT ON COLUMN v.a IS 'first'; ALTER VIEW v ALTER b SET DEFAULT 5")),
            pair("of a materialized view", t, with("CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t; CREATE UNIQUE INDEX i ON m (b); COMMENT ON COLUMN m.a IS 'first'; COMMENT ON INDEX i IS 'it''s'; ALTER MATERIALIZED VIEW m CLUSTER ON i")),
            pair("of a domain, a type and a key", "CREATE DOMAIN d AS integer CONSTRAINT c CHECK (VALUE > 0); CREATE TYPE y AS (a integer); CREATE TABLE k (id integer PRIMARY KEY)", "CREATE DOMAIN d AS integer CONSTRAINT c CHECK (VALUE > 0); COMMENT ON CONSTRAINT c ON DOMAIN d IS 'some'; CREATE TYPE y AS (a integer); COMMENT ON COLUMN y.a IS 'part'; CREATE TABLE k (id integer PRIMARY KEY); COMMENT ON INDEX k_pkey IS 'key'"),
            pair("of a sequence that a column owns", t, with("COMMENT ON SEQUENCE t_id_seq IS 'numbers'")),
            pair("how much is counted", with("CREATE INDEX i ON t (lower(a)); CREATE STATISTICS s ON a, b FROM t"), with("CREATE INDEX i ON t (lower(a)); ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 300; CREATE STATISTICS s ON a, b FROM t; ALTER STATISTICS s SET STATISTICS 70")),
            pair("of a partition's column", "CREATE TABLE p (a integer) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", "CREATE TABLE p (a integer) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); COMMENT ON COLUMN p1.a IS 'one'"),
            spoken(pair("rights", t, with("GRANT SELECT, INSERT ON t TO pg_monitor WITH GRANT OPTION; GRANT USAGE ON SEQUENCE t_id_seq TO PUBLIC; CREATE TYPE e AS ENUM ('a'); REVOKE ALL ON TYPE e FROM PUBLIC; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO pg_monitor"))),
            spoken(pair("rights that change", with("GRANT SELECT ON t TO pg_monitor WITH GRANT OPTION; GRANT DELETE ON t TO PUBLIC"), with("GRANT SELECT, UPDATE ON t TO pg_monitor"))),
            spoken(pair("a view that is made again keeps them", with(view), wider(view))),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn rights_that_the_wanted_schema_is_silent_about_stay() -> anyhow::Result<()> {
    let (database, mut session) = bound().await?;
    let settings = Settings::default();
    let old = "CREATE TABLE t (a integer); CREATE VIEW v AS SELECT a FROM t";
    reach(&mut session, old, &settings).await?;
    let server = Postgres::shared()?;
    server
        .psql(&database, "GRANT SELECT ON app.t, app.v TO pg_monitor")?
        .ok()?;
    let new = "CREATE TABLE t (a bigint); CREATE VIEW v AS SELECT a FROM t";
    let (_, plan) = plan_to(&mut session, new, &settings).await?;
    let told = plan.not_managed.join("; ");
    anyhow::ensure!(told.contains("rights on tables"), "{told}");
    session
        .apply(&plan.statements, TransactionMode::File)
        .await?;
    let query = "SELECT has_table_privilege('pg_monitor', 'app.t', 'SELECT') AND has_table_privilege('pg_monitor', 'app.v', 'SELECT')";
    let found = server.psql(&database, query)?.ok()?;
    anyhow::ensure!(found.trim() == "t", "{found}");
    let (_, again) = plan_to(&mut session, new, &settings).await?;
    anyhow::ensure!(again.statements.is_empty(), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn names_and_kinds_that_change_hands() -> anyhow::Result<()> {
    let f = |head: &str| -> &'static str {
        Box::leak(format!("CREATE {head} LANGUAGE sql AS 'SELECT 1'").into_boxed_str())
    };
    let sum = "CREATE FUNCTION plus(integer, integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2'; CREATE AGGREGATE total(integer) (sfunc = plus, stype = integer, initcond = '0')";
    let more = "CREATE FUNCTION plus(integer, integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2'; CREATE AGGREGATE total(integer) (sfunc = plus, stype = integer, initcond = '5', parallel = safe); COMMENT ON AGGREGATE total(integer) IS 'all'; CREATE VIEW v AS SELECT total(g) FROM generate_series(1, 3) g";
    run_all(
        &[
            pair("a function to a procedure", f("FUNCTION f(integer) RETURNS integer"), f("PROCEDURE f(integer)")),
            pair("arguments of a function that a policy calls", "CREATE TABLE t (a text); CREATE FUNCTION me() RETURNS text LANGUAGE sql AS 'SELECT 1::text'; CREATE POLICY p ON t USING (a = me())", "CREATE TABLE t (a text); CREATE FUNCTION me(integer DEFAULT 1) RETURNS text LANGUAGE sql AS 'SELECT 1::text'; CREATE POLICY p ON t USING (a = me())"),
            pair("a function of a type that loses a label goes", "CREATE TYPE e AS ENUM ('a', 'b'); CREATE FUNCTION f(e) RETURNS e LANGUAGE sql AS 'SELECT $1'", "CREATE TYPE e AS ENUM ('a')"),
            pair("aggregates", "", sum),
            pair("an aggregate changes", sum, more),
            pair("casts and ranges", "", "CREATE TYPE c AS (a integer); CREATE FUNCTION n(c) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1.a'; CREATE CAST (c AS integer) WITH FUNCTION n(c) AS ASSIGNMENT; CREATE TYPE r AS RANGE (subtype = float8, subtype_diff = float8mi)"),
            pair("a serial becomes an identity of the same name", "CREATE TABLE t (id serial)", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY); COMMENT ON SEQUENCE t_id_seq IS 'kept by name'"),
            pair("a serial's sequence stays without the default", "CREATE TABLE t (id serial)", "CREATE TABLE t (id integer NOT NULL); CREATE SEQUENCE t_id_seq AS integer OWNED BY t.id"),
            pair("an identity begins elsewhere", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY)", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY (START WITH 50 MINVALUE 50 MAXVALUE 90 CYCLE))"),
            pair("to a domain of lists", "CREATE TABLE t (a integer[], b text)", "CREATE DOMAIN few AS integer[] CHECK (array_length(VALUE, 1) < 9); CREATE DOMAIN word AS varchar(9); CREATE TABLE t (a few, b word)").with("INSERT INTO t VALUES ('{1,2}', 'x')", "SELECT a::text || b FROM t", "{1,2}x"),
            pair("the key of a table whose identity to others goes", "CREATE TABLE t (a integer); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t ALTER a SET NOT NULL, REPLICA IDENTITY USING INDEX i", "CREATE TABLE t (a integer); CREATE UNIQUE INDEX i ON t (a)"),
            pair("a table joins another's children", "CREATE TABLE p (a integer, b text); CREATE TABLE c (a integer, b text, own integer)", "CREATE TABLE p (a integer, b text); CREATE TABLE c (a integer, b text, own integer); ALTER TABLE c INHERIT p").with("INSERT INTO c VALUES (1, 'x', 2)", "SELECT b FROM p", "x"),
            pair("a table leaves its parent", "CREATE TABLE p (a integer, b text); CREATE TABLE c (own integer) INHERITS (p)", "CREATE TABLE p (a integer, b text); CREATE TABLE c (a integer, b text, own integer)").with("INSERT INTO c VALUES (1, 'x', 2)", "SELECT b FROM c", "x"),
            pair("a table of a type with a key", "", "CREATE TYPE y AS (a integer, b text); CREATE TABLE t OF y (PRIMARY KEY (a), b DEFAULT 'x')"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn kinds_that_few_schemas_have() -> anyhow::Result<()> {
    let search = "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, STOPWORDS = english); CREATE TEXT SEARCH CONFIGURATION c (COPY = english); CREATE TABLE t (a text); CREATE INDEX i ON t USING gin (to_tsvector('c'::regconfig, a))";
    let other = "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, ACCEPT = false); CREATE TEXT SEARCH CONFIGURATION c (COPY = english); ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR word WITH d, simple; ALTER TEXT SEARCH CONFIGURATION c DROP MAPPING FOR url; COMMENT ON TEXT SEARCH CONFIGURATION c IS 'x'; CREATE TABLE t (a text); CREATE INDEX i ON t USING gin (to_tsvector('c'::regconfig, a))";
    let alike = "CREATE FUNCTION alike(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2'; CREATE FUNCTION alike(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2'";
    let operator: &str = Box::leak(format!("{alike}; CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = alike, COMMUTATOR = ===, NEGATOR = !==); CREATE OPERATOR !== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = alike, NEGATOR = ===); CREATE TABLE t (a integer CHECK (a === 1)); CREATE VIEW v AS SELECT a FROM t WHERE a === 2").into_boxed_str());
    run_all(
        &[
            pair("text search comes", "", search),
            pair("text search changes under an index", search, other),
            pair(
                "operators of a function that is overloaded",
                alike,
                operator,
            ),
            pair(
                "a label goes from below a composite type",
                "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TYPE c AS (x e, y integer)",
                "CREATE TYPE e AS ENUM ('b'); CREATE TYPE c AS (x e)",
            ),
            pair(
                "a column's enumeration becomes a domain of its name",
                "CREATE TYPE k AS ENUM ('a', 'b'); CREATE TABLE t (a k DEFAULT 'a')",
                "CREATE DOMAIN k AS text CHECK (VALUE <> ''); CREATE TABLE t (a k DEFAULT 'b')",
            )
            .with("INSERT INTO t DEFAULT VALUES", "SELECT a FROM t", "a"),
            pair(
                "a collation that nobody uses",
                "CREATE COLLATION l (provider = icu, locale = 'de')",
                "CREATE COLLATION l (provider = icu, locale = 'fr')",
            ),
        ],
        true,
    )
    .await?;
    let told = "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE TABLE t (a integer PRIMARY KEY); CREATE TABLE u (a integer PRIMARY KEY); CREATE EXTENSION citext;";
    let with =
        |more: &str| -> &'static str { Box::leak(format!("{told} {more}").into_boxed_str()) };
    run_all(
        &[
            pair(
                "event triggers, publications and an extension's comment",
                with("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION told(); CREATE PUBLICATION p FOR TABLE t"),
                with("CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('DROP TYPE') EXECUTE FUNCTION told(); ALTER EVENT TRIGGER e DISABLE; CREATE PUBLICATION p FOR TABLE t, u WITH (publish = 'insert'); COMMENT ON EXTENSION citext IS 'ours'"),
            ),
            pair("a publication of all tables", with("CREATE PUBLICATION p"), with("CREATE PUBLICATION p FOR ALL TABLES")),
        ],
        false,
    )
    .await
}
