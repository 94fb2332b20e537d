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

#[tokio::test]
async fn tables_made_again() -> anyhow::Result<()> {
    let days = "CREATE TABLE p (id serial, day date NOT NULL, note text, PRIMARY KEY (id, day))";
    let users = "CREATE TABLE c (p integer, d date, FOREIGN KEY (p, d) REFERENCES p); CREATE VIEW v AS SELECT note FROM p; COMMENT ON TABLE p IS 'days'; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION f(); CREATE POLICY mine ON p USING (id > 0)";
    let join = |parts: &[&str]| -> &'static str { Box::leak(parts.join("; ").into_boxed_str()) };
    let months = format!(
        "{days} PARTITION BY RANGE (day); CREATE TABLE a PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01'); CREATE TABLE b PARTITION OF p FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')"
    );
    let kinds = "CREATE TABLE p (kind text, n integer GENERATED ALWAYS AS IDENTITY, twice integer GENERATED ALWAYS AS (7 * 2) STORED) PARTITION BY LIST (kind); CREATE TABLE x PARTITION OF p FOR VALUES IN ('x'); CREATE TABLE y PARTITION OF p DEFAULT";
    let numbers = kinds
        .replace("LIST (kind)", "RANGE (n)")
        .replace("FOR VALUES IN ('x')", "FOR VALUES FROM (1) TO (2)");
    let sized = "CREATE TABLE p (a integer NOT NULL, b text) PARTITION BY RANGE (a); CREATE INDEX i ON p (b); CREATE TABLE low PARTITION OF p FOR VALUES FROM (0) TO (9)";
    let local =
        "CREATE TABLE p (a integer, b integer) PARTITION BY LIST (a); CREATE INDEX whole ON p (b)";
    run_all(
        &[
            pair("a table becomes partitioned, and is not any more", join(&[days, users]), join(&[&months, users])),
            pair("its rows find their partitions", join(&[days, users]), join(&[&months, users])).with(
                "INSERT INTO p (day, note) VALUES ('2024-01-05', 'x'), ('2024-02-05', 'y'); INSERT INTO c VALUES (1, '2024-01-05')",
                "INSERT INTO p (day) VALUES ('2024-01-06'); SELECT (SELECT note FROM b) || max(id) || (SELECT count(*) FROM c) FROM p",
                "y31",
            ),
            pair("another key", kinds, join(&[&numbers])).with(
                "INSERT INTO p (kind) VALUES ('x'), ('x')",
                "SELECT (SELECT count(*) FROM x) || string_agg(kind || n, '' ORDER BY n) FROM y",
                "1x2",
            ),
            pair("another type of the key's column", sized, join(&[&sized.replace("a integer", "a bigint")])).with("INSERT INTO p VALUES (1, 'x')", "SELECT b FROM low", "x"),
            pair("a part that stays when its parent is made again", "CREATE TABLE t (a integer, n serial, b text, CHECK (a > 0)) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF t FOR VALUES IN (1); CREATE TABLE two PARTITION OF t FOR VALUES IN (2)", "CREATE TABLE t (a integer, n serial, b text); CREATE TABLE two (a integer, n integer NOT NULL, b text)").with("INSERT INTO t (a) VALUES (1), (2)", "SELECT (SELECT sum(n) FROM t) || '|' || sum(n) FROM two", "1|2"),
            pair("a part of a table that is no more", "CREATE TABLE o (a integer PRIMARY KEY, b serial) PARTITION BY LIST (a); CREATE TABLE k PARTITION OF o FOR VALUES IN (1)", "CREATE TABLE w (a integer CHECK (a > 0), b text DEFAULT 'z') PARTITION BY LIST (a); CREATE TABLE k PARTITION OF w FOR VALUES IN (1)").with("INSERT INTO o (a) VALUES (1)", "SELECT a || b FROM w", "11"),
            pair("a part's own index comes and leaves with it", join(&[local, "CREATE TABLE k (a integer, b integer); CREATE INDEX own ON k (b)"]), join(&[local, "CREATE TABLE k PARTITION OF p FOR VALUES IN (1); CREATE INDEX own ON k (b)"])),
            pair("a part with numbers of its own", "CREATE TABLE p (a integer, n serial) PARTITION BY LIST (a); CREATE TABLE k (a integer, n serial)", "CREATE TABLE p (a integer, n serial) PARTITION BY LIST (a); CREATE TABLE k PARTITION OF p FOR VALUES IN (1)").with("INSERT INTO k VALUES (1, 1)", "SELECT n FROM p", "1"),
            pair("a serial's sequence is made by hand", "CREATE TABLE t (id serial PRIMARY KEY)", "CREATE SEQUENCE t_id_seq; CREATE TABLE t (id integer PRIMARY KEY DEFAULT nextval('t_id_seq'))").with("INSERT INTO t DEFAULT VALUES", "INSERT INTO t DEFAULT VALUES; SELECT max(id) FROM t", "2"),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn what_partitions_keep_when_they_leave() -> anyhow::Result<()> {
    let tables = "CREATE TABLE shops (id integer PRIMARY KEY); CREATE TABLE bills (shop integer NOT NULL, year integer NOT NULL) PARTITION BY LIST (shop)";
    let with =
        |sql: &str| -> &'static str { Box::leak(format!("{tables}; {sql}").into_boxed_str()) };
    let own = "CREATE TABLE north (shop integer NOT NULL, year integer NOT NULL, CONSTRAINT own_key UNIQUE (shop, year), CONSTRAINT own_shop FOREIGN KEY (shop) REFERENCES shops)";
    let parents = "ALTER TABLE bills ADD CONSTRAINT whole UNIQUE (shop, year); ALTER TABLE bills ADD CONSTRAINT of_shop FOREIGN KEY (shop) REFERENCES shops";
    let attached = "ALTER TABLE bills ATTACH PARTITION north FOR VALUES IN (1)";
    let both: &str = with(&format!("{own}; {parents}; {attached}"));
    let rows = (
        "INSERT INTO shops VALUES (1); INSERT INTO bills VALUES (1, 2)",
        "SELECT year FROM north",
        "2",
    );
    let kept = |pair: crate::pairs::Pair| pair.with(rows.0, rows.1, rows.2);
    run_all(
        &[
            pair("keys by names of their own", both, with(&format!("{parents}; {own}"))),
            kept(pair("keys that are not wanted", both, with(&format!("{parents}; CREATE TABLE north (shop integer NOT NULL, year integer NOT NULL)")))),
            kept(pair("indexes by names of their own, of expressions and with numbers",
                with("CREATE TABLE north PARTITION OF bills FOR VALUES IN (1); CREATE INDEX by_hand ON north (year); CREATE INDEX a ON bills (year); CREATE INDEX b ON bills (shop); CREATE INDEX c ON bills (shop DESC); CREATE INDEX d ON bills (abs(year))"),
                with("CREATE TABLE north (shop integer NOT NULL, year integer NOT NULL); CREATE INDEX mine ON north (abs(year)); CREATE INDEX a ON bills (year); CREATE INDEX b ON bills (shop); CREATE INDEX c ON bills (shop DESC); CREATE INDEX d ON bills (abs(year))"))),
            pair("the parent is no longer partitioned",
                "CREATE TABLE t (a integer, b integer) PARTITION BY LIST (a); CREATE TABLE p PARTITION OF t FOR VALUES IN (1); CREATE INDEX own ON p (b); CREATE INDEX whole ON t (b)",
                "CREATE TABLE t (a integer, b integer); CREATE TABLE p (a integer, b integer); CREATE INDEX whole ON t (b)").with("INSERT INTO t VALUES (1, 2)", "SELECT b FROM p", "2"),
            kept(pair("the parent gets what the partition has", with("CREATE TABLE north PARTITION OF bills (CONSTRAINT late CHECK (year > 0), CONSTRAINT of_shop FOREIGN KEY (shop) REFERENCES shops) FOR VALUES IN (1)"),
                with("ALTER TABLE bills ADD CONSTRAINT late CHECK (year > 0); ALTER TABLE bills ADD CONSTRAINT of_shop FOREIGN KEY (shop) REFERENCES shops; CREATE TABLE north PARTITION OF bills FOR VALUES IN (1)"))),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn what_reads_other_columns_and_types() -> anyhow::Result<()> {
    run_all(
        &[
            pair("a computed column goes with what it is computed of", "CREATE TABLE t (k integer, a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)", "CREATE TABLE t (k integer)"),
            pair("one is computed no more, and that goes", "CREATE TABLE t (k integer, a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)", "CREATE TABLE t (k integer, b integer)").with("INSERT INTO t (a) VALUES (3)", "SELECT b FROM t", "6"),
            pair("one comes before what it is computed of", "CREATE TABLE t (k integer)", "CREATE TABLE t (k integer, b integer GENERATED ALWAYS AS (c * 2) STORED, c integer)"),
            pair("statistics of a new column", "CREATE TABLE t (b integer, c integer)", "CREATE TABLE t (a integer, b integer, c integer); CREATE STATISTICS s ON a, b, c FROM t"),
            pair("a function that the server has read", "CREATE TABLE t (a integer)", "CREATE TABLE t (a integer); CREATE FUNCTION f(x varchar) RETURNS boolean LANGUAGE sql RETURN x IN ('a', 'b') AND x <> 'c' AND length(x) > 1; CREATE PROCEDURE p(x varchar) LANGUAGE sql BEGIN ATOMIC DELETE FROM t WHERE x IN ('a', 'b') AND (a BETWEEN 1 AND 5 AND a <> 3); END"),
            pair("a function of a window", "CREATE FUNCTION n() RETURNS bigint LANGUAGE internal AS 'window_row_number'", "CREATE FUNCTION n() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'"),
            pair("a foreign key and an index of one name", "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer CONSTRAINT c REFERENCES a); CREATE INDEX c ON b (id)", "CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (id integer CONSTRAINT c REFERENCES a); CREATE INDEX c ON b (id)"),
            pair("a column is computed no more, and its function is made again", "CREATE FUNCTION twice(x integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT x * 2'; CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (twice(a)) STORED)", "CREATE FUNCTION twice(y integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT y * 3'; CREATE TABLE t (a integer, b integer)").with("INSERT INTO t VALUES (3)", "SELECT b FROM t", "6"),
            pair("a label goes that a column was computed to be", "CREATE TYPE e AS ENUM ('new', 'old', 'done'); CREATE TABLE t (n integer, s e GENERATED ALWAYS AS (CASE WHEN n > 2 THEN 'done'::e WHEN n > 1 THEN 'old'::e ELSE 'new'::e END) STORED NOT NULL, CONSTRAINT k CHECK (s <> 'old'::e OR n = 2)); CREATE INDEX i ON t (s) WHERE s = 'new'; COMMENT ON INDEX i IS 'i'; COMMENT ON COLUMN t.s IS 's'; CREATE VIEW v AS SELECT * FROM t", "CREATE TYPE e AS ENUM ('new', 'done'); CREATE TABLE t (n integer, s e GENERATED ALWAYS AS (CASE WHEN n > 1 THEN 'done'::e ELSE 'new'::e END) STORED NOT NULL, CONSTRAINT k CHECK (s <> 'done'::e OR n > 1)); CREATE INDEX i ON t (s) WHERE s = 'new'; COMMENT ON INDEX i IS 'i'; COMMENT ON COLUMN t.s IS 's'; CREATE VIEW v AS SELECT * FROM t").with("INSERT INTO t VALUES (1), (2), (3)", "SELECT string_agg(s::text, ' ' ORDER BY n) FROM v", "new done done"),
            pair("a label goes from what is computed from, and what has it goes", "CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE TABLE t (m e, b boolean GENERATED ALWAYS AS (m = 'a') STORED UNIQUE, x e GENERATED ALWAYS AS ('a'::e) STORED, y e GENERATED ALWAYS AS ('b'::e) STORED, d text DEFAULT ('a'::e)::text); CREATE TABLE u (x e GENERATED ALWAYS AS ('a'::e) STORED)", "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (m e, b boolean GENERATED ALWAYS AS (m = 'a') STORED UNIQUE, y e, d text DEFAULT ('a'::e)::text)").with("INSERT INTO t VALUES ('a')", "SELECT b::text || y || d FROM t", "trueba"),
            pair("a label goes, and what is said of an index and a check stays", "CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE TABLE t (x e, n integer, CONSTRAINT k CHECK (x <> 'b'::e)); CREATE INDEX i ON t (n) WHERE x = 'a'; COMMENT ON INDEX i IS 'i'; COMMENT ON CONSTRAINT k ON t IS 'k'; CREATE TABLE u (x text, CONSTRAINT k CHECK (x::e <> 'a'::e))", "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e, n integer, CONSTRAINT k CHECK (x <> 'b'::e)); CREATE INDEX i ON t (n) WHERE x = 'a'; COMMENT ON INDEX i IS 'i'; COMMENT ON CONSTRAINT k ON t IS 'k'; CREATE TABLE u (x text, CONSTRAINT k CHECK (x::e <> 'a'::e))"),
            pair("a label goes from both ends of a foreign key", "CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE TABLE t (x e PRIMARY KEY); CREATE TABLE c (x e REFERENCES t ON DELETE CASCADE)", "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e PRIMARY KEY); CREATE TABLE c (x e REFERENCES t ON DELETE CASCADE)").with("INSERT INTO t VALUES ('a'); INSERT INTO c VALUES ('a')", "DELETE FROM t; SELECT count(*) FROM c", "0"),
            pair("a computed column comes again as it was kept", "CREATE TABLE t (a integer, b text GENERATED ALWAYS AS ('x' || a::text) STORED); ALTER TABLE t ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 9, ALTER b SET (n_distinct = 5); CREATE INDEX i ON t (b); ALTER TABLE t CLUSTER ON i", "CREATE TABLE t (a integer, b text GENERATED ALWAYS AS ('y' || a::text) STORED); ALTER TABLE t ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 8, ALTER b SET (n_distinct = 5, n_distinct_inherited = 4); CREATE INDEX i ON t (b); ALTER TABLE t CLUSTER ON i"),
            pair("a computed column is the primary key", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY); COMMENT ON CONSTRAINT t_pkey ON t IS 'p'; CREATE TABLE c (b integer REFERENCES t); CREATE TABLE u (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)", "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 3) STORED PRIMARY KEY); COMMENT ON CONSTRAINT t_pkey ON t IS 'p'; CREATE TABLE c (b integer REFERENCES t); CREATE TABLE u (a integer, b integer GENERATED ALWAYS AS (a * 3) STORED CONSTRAINT k PRIMARY KEY)"),
            pair("other words about what goes with a computed column", "CREATE TABLE o (b integer PRIMARY KEY); CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED CONSTRAINT f REFERENCES o CONSTRAINT n REFERENCES o, CONSTRAINT c CHECK (b < a * 9), CONSTRAINT d CHECK (b > 0), CONSTRAINT u UNIQUE (b)); CREATE INDEX i ON t (b); COMMENT ON CONSTRAINT d ON t IS 'kept'; COMMENT ON CONSTRAINT n ON t IS 'kept'", "CREATE TABLE o (b integer PRIMARY KEY); CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 3) STORED CONSTRAINT f REFERENCES o CONSTRAINT n REFERENCES o, CONSTRAINT c CHECK (b < a * 9), CONSTRAINT d CHECK (b > 0), CONSTRAINT u UNIQUE (b)); CREATE INDEX i ON t (b); COMMENT ON CONSTRAINT d ON t IS 'kept'; COMMENT ON CONSTRAINT n ON t IS 'kept'; COMMENT ON INDEX i IS 'i'; COMMENT ON CONSTRAINT c ON t IS 'c'; COMMENT ON CONSTRAINT u ON t IS 'u'; COMMENT ON CONSTRAINT f ON t IS 'f'"),
            pair("what a column is computed of is sorted otherwise", "CREATE TABLE t (a text COLLATE \"C\", g text GENERATED ALWAYS AS (lower(a)) STORED)", "CREATE TABLE t (a text COLLATE \"POSIX\", g text COLLATE \"POSIX\" GENERATED ALWAYS AS (lower(a)) STORED)").with("INSERT INTO t VALUES ('X')", "SELECT g FROM t", "x"),
            pair("another partition key beside a label that goes", "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x integer, m e DEFAULT 'a', l e[] DEFAULT '{a}', CONSTRAINT k CHECK (m = 'a')) PARTITION BY LIST (x); CREATE TABLE c PARTITION OF t FOR VALUES IN (1); CREATE TABLE o (m e)", "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x integer, m e DEFAULT 'a', l e[] DEFAULT '{a}', CONSTRAINT k CHECK (m = 'a')) PARTITION BY LIST (m); CREATE TABLE c PARTITION OF t FOR VALUES IN ('a'); CREATE TABLE o (m e)").with("INSERT INTO t VALUES (1)", "SELECT m || l[1]::text FROM c", "aa"),
        ],
        true,
    )
    .await
}
