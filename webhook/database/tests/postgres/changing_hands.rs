//! Pairs in which something that stays is given to somebody else, or stands in a circle with what goes: bounds of partitions, sequences, functions of
//! a table's own rows, rights.

use crate::pairs::{pair, run_all};

#[tokio::test]
async fn bounds_of_partitions() -> anyhow::Result<()> {
    let years = "CREATE TABLE sales (shop integer, year integer) PARTITION BY RANGE (year)";
    let with =
        |sql: &str| -> &'static str { Box::leak(format!("{years}; {sql}").into_boxed_str()) };
    let early = "CREATE TABLE early PARTITION OF sales FOR VALUES FROM (0) TO (5)";
    let late = "CREATE TABLE late PARTITION OF sales FOR VALUES FROM (5) TO (9)";
    let both = with(&format!("{early}; {late}"));
    run_all(
        &[
            pair("two become one", both, with("CREATE TABLE all_of_it PARTITION OF sales FOR VALUES FROM (0) TO (9)")),
            pair("two change places", both, with("CREATE TABLE early PARTITION OF sales FOR VALUES FROM (5) TO (9); CREATE TABLE late PARTITION OF sales FOR VALUES FROM (0) TO (5)")),
            pair("one leaves and another takes its place", with(early), with("CREATE TABLE early (shop integer, year integer); CREATE TABLE later PARTITION OF sales FOR VALUES FROM (0) TO (5)")).with("INSERT INTO sales VALUES (7, 1)", "SELECT shop FROM early", "7"),
            pair("a bound moves while the parent gets a column", both, "CREATE TABLE sales (shop integer, year integer, paid boolean) PARTITION BY RANGE (year); CREATE TABLE early PARTITION OF sales FOR VALUES FROM (0) TO (4); CREATE TABLE late PARTITION OF sales FOR VALUES FROM (5) TO (9)").with("INSERT INTO sales VALUES (7, 1)", "SELECT shop FROM sales", "7"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn sequences() -> anyhow::Result<()> {
    let two = "CREATE TABLE a (id integer NOT NULL); CREATE TABLE b (id integer NOT NULL); CREATE SEQUENCE ids";
    let of = |table: &str| -> &'static str {
        Box::leak(format!("{two}; ALTER TABLE {table} ALTER id SET DEFAULT nextval('ids'); ALTER SEQUENCE ids OWNED BY {table}.id").into_boxed_str())
    };
    let goes_on = (
        "INSERT INTO b DEFAULT VALUES",
        "INSERT INTO a DEFAULT VALUES; SELECT id FROM a",
        "2",
    );
    run_all(
        &[
            pair("from one table to the other", of("b"), of("a")).with(goes_on.0, goes_on.1, goes_on.2),
            pair("and back", of("a"), of("b")),
            pair("to another column", "CREATE TABLE t (a serial, b integer NOT NULL)", "CREATE TABLE t (a integer NOT NULL, b integer NOT NULL); CREATE SEQUENCE t_a_seq AS integer; ALTER TABLE t ALTER b SET DEFAULT nextval('t_a_seq'); ALTER SEQUENCE t_a_seq OWNED BY t.b"),
            pair("the owner goes, and another table calls it", "CREATE SEQUENCE ids; CREATE TABLE a (id integer DEFAULT nextval('ids')); CREATE TABLE b (id integer DEFAULT nextval('ids')); ALTER SEQUENCE ids OWNED BY a.id", "CREATE SEQUENCE ids START WITH 5; CREATE TABLE b (id integer DEFAULT nextval('ids'))"),
            pair("a new table owns what was nobody's", "CREATE SEQUENCE ids", "CREATE SEQUENCE ids AS integer; CREATE TABLE t (n text, id integer NOT NULL DEFAULT nextval('ids')); ALTER SEQUENCE ids OWNED BY t.id"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn circles() -> anyhow::Result<()> {
    let rows = "CREATE TABLE person (id integer, name text); CREATE FUNCTION is_known(p person) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT p.id > 0'; ALTER TABLE person ADD CONSTRAINT known CHECK (is_known(person)); CREATE INDEX known_index ON person ((is_known(person)))";
    let other = "CREATE TABLE other (id integer)";
    run_all(
        &[
            pair("a check of the whole row", other, rows),
            pair("policies of two tables about each other", "CREATE TABLE a (id integer); CREATE TABLE b (id integer); CREATE POLICY p ON a USING (EXISTS (SELECT FROM b WHERE b.id = a.id)); CREATE POLICY p ON b USING (EXISTS (SELECT FROM a WHERE b.id = a.id))", other),
            pair("a function that the server has read goes with a column", "CREATE TABLE t (a integer, b integer); CREATE TABLE u (b integer); CREATE FUNCTION f() RETURNS SETOF u LANGUAGE sql BEGIN ATOMIC SELECT u.b FROM u JOIN t ON t.b = u.b; END; CREATE FUNCTION g() RETURNS bigint LANGUAGE sql RETURN (SELECT count(*) FROM f())", "CREATE TABLE t (a integer)"),
            pair("a view takes the name of a table below another view", "CREATE TABLE t (a integer); CREATE MATERIALIZED VIEW m AS SELECT a FROM t", "CREATE TABLE t_rows (a integer); CREATE VIEW t AS SELECT a FROM t_rows; CREATE MATERIALIZED VIEW m AS SELECT a FROM t"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn what_is_said() -> anyhow::Result<()> {
    let given = "CREATE SCHEMA s; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT USAGE ON SEQUENCES TO PUBLIC; CREATE TABLE s.a (x integer)";
    let more: &str = Box::leak(format!("{given}; CREATE TABLE s.b (x serial); REVOKE ALL ON s.b FROM PUBLIC; REVOKE ALL ON SEQUENCE s.b_x_seq FROM PUBLIC; CREATE VIEW s.v AS SELECT x FROM s.a; REVOKE ALL ON s.v FROM PUBLIC; CREATE VIEW s.w AS SELECT x FROM s.a").into_boxed_str());
    run_all(
        &[
            pair("of a key's index, when only the key's comment changes", "CREATE TABLE t (a integer PRIMARY KEY)", "CREATE TABLE t (a integer PRIMARY KEY); COMMENT ON CONSTRAINT t_pkey ON t IS 'k'; COMMENT ON INDEX t_pkey IS 'i'"),
            pair("of a column that goes", "CREATE TABLE t (a integer, b integer); GRANT SELECT (a), UPDATE (b) ON t TO PUBLIC", "CREATE TABLE t (a integer); GRANT SELECT (a) ON t TO PUBLIC"),
            pair("of a column that is made again", "CREATE TABLE t (a integer, b integer); GRANT SELECT (b) ON t TO PUBLIC", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a) STORED); GRANT SELECT (b) ON t TO PUBLIC"),
        ],
        true,
    )
    .await?;
    run_all(
        &[pair(
            "what the server gives of itself is taken back",
            given,
            more,
        )],
        false,
    )
    .await
}
