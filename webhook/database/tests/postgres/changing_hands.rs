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
async fn sequences_of_identity_columns() -> anyhow::Result<()> {
    let named = |sequence: &str| -> &'static str {
        Box::leak(format!("CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME {sequence}), n text)").into_boxed_str())
    };
    let usual = "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY, n text)";
    let swapped = "CREATE TABLE a (id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME b_id_seq)); CREATE TABLE b (id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME a_id_seq)); COMMENT ON SEQUENCE a_id_seq IS 'of b'";
    let own = "CREATE TABLE a (id integer GENERATED ALWAYS AS IDENTITY); CREATE TABLE b (id integer GENERATED ALWAYS AS IDENTITY); COMMENT ON SEQUENCE a_id_seq IS 'of a'";
    let counted = (
        "INSERT INTO t (n) VALUES ('a'), ('b')",
        "SELECT nextval('numbers')",
        "3",
    );
    run_all(
        &[
            pair("a name of its own, from nothing", "CREATE TABLE u (a integer)", named("numbers")),
            pair("the name changes, and it goes on counting", usual, named("numbers")).with(counted.0, counted.1, counted.2),
            pair("and is the usual one again", named("numbers"), usual),
            pair("two have each other's", swapped, own),
            pair("a table goes that has the name", "CREATE TABLE numbers (a integer); CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY, n text)", named("numbers")),
            pair("a table goes whose sequence has the name", "CREATE TABLE old (id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME numbers)); CREATE TABLE older (id serial); ALTER SEQUENCE older_id_seq RENAME TO u_id_seq; CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY, n text); CREATE TABLE u (id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME v))", Box::leak(format!("{}; CREATE TABLE u (id integer GENERATED ALWAYS AS IDENTITY)", named("numbers")).into_boxed_str())),
            pair("a column that is there begins to count", "CREATE TABLE t (id integer NOT NULL, n text)", named("numbers")),
            pair("names too long to be put together whole", "CREATE TABLE u (a integer)", "CREATE TABLE a_table_with_a_name_that_goes_on_and_on_and_on_and_on (a_column_with_one_as_well integer GENERATED ALWAYS AS IDENTITY); CREATE TABLE \"ü_öööööööööööööööööööööööööööö\" (\"ä_öööööööööööööööööööööö\" integer GENERATED ALWAYS AS IDENTITY)"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn names_of_sequences_that_go() -> anyhow::Result<()> {
    let identity = "id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s)";
    let with = |head: &str, tail: &str| -> &'static str {
        Box::leak(format!("{head}{identity}{tail}").into_boxed_str())
    };
    let own = with("CREATE TABLE a (x integer, ", ")");
    run_all(
        &[
            pair("another table's identity", own, with("CREATE TABLE b (", ")")),
            pair("a table", own, "CREATE TABLE s (x integer)"),
            pair("a view", own, "CREATE TABLE a (x integer); CREATE VIEW s AS SELECT x FROM a"),
            pair("an index", own, "CREATE TABLE a (x integer); CREATE INDEX s ON a (x)"),
            pair("a sequence of nobody", own, "CREATE TABLE a (x integer, id integer NOT NULL); CREATE SEQUENCE s"),
            pair("a serial", "CREATE TABLE b (id integer GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME a_id_seq))", "CREATE TABLE a (id serial)"),
            pair("an identity, of a serial", "CREATE TABLE a (id serial PRIMARY KEY, x integer)", "CREATE TABLE b (id integer GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME a_id_seq) PRIMARY KEY)"),
            pair("an identity, of a serial that is none any more", "CREATE TABLE a (id serial PRIMARY KEY, x integer)", "CREATE TABLE a (id integer PRIMARY KEY, x integer); CREATE TABLE b (id integer GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME a_id_seq))"),
            pair("a column of an earlier table", with("CREATE TABLE a (x integer); CREATE TABLE b (x integer, ", ")"), with("CREATE TABLE b (x integer); CREATE TABLE a (x integer, ", ")")),
            pair("a column that begins to count", with("CREATE TABLE a (id integer NOT NULL); CREATE TABLE b (", ")"), with("CREATE TABLE a (", ")"))
                .with("INSERT INTO a VALUES (7); INSERT INTO b DEFAULT VALUES", "SELECT nextval('s')", "8"),
            pair("with rights and a comment", with("CREATE TABLE a (", "); COMMENT ON SEQUENCE s IS 'of a'; GRANT USAGE ON SEQUENCE s TO PUBLIC"), with("CREATE TABLE b (", "); COMMENT ON SEQUENCE s IS 'of b'")),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn names_of_types() -> anyhow::Result<()> {
    let cast = "CREATE TABLE t (id integer); CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION told(v) RETURNS t LANGUAGE sql AS 'SELECT 1'; CREATE CAST (v AS t) WITH FUNCTION told(v); CREATE FUNCTION alike(v, v) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE OPERATOR === (LEFTARG = v, RIGHTARG = v, FUNCTION = alike)";
    let brackets = "CREATE FUNCTION \"z(,\"(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'";
    let called: &str = Box::leak(format!("{brackets}; CREATE AGGREGATE a(integer) (SFUNC = \"z(,\", STYPE = integer); CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = \"z(,\")").into_boxed_str());
    run_all(
        &[
            pair("a table takes that of an enumeration", "CREATE TYPE m AS ENUM ('a'); CREATE TABLE c (x m)", "CREATE TABLE m (id integer); CREATE TABLE c (x text)").with("INSERT INTO c VALUES ('a')", "SELECT x FROM c", "a"),
            pair("a view takes that of a domain nobody uses", "CREATE DOMAIN m AS text", "CREATE VIEW m AS SELECT 1 AS a"),
            pair("casts and operators of a view come behind it", "CREATE TABLE t (id integer)", cast),
            pair("and go before it", cast, "CREATE TABLE t (id integer)"),
            pair("a function whose name has a bracket", brackets, called),
            pair("a view that reads an empty one stays empty", "CREATE TABLE t (a integer); CREATE MATERIALIZED VIEW m AS SELECT a FROM t WITH NO DATA", "CREATE TABLE t (a integer); CREATE MATERIALIZED VIEW m AS SELECT a FROM t WITH NO DATA; CREATE MATERIALIZED VIEW n AS SELECT a FROM m WITH NO DATA"),
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
            pair("of a materialized view's column", "CREATE TABLE t (a text); CREATE MATERIALIZED VIEW m AS SELECT a FROM t", "CREATE TABLE t (a text); CREATE MATERIALIZED VIEW m AS SELECT a FROM t; ALTER MATERIALIZED VIEW m ALTER a SET COMPRESSION lz4"),
            pair("of a column that is made again", "CREATE TABLE t (a integer, b integer); GRANT SELECT (b) ON t TO PUBLIC", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a) STORED); GRANT SELECT (b) ON t TO PUBLIC"),
        ],
        true,
    )
    .await?;
    let own = "CREATE EXTENSION citext; CREATE TABLE t (a integer); CREATE INDEX i ON t (a); CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE PROCEDURE p(x integer) LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()";
    let extended: &str = Box::leak(format!("{own}; ALTER INDEX i DEPENDS ON EXTENSION citext; ALTER MATERIALIZED VIEW m DEPENDS ON EXTENSION citext; ALTER PROCEDURE p(integer) DEPENDS ON EXTENSION citext; ALTER TRIGGER g ON t DEPENDS ON EXTENSION citext").into_boxed_str());
    run_all(
        &[
            pair("what the server gives of itself is taken back", given, more),
            pair("what goes with an extension", own, extended),
            pair("and goes with it no more", extended, own),
        ],
        false,
    )
    .await
}

#[tokio::test]
async fn where_sequences_stand() -> anyhow::Result<()> {
    let (plain, higher) = (
        "CREATE SEQUENCE s; CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY, n integer)",
        "CREATE SEQUENCE s START WITH 10 MINVALUE 10; CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY (START WITH 10 MINVALUE 10), n integer)",
    );
    let count = |to: u32| -> &'static str {
        let rows = format!("INSERT INTO t (n) SELECT nextval('s') FROM generate_series(1, {to})");
        Box::leak(rows.into_boxed_str())
    };
    let next = "INSERT INTO t (n) VALUES (nextval('s')) RETURNING id || '|' || n";
    run_all(
        &[
            pair("a higher range, and they are there", plain, higher).with(
                count(20),
                next,
                "21|21",
            ),
            pair("a higher range, and they are not", plain, higher).with(count(3), next, "10|10"),
            pair("a higher range, and they have not begun", plain, higher)
                .with("SELECT 1", next, "10|10"),
            pair(
                "a range that ends below",
                "CREATE SEQUENCE s MINVALUE -5 MAXVALUE 10 START WITH -3",
                "CREATE SEQUENCE s",
            )
            .with("SELECT nextval('s')", "SELECT nextval('s')", "1"),
            pair(
                "a range of its own",
                "CREATE SEQUENCE s MAXVALUE 9",
                "CREATE SEQUENCE s MINVALUE 100",
            )
            .with("SELECT nextval('s')", "SELECT nextval('s')", "100"),
        ],
        true,
    )
    .await
}

/// The rows with the last numbers are gone, and nobody gets their numbers.
#[tokio::test]
async fn a_sequence_in_the_place_of_another_goes_on_where_it_stood() -> anyhow::Result<()> {
    let identity = "CREATE TABLE t (id integer GENERATED BY DEFAULT AS IDENTITY, n integer)";
    let falling = "GENERATED ALWAYS AS IDENTITY (INCREMENT BY -1 MINVALUE -100 MAXVALUE 9)";
    let serial = "CREATE TABLE t (id serial, n integer)";
    let partitioned = "CREATE TABLE t (id integer GENERATED BY DEFAULT AS IDENTITY, n integer) PARTITION BY RANGE (n); CREATE TABLE p PARTITION OF t DEFAULT";
    let falls: [&'static str; 2] = [
        Box::leak(format!("CREATE TABLE t (id integer {falling}, n integer)").into_boxed_str()),
        Box::leak(format!("CREATE TABLE t (id integer {falling}, n integer) PARTITION BY RANGE (n); CREATE TABLE p PARTITION OF t DEFAULT").into_boxed_str()),
    ];
    let rows = "INSERT INTO t (n) SELECT generate_series(1, 5); DELETE FROM t WHERE n > 2";
    let beyond = "INSERT INTO t (n) VALUES (1); INSERT INTO t (id, n) VALUES (7, 2)";
    let next = "INSERT INTO t (n) VALUES (9) RETURNING id";
    run_all(
        &[
            pair("partitioned", identity, partitioned).with(rows, next, "6"),
            pair("no longer", partitioned, identity).with(rows, next, "6"),
            pair("a serial, partitioned", serial, partitioned).with(rows, next, "6"),
            pair("by hand, partitioned", identity, partitioned).with(beyond, next, "8"),
            pair("downwards", falls[0], falls[1]).with(rows, next, "4"),
            pair("an identity of a serial", serial, identity).with(rows, next, "6"),
            pair("a serial of an identity", identity, serial).with(rows, next, "6"),
            pair("rows by hand", serial, identity).with(beyond, next, "8"),
            pair("never used", serial, identity).with("SELECT 1", next, "1"),
            pair(
                "a range beyond",
                serial,
                "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY (START WITH 100), n integer)",
            )
            .with(rows, next, "100"),
            pair(
                "names with the same beginning",
                "CREATE TABLE a_table_with_a_long_name_1 (id serial, n integer); CREATE TABLE a_table_with_a_long_name_2 (id serial, n integer)",
                "CREATE TABLE a_table_with_a_long_name_1 (id serial, n integer) PARTITION BY RANGE (n); CREATE TABLE a_table_with_a_long_name_2 (id serial, n integer) PARTITION BY RANGE (n)",
            ),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn a_circle_of_tables_is_logged_or_not() -> anyhow::Result<()> {
    let circle = |kind: &str| -> &'static str {
        let tables = format!(
            "CREATE {kind} TABLE a (id integer PRIMARY KEY, b integer); CREATE {kind} TABLE b (id integer PRIMARY KEY, a integer CONSTRAINT of_a REFERENCES a DEFERRABLE); ALTER TABLE a ADD CONSTRAINT of_b FOREIGN KEY (b) REFERENCES b; COMMENT ON CONSTRAINT of_b ON a IS 'b'; CREATE {kind} TABLE c (id integer REFERENCES a)"
        );
        Box::leak(tables.into_boxed_str())
    };
    run_all(
        &[
            pair("it becomes unlogged", circle(""), circle("UNLOGGED")),
            pair("it becomes logged", circle("UNLOGGED"), circle("")),
        ],
        true,
    )
    .await
}
