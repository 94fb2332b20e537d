//! Whose things are, before and after a plan.

use anyhow::ensure;
use tidegate_database::TransactionMode;
use tidegate_kit::Postgres;
use tidegate_schemaplan::Settings;

use crate::support::{bound, open, plan_to, reach, whole};

/// Whose everything in `app` is, and who may do what with it, as the server keeps it.
const KEPT: &str = "SELECT string_agg(format('%s %s %s', name, owner::regrole, acl), E'\n' ORDER BY name) FROM (
  SELECT relname AS name, relowner AS owner, relacl AS acl FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'v', 'S')
  UNION ALL SELECT proname, proowner, proacl FROM pg_proc WHERE pronamespace = 'app'::regnamespace
  UNION ALL SELECT typname, typowner, typacl FROM pg_type WHERE typnamespace = 'app'::regnamespace AND typtype = 'e') AS of";

#[tokio::test]
async fn what_is_made_again_is_given_back() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut session) = bound().await?;
    let with = |kind: &str, moods: &str| {
        format!(
            "CREATE TYPE mood AS ENUM ({moods}); CREATE TABLE t (id serial, a {kind}, m mood); CREATE VIEW v AS SELECT a FROM t; \
             CREATE FUNCTION total() RETURNS bigint LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT sum(t.id) FROM t WHERE (t.a IS NOT NULL); END"
        )
    };
    let settings = Settings::default();
    reach(&mut session, &with("integer", "'sad', 'ok'"), &settings).await?;
    let others = format!(
        "SET search_path = app; CREATE ROLE keeper_{database}; CREATE ROLE \"Reader {database}\"; \
         ALTER FUNCTION total() OWNER TO keeper_{database}; ALTER VIEW v OWNER TO keeper_{database}; ALTER TYPE mood OWNER TO keeper_{database}; \
         ALTER TABLE t OWNER TO keeper_{database}; REVOKE EXECUTE ON FUNCTION total() FROM PUBLIC; \
         GRANT EXECUTE ON FUNCTION total() TO \"Reader {database}\" WITH GRANT OPTION; \
         GRANT SELECT ON v TO \"Reader {database}\", CURRENT_USER"
    );
    server.psql(&database, &others)?.ok()?;
    let kept = server.psql(&database, KEPT)?.ok()?;
    ensure!(
        kept.matches(&format!("keeper_{database} ")).count() == 5,
        "{kept}"
    );
    let (_, made) = plan_to(&mut session, &with("bigint", "'ok'"), &settings).await?;
    session
        .apply(&made.statements, TransactionMode::File)
        .await?;
    let given = made.statements.iter().map(|one| one.sql.as_str());
    let given: Vec<&str> = given.filter(|sql| sql.contains(" OWNER TO ")).collect();
    assert_eq!(
        given,
        [
            format!("ALTER TYPE \"mood\" OWNER TO keeper_{database}"),
            format!("ALTER FUNCTION \"total\"() OWNER TO keeper_{database}"),
            format!("ALTER VIEW \"v\" OWNER TO keeper_{database}"),
        ]
    );
    assert_eq!(server.psql(&database, KEPT)?.ok()?, kept);
    Ok(())
}

