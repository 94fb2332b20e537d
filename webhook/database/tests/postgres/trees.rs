//! Pairs about trees of tables: what partitions and children have of those above them, and of their own.

use tidegate_schemaplan::Settings;

use crate::pairs::{pair, run_all};
use crate::support::{bound, plan_to, reach};

fn with(tables: &str, sql: &str) -> &'static str {
    Box::leak(format!("{tables}; {sql}").into_boxed_str())
}

#[tokio::test]
async fn indexes_and_keys_put_together_by_hand() -> anyhow::Result<()> {
    let visits = "CREATE TABLE visits (day integer NOT NULL, seat integer NOT NULL) PARTITION BY RANGE (day)";
    let spring = "CREATE TABLE spring (day integer NOT NULL, seat integer NOT NULL, CONSTRAINT own_day KIND (day)); ALTER TABLE visits ATTACH PARTITION spring FOR VALUES FROM (0) TO (90); ALTER TABLE ONLY visits ADD PRIMARY KEY (day)";
    let keyed =
        |kind: &str, rest: &str| with(visits, &format!("{}; {rest}", spring.replace("KIND", kind)));
    let attach = "ALTER INDEX visits_pkey ATTACH PARTITION own_day";
    let deep = with(
        visits,
        "CREATE TABLE may PARTITION OF visits FOR VALUES FROM (0) TO (30); CREATE TABLE rest PARTITION OF visits FOR VALUES FROM (30) TO (90) PARTITION BY LIST (seat); CREATE TABLE front PARTITION OF rest FOR VALUES IN (1); CREATE TABLE back PARTITION OF rest DEFAULT; CREATE INDEX front_own ON front (seat)",
    );
    let middle = with(
        deep,
        "CREATE INDEX middle ON ONLY rest (seat); CREATE INDEX whole ON visits (seat)",
    );
    let by_key = "CREATE TABLE p (a integer NOT NULL, b integer NOT NULL) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF p FOR VALUES IN (1); CREATE UNIQUE INDEX whole ON p (a, b); ALTER TABLE one REPLICA IDENTITY USING INDEX one_a_b_idx; ALTER TABLE one CLUSTER ON one_a_b_idx";
    let marked = (
        "SELECT 1",
        "SELECT relreplident::text || i.indisclustered::text FROM pg_class c JOIN pg_index i ON indrelid = c.oid AND indisreplident WHERE c.oid = 'one'::regclass",
        "itrue",
    );
    let named = "CREATE TABLE p (a integer, b integer, UNIQUE (a, b)) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF p FOR VALUES IN (1); ALTER TABLE one RENAME CONSTRAINT one_a_b_key TO by_hand";
    run_all(
        &[
            pair("a partition's key becomes part of its parent's", keyed("PRIMARY KEY", "SELECT 1"), keyed("PRIMARY KEY", attach))
                .with("INSERT INTO visits VALUES (1, 2)", "SELECT conparentid > 0 FROM pg_constraint WHERE conname = 'own_day'", "t"),
            pair("and is not any more", keyed("PRIMARY KEY", attach), keyed("PRIMARY KEY", "SELECT 1")),
            pair("a unique constraint serves the parent's primary key", with(visits, "CREATE TABLE spring (day integer NOT NULL, seat integer NOT NULL, CONSTRAINT own_day UNIQUE (day)); ALTER TABLE visits ATTACH PARTITION spring FOR VALUES FROM (0) TO (90)"), keyed("UNIQUE", attach)),
            pair("a key with parts by other names, from nothing", "CREATE TABLE other (a integer)", named),
            pair("its columns change their type", named, with(&named.replace("b integer", "b bigint"), "SELECT 1")),
            pair("one that is made only in the middle", deep, middle),
            pair("and gets its parts", middle, with(middle, "ALTER INDEX middle ATTACH PARTITION front_own; CREATE INDEX back_own ON back (seat); ALTER INDEX middle ATTACH PARTITION back_own")),
            pair("parts of an expression are attached", with(visits, "CREATE TABLE may PARTITION OF visits FOR VALUES FROM (0) TO (30); CREATE INDEX whole ON ONLY visits ((day + seat)) WHERE day > 1; CREATE INDEX may_2 ON may ((day + seat)) WHERE day > 1"), with(visits, "CREATE TABLE may PARTITION OF visits FOR VALUES FROM (0) TO (30); CREATE INDEX whole ON ONLY visits ((day + seat)) WHERE day > 1; CREATE INDEX may_2 ON may ((day + seat)) WHERE day > 1; ALTER INDEX whole ATTACH PARTITION may_2")).with("SELECT 1", "SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = 'may_2'::regclass", "whole"),
            pair("a part tells the rows apart", "CREATE TABLE p (a integer NOT NULL, b integer NOT NULL) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF p FOR VALUES IN (1)", by_key),
            pair("a part goes on telling the rows apart", by_key, with(&by_key.replace("b integer", "b bigint"), "SELECT 1")).with(marked.0, marked.1, marked.2),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn partitions_two_levels_down() -> anyhow::Result<()> {
    let tables = "CREATE TABLE shops (id integer PRIMARY KEY); CREATE TABLE bills (shop integer, year integer NOT NULL DEFAULT 7, note text, PRIMARY KEY (shop, year)) PARTITION BY LIST (shop); ALTER TABLE bills ADD CONSTRAINT of_shop FOREIGN KEY (shop) REFERENCES shops; CREATE INDEX notes ON bills (note)";
    let inside = with(
        tables,
        "CREATE TABLE north PARTITION OF bills FOR VALUES IN (1) PARTITION BY LIST (year); CREATE TABLE north_new PARTITION OF north FOR VALUES IN (2)",
    );
    let outside = with(
        tables,
        "CREATE TABLE north PARTITION OF bills FOR VALUES IN (1) PARTITION BY LIST (year); CREATE TABLE north_new (extra integer, shop integer, year integer NOT NULL DEFAULT 7, note text, PRIMARY KEY (shop, year), CONSTRAINT of_shop FOREIGN KEY (shop) REFERENCES shops); CREATE INDEX north_new_note_idx ON north_new (note)",
    );
    let bare = with(
        tables,
        "CREATE TABLE north (shop integer, year integer NOT NULL, note text) PARTITION BY LIST (year); CREATE TABLE north_new (extra integer, shop integer, year integer NOT NULL, note text)",
    );
    run_all(
        &[
            pair(
                "one leaves and keeps what the outermost table gave it",
                inside,
                outside,
            ),
            pair("both join, and lose what that does not have", bare, inside),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn checks_of_parents_and_children() -> anyhow::Result<()> {
    let apart = "CREATE TABLE p (a integer); CREATE TABLE k (a integer)";
    let both = "CREATE TABLE p (a integer); CREATE TABLE k () INHERITS (p)";
    let whole = "CREATE TABLE p (a integer CONSTRAINT positive CHECK (a > 0)); CREATE TABLE k () INHERITS (p)";
    let own = "ALTER TABLE k ADD CONSTRAINT positive CHECK (a > 0)";
    let merged = with(
        both,
        &format!("{own}; ALTER TABLE p ADD CONSTRAINT positive CHECK (a > 0)"),
    );
    run_all(
        &[
            pair("the child's is the parent's only", merged, whole),
            pair("a child joins and gives up its own", "CREATE TABLE p (a integer CONSTRAINT positive CHECK (a > 0)); CREATE TABLE k (a integer CONSTRAINT positive CHECK (a > 0))", whole),
            pair("a child joins a parent that gets one", apart, whole),
            pair("the parent gets what the child has", with(both, own), whole),
            pair("the parent gets what the child keeps", with(both, own), merged),
            pair("both get another", merged, with(both, "ALTER TABLE k ADD CONSTRAINT positive CHECK (a > 1); ALTER TABLE p ADD CONSTRAINT positive CHECK (a > 1)")),
            pair("their column gets another type", merged, with(&both.replace("integer", "numeric"), &format!("{own}; ALTER TABLE p ADD CONSTRAINT positive CHECK (a > 0)"))),
            pair("the child's holds for all rows, the parent's does not", both, with(both, &format!("{own}; ALTER TABLE p ADD CONSTRAINT positive CHECK (a > 0) NOT VALID; COMMENT ON CONSTRAINT positive ON p IS 'new rows'"))),
            pair("three of them", with(merged, "CREATE TABLE g () INHERITS (k)"), with(whole, "CREATE TABLE g () INHERITS (k)")),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn columns_that_are_a_childs_own_as_well() -> anyhow::Result<()> {
    let local = "SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'k'::regclass AND attislocal AND attnum > 0 AND NOT attisdropped";
    run_all(
        &[
            pair("a new child says them itself", "CREATE TABLE p (a integer, b text, c date)", "CREATE TABLE p (a integer, b text, c date); CREATE TABLE k (a integer, b text DEFAULT 'x') INHERITS (p)").with("SELECT 1", local, "a,b"),
            pair("a new child differs in what is its parent's", "CREATE TABLE p (a integer, b text DEFAULT 'y')", "CREATE TABLE p (a integer, b text DEFAULT 'y'); CREATE TABLE k (d integer) INHERITS (p); ALTER TABLE k ALTER a SET DEFAULT 1, ALTER a SET NOT NULL, ALTER b DROP DEFAULT").with("SELECT 1", local, "d"),
            pair("a new child says a computed one itself", "CREATE TABLE p (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)", "CREATE TABLE p (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED); CREATE TABLE k (b integer NOT NULL, c text) INHERITS (p)").with("SELECT 1", local, "b,c"),
            pair("one of two parents gives one up", "CREATE TABLE p (a integer, b text); CREATE TABLE q (b text); CREATE TABLE k () INHERITS (p, q)", "CREATE TABLE p (a integer); CREATE TABLE q (b text); CREATE TABLE k (b text) INHERITS (p, q)").with("INSERT INTO k VALUES (1, 'x')", local, "b"),
        ],
        true,
    )
    .await?;
    // What no statement changes is said, and planned no more.
    let (_, mut session) = bound().await?;
    let settings = Settings::default();
    reach(
        &mut session,
        "CREATE TABLE p (a integer); CREATE TABLE k (a integer)",
        &settings,
    )
    .await?;
    let plan = reach(
        &mut session,
        "CREATE TABLE p (a integer); CREATE TABLE k () INHERITS (p)",
        &settings,
    )
    .await?;
    assert_eq!(
        plan.not_managed,
        [
            "column k.a is wanted as inherited only and is the table's own as well, which no statement changes"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn orders_that_the_server_asks_for() -> anyhow::Result<()> {
    let triggered = "CREATE TABLE p (a integer) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF p DEFAULT; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER g AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f()";
    let silent = with(triggered, "ALTER TABLE one DISABLE TRIGGER g");
    run_all(
        &[
            pair("tables that refer to each other are logged no more", "CREATE TABLE a (id integer PRIMARY KEY, a integer REFERENCES a); CREATE TABLE b (a integer REFERENCES a)", "CREATE UNLOGGED TABLE a (id integer PRIMARY KEY, a integer REFERENCES a); CREATE UNLOGGED TABLE b (a integer REFERENCES a)"),
            pair("numbers of another kind beside the sequence from before", "CREATE TABLE t (id serial)", "CREATE TABLE t (id serial); ALTER TABLE t ALTER id DROP DEFAULT, ALTER id ADD GENERATED BY DEFAULT AS IDENTITY"),
            pair("a child leaves before its parent loses a column", "CREATE TABLE a (id integer); CREATE TABLE k (n text) INHERITS (a)", "CREATE TABLE a (x integer); CREATE TABLE z (id integer); CREATE TABLE k (n text) INHERITS (z)").with("INSERT INTO k VALUES (1, 'x')", "SELECT id FROM k", "1"),
            pair("a partition's copy of a trigger is off", triggered, silent),
            pair("an attribute goes with the check that reads it", "CREATE TYPE place AS (street text, code integer); CREATE TABLE t (p place CONSTRAINT coded CHECK ((p).code > 0))", "CREATE TYPE place AS (street text); CREATE TABLE t (p place)").with("INSERT INTO t VALUES (('x', 1))", "SELECT (p).street FROM t", "x"),
        ],
        true,
    )
    .await?;
    let (_, mut session) = bound().await?;
    let settings = Settings::default();
    let rows = "CREATE TYPE pair AS (one few); CREATE TABLE t (p pair)";
    reach(
        &mut session,
        with("CREATE DOMAIN few AS integer", rows),
        &settings,
    )
    .await?;
    let wanted = with(
        "CREATE DOMAIN few AS integer CONSTRAINT below CHECK (VALUE < 9)",
        rows,
    );
    let refused = plan_to(&mut session, wanted, &settings).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "refused: domain few: its new constraint is not held against the values within composite type pair, which the column t.p is made of: give that another type in a migration, and change the domain then"
    );
    Ok(())
}
