//! Pairs about the parts of things: indexes of partitions with names of their own, columns of children, attributes and domains of types.

use crate::pairs::{pair, run_all};

#[tokio::test]
async fn indexes_of_partitions() -> anyhow::Result<()> {
    let tables = "CREATE TABLE bills (shop integer, year integer, note text) PARTITION BY LIST (shop); CREATE TABLE north PARTITION OF bills FOR VALUES IN (1); CREATE TABLE south PARTITION OF bills FOR VALUES IN (2)";
    let with =
        |sql: &str| -> &'static str { Box::leak(format!("{tables}; {sql}").into_boxed_str()) };
    let named = with(
        "CREATE INDEX north_own ON north (note text_pattern_ops DESC); CREATE INDEX whole ON bills (note text_pattern_ops DESC)",
    );
    let deep = "CREATE TABLE a (x integer, y integer) PARTITION BY LIST (x); CREATE TABLE b PARTITION OF a FOR VALUES IN (1) PARTITION BY LIST (y); CREATE TABLE \"c.d\" PARTITION OF b FOR VALUES IN (1)";
    let deep_named: &str = Box::leak(format!("{deep}; CREATE INDEX leaf ON \"c.d\" (abs(x)); CREATE INDEX middle ON ONLY b (abs(x)); ALTER INDEX middle ATTACH PARTITION leaf; CREATE INDEX top ON ONLY a (abs(x)); ALTER INDEX top ATTACH PARTITION middle").into_boxed_str());
    run_all(
        &[
            pair("one gets the names that it was made with", tables, named),
            pair("one that stands alone becomes a part", with("CREATE INDEX north_own ON north (note text_pattern_ops DESC)"), named),
            pair("a part has another name", named, with("CREATE INDEX other ON north (note text_pattern_ops DESC); CREATE INDEX whole ON bills (note text_pattern_ops DESC)")),
            pair("its column gets another type", named, "CREATE TABLE bills (shop integer, year integer, note varchar(9)) PARTITION BY LIST (shop); CREATE TABLE north PARTITION OF bills FOR VALUES IN (1); CREATE TABLE south PARTITION OF bills FOR VALUES IN (2); CREATE INDEX north_own ON north (note text_pattern_ops DESC); CREATE INDEX whole ON bills (note text_pattern_ops DESC)"),
            pair("one that lacks a part gets one", with("CREATE INDEX whole ON ONLY bills (year)"), with("CREATE INDEX whole ON ONLY bills (year); CREATE INDEX own ON north (year); ALTER INDEX whole ATTACH PARTITION own")),
            pair("parts of parts", deep, deep_named),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn columns_of_children() -> anyhow::Result<()> {
    let parents = "CREATE TABLE p (a integer, b integer DEFAULT 1); CREATE TABLE q (c integer)";
    let with =
        |sql: &str| -> &'static str { Box::leak(format!("{parents}; {sql}").into_boxed_str()) };
    run_all(
        &[
            pair("a default of its own", with("CREATE TABLE k (d integer) INHERITS (p)"), with("CREATE TABLE k (d integer) INHERITS (p); ALTER TABLE k ALTER b SET DEFAULT 2, ALTER a SET NOT NULL; COMMENT ON COLUMN k.a IS 'own'")),
            pair("one of two parents", with("CREATE TABLE k () INHERITS (p, q)"), with("CREATE TABLE k () INHERITS (p, q); ALTER TABLE k ALTER c SET DEFAULT 2")),
            pair("another parent", with("CREATE TABLE k (a integer, b integer, c integer) INHERITS (q)"), with("CREATE TABLE k (a integer, b integer DEFAULT 1, c integer) INHERITS (p)")).with("INSERT INTO k (a, b, c) VALUES (1, 2, 3)", "SELECT a || '|' || c FROM k", "1|3"),
            pair("the parent gives one up and the child keeps it", "CREATE TABLE p (a integer, b integer); CREATE TABLE k (b integer) INHERITS (p)", "CREATE TABLE p (a integer); CREATE TABLE k (b integer) INHERITS (p)").with("INSERT INTO k VALUES (1, 2)", "SELECT b FROM k", "2"),
            pair("the parent gets one that the child has", "CREATE TABLE p (a integer); CREATE TABLE k (b integer) INHERITS (p)", "CREATE TABLE p (a integer, b integer); CREATE TABLE k (b integer) INHERITS (p)").with("INSERT INTO k VALUES (1, 2)", "SELECT b FROM k", "2"),
            pair("a table of a type", "CREATE TYPE y AS (a integer, b text); CREATE TABLE t (a integer, b text)", "CREATE TYPE y AS (a integer, b text); CREATE TABLE t OF y"),
            pair("the type of a table changes", "CREATE TYPE y AS (a integer, b text); CREATE TABLE t OF y (PRIMARY KEY (a))", "CREATE TYPE y AS (a bigint, c date); CREATE TABLE t OF y (PRIMARY KEY (a))"),
            pair("settings of a materialized view and a sequence", "CREATE TABLE t (a text); CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE SEQUENCE s", "CREATE TABLE t (a text); CREATE MATERIALIZED VIEW m AS SELECT a FROM t; ALTER MATERIALIZED VIEW m ALTER a SET STORAGE EXTERNAL, ALTER a SET STATISTICS 7; CREATE UNLOGGED SEQUENCE s"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn types_within_types() -> anyhow::Result<()> {
    run_all(
        &[
            pair("an attribute of a column's type changes", "CREATE TYPE place AS (street text, code integer, old date); CREATE TABLE t (p place, l place[]); CREATE FUNCTION code(p place) RETURNS integer LANGUAGE sql AS 'SELECT p.code'; CREATE VIEW v AS SELECT (p).code FROM t", "CREATE TYPE place AS (street text COLLATE \"C\", code text, town text); CREATE TABLE t (p place, l place[]); CREATE FUNCTION code(p place) RETURNS text LANGUAGE sql AS 'SELECT p.code'; CREATE VIEW v AS SELECT (p).code FROM t").with("INSERT INTO t VALUES (('x', 7, NULL), ARRAY[('y', 8, NULL)::place])", "SELECT (p).code || (l[1]).code FROM t", "78"),
            pair("an attribute loses its enumeration", "CREATE TYPE e AS ENUM ('a'); CREATE TYPE c AS (x e); CREATE TABLE t (c c, e e)", "CREATE TYPE c AS (x text); CREATE TABLE t (c c, e text)"),
            pair("a label goes from below a domain", "CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE DOMAIN d AS e DEFAULT 'a' CHECK (VALUE <> 'b'); CREATE TABLE t (x d, y e DEFAULT 'b')", "CREATE TYPE e AS ENUM ('b', 'a'); CREATE DOMAIN d AS e DEFAULT 'a' CHECK (VALUE <> 'b'); CREATE TABLE t (x d, y e DEFAULT 'b')").with("INSERT INTO t DEFAULT VALUES", "SELECT x::text || y FROM t", "ab"),
            pair("a new label within a list", "CREATE TYPE e AS ENUM ('s', 'l'); CREATE TABLE t (l e[] DEFAULT '{s,l}')", "CREATE TYPE e AS ENUM ('xs', 's', 'l', 'xl'); CREATE TABLE t (l e[] DEFAULT '{xs,xl}')").with("INSERT INTO t DEFAULT VALUES", "SELECT l FROM t", "{s,l}"),
            pair("a type becomes a table", "CREATE TYPE thing AS (a integer); CREATE FUNCTION one() RETURNS thing LANGUAGE sql AS 'SELECT ROW(1)::thing'", "CREATE TABLE thing (a integer, b text); CREATE FUNCTION one() RETURNS thing LANGUAGE sql AS 'SELECT ROW(1, NULL)::thing'"),
            pair("numbers are given no more, and may be missing", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY)", "CREATE TABLE t (id integer)"),
            pair("a domain of lists", "CREATE DOMAIN d AS integer CHECK (VALUE > 0); CREATE TABLE t (x d, l d[])", "CREATE DOMAIN d AS integer CHECK (VALUE > 0) CONSTRAINT few CHECK (VALUE < 9); CREATE TABLE t (x d, l d[])").with("INSERT INTO t VALUES (1, '{2,3}')", "SELECT l FROM t", "{2,3}"),
            pair("a domain's function is made again", "CREATE FUNCTION fits(x text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT length(x) > 0'; CREATE DOMAIN d AS text CHECK (fits(VALUE)) CONSTRAINT short CHECK (length(VALUE) < 9); CREATE TABLE t (x d)", "CREATE FUNCTION fits(x text, y integer DEFAULT 1) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT length(x) > y'; CREATE DOMAIN d AS text CHECK (fits(VALUE)) CONSTRAINT short CHECK (length(VALUE) < 8); CREATE TABLE t (x d)"),
            pair("a computed column's function is made again", "CREATE FUNCTION twice(x integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT x * 2'; CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (twice(a)) STORED UNIQUE); CREATE TABLE c (b integer REFERENCES t (b)); CREATE VIEW v AS SELECT b FROM t; COMMENT ON COLUMN t.b IS 'b'", "CREATE FUNCTION twice(y integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT y * 2'; CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (twice(a)) STORED UNIQUE); CREATE TABLE c (b integer REFERENCES t (b)); CREATE VIEW v AS SELECT b FROM t; COMMENT ON COLUMN t.b IS 'b'").with("INSERT INTO t VALUES (3); INSERT INTO c VALUES (6)", "SELECT b FROM v", "6"),
        ],
        true,
    )
    .await
}