#[tokio::test]
async fn what_is_said_of_owners_is_brought_about() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut session) = whole().await?;
    let role = format!("\"the Owner of {database}\"");
    server
        .psql(&database, &format!("CREATE ROLE {role}"))?
        .ok()?;
    let made = "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('ok'); CREATE TYPE app.pair AS (a integer, b integer); CREATE DOMAIN app.list AS integer[]; \
        CREATE SEQUENCE app.s; CREATE TABLE app.t (id serial, a integer); CREATE VIEW app.v AS SELECT a FROM app.t; \
        CREATE MATERIALIZED VIEW app.m AS SELECT a FROM app.t; CREATE FUNCTION app.f(a integer, OUT b text) LANGUAGE sql AS 'SELECT a::text'; \
        CREATE PROCEDURE app.p() LANGUAGE sql AS ''; CREATE AGGREGATE app.g(integer) (SFUNC = int4pl, STYPE = integer); \
        CREATE OPERATOR app.### (FUNCTION = int4pl, LEFTARG = integer, RIGHTARG = integer); CREATE COLLATION app.c (LOCALE = 'C'); \
        CREATE STATISTICS app.st ON id, a FROM app.t; CREATE TEXT SEARCH DICTIONARY app.d (TEMPLATE = simple); \
        CREATE TEXT SEARCH CONFIGURATION app.cfg (COPY = simple); CREATE PUBLICATION pub FOR TABLE app.t";
    // As `pg_dump` says it: `TABLE` for views and sequences, arguments with their names.
    let owned = [
        "SCHEMA app",
        "TYPE app.mood",
        "TYPE app.pair",
        "DOMAIN app.list",
        "TABLE app.s",
        "TABLE app.t",
        "TABLE app.t_id_seq",
        "TABLE app.v",
        "MATERIALIZED VIEW app.m",
        "FUNCTION app.f(a integer, OUT b text)",
        "PROCEDURE app.p()",
        "AGGREGATE app.g(integer)",
        "OPERATOR app.### (integer, integer)",
        "COLLATION app.c",
        "STATISTICS app.st",
        "TEXT SEARCH DICTIONARY app.d",
        "TEXT SEARCH CONFIGURATION app.cfg",
        "PUBLICATION pub",
    ];
    let said = |kinds: &[&str], role: &str| {
        let said = kinds
            .iter()
            .map(|kind| format!("; ALTER {kind} OWNER TO {role}"));
        format!("{made}{}", said.collect::<String>())
    };
    let settings = Settings::default();
    let all = said(&owned, &role);
    for from in ["", made, &all] {
        reach(&mut session, from, &settings).await?;
        let plan = reach(&mut session, &all, &settings).await?;
        let count = plan
            .statements
            .iter()
            .filter(|one| one.sql.contains(" OWNER TO "));
        // All but the serial's sequence, which goes with its table; and none where all is as it should be.
        assert_eq!(count.count(), if from == all { 0 } else { 17 }, "{plan:?}");
        reach(&mut session, "", &settings).await?;
    }
    // What is not said of anything more stays as it is.
    reach(&mut session, &all, &settings).await?;
    let (_, plan) = plan_to(&mut session, made, &settings).await?;
    assert_eq!(plan.statements, []);
    // Somebody else is given one thing; the rights that are its own are no difference.
    let granted = format!("{}; GRANT SELECT ON app.v TO {role}", said(&owned, &role));
    let (_, plan) = plan_to(&mut session, &granted, &settings).await?;
    assert_eq!(plan.statements, []);
    // A dump says of everything that it belongs to whoever took it: whose it is here is not changed by that.
    let mine = said(&owned, "tide");
    let (_, plan) = plan_to(&mut session, &mine, &settings).await?;
    assert_eq!((plan.statements, plan.not_managed), (vec![], vec![]));
    Ok(())
}

#[tokio::test]
async fn an_owner_that_cannot_be_is_named_and_one_that_is_refused_is_said_clearly()
-> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let user = format!("giver_{database}");
    let outsider = format!("outsider_{database}");
    let script = format!(
        "CREATE ROLE {outsider}; CREATE ROLE {user} LOGIN PASSWORD 'moonlight' IN ROLE {outsider}; \
         CREATE SCHEMA app AUTHORIZATION {user}; GRANT CREATE ON DATABASE {database} TO {user}"
    );
    server.psql(&database, &script)?.ok()?;
    let url = server.url_as(&user, "moonlight", &database, "search_path=app");
    let mut session = open(&url).await?;
    for role in ["nobody_at_all", "tide"] {
        let wanted = format!("CREATE TABLE t (a integer); ALTER TABLE t OWNER TO {role}");
        let (_, plan) = plan_to(&mut session, &wanted, &Settings::default()).await?;
        let told = format!(
            "owner {role}, no role that {user} is a member of, is wanted and is not managed"
        );
        assert_eq!(plan.not_managed, [told]);
        assert_eq!(plan.statements.len(), 1, "{plan:?}");
    }
    let wanted = format!("CREATE TABLE t (a integer); ALTER TABLE t OWNER TO {outsider}");
    let (_, plan) = plan_to(&mut session, &wanted, &Settings::default()).await?;
    let applied = session.apply(&plan.statements, TransactionMode::File).await;
    let error = applied.unwrap_err().to_string();
    let said = "permission denied for schema app: it can be given only to a role that is there, has CREATE on the schema, and that who runs the plan is a member of";
    assert!(error.contains(said), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    let wanted = "CREATE TABLE t (a integer); ALTER TABLE u OWNER TO x";
    let error = plan_to(&mut session, wanted, &Settings::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("relation u does not exist"), "{error}");
    assert!(error.contains("statement 2"), "{error}");
    Ok(())
}
