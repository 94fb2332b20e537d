//! What a wanted schema makes of an empty place, without leaving a trace.
//!
//! `PostgreSQL` can undo the making of anything, so the statements run in a transaction that is always rolled back: for one schema in a new
//! schema of the same database, for a whole database in a new database of the same server, and with a development database in that. Nothing is
//! left when a run crashes but for the new database, which the next run drops. No other session sees any of it, or waits for it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_schemaplan::Catalog;

use super::PostgresSession;
use super::apply::in_batches;
use super::enumerations::with_labels_from_the_start;
use super::guard::{Verdict, judge, without_client_lines};
use super::inspect::{self, Declared, Namespace, Owners};
use super::requalify::requalify;
use super::sql::{fnv1, literal, quoted, shown};
use super::wire::Refused;
use crate::DatabaseError;

/// What the names of scratch schemas and databases begin with.
const PREFIX: &str = "tidegate_dev_";

/// The age in minutes at which a scratch database that nobody is connected to is a crashed run's.
const ABANDONED_MINUTES: u32 = 10;

/// Runs the statements beside what is there.
pub(super) async fn on_this_server(
    session: &mut PostgresSession,
    statements: &[String],
) -> Result<Catalog, DatabaseError> {
    match session.address.schema.clone() {
        Some(schema) => in_schema(session, &schema, statements).await,
        None => in_database(session, statements).await,
    }
}

/// Runs the statements on another server or in another database, given by its owner for this.
pub(super) async fn in_dev(
    dev: &mut PostgresSession,
    schema: Option<&str>,
    statements: &[String],
) -> Result<Catalog, DatabaseError> {
    let own = dev.inspect().await?;
    let extensions_aside = own.schemas.values().find_map(|schema| {
        let table = schema
            .tables
            .keys()
            .next()
            .map(|name| format!("the table {name}"));
        table.or_else(|| {
            schema
                .objects
                .iter()
                .filter(|(kind, _)| **kind != tidegate_schemaplan::ObjectKind::Extension)
                .find_map(|(kind, objects)| Some(format!("the {kind} {}", objects.keys().next()?)))
        })
    });
    if let Some(found) = extensions_aside {
        return Err(DatabaseError::DevNotEmpty { found });
    }
    match schema {
        Some(schema) => {
            let schema = dev
                .address
                .schema
                .clone()
                .unwrap_or_else(|| schema.to_owned());
            in_schema(dev, &schema, statements).await
        }
        None => {
            dev.own("BEGIN").await?;
            let lock = format!("SELECT pg_advisory_xact_lock({})", fnv1("tidegate_dev"));
            let outcome = match dev.own(&lock).await {
                Ok(()) => whole(dev, statements).await,
                Err(error) => Err(error),
            };
            let undone = dev.own("ROLLBACK").await;
            let catalog = outcome?;
            undone?;
            Ok(catalog)
        }
    }
}

async fn in_schema(
    session: &mut PostgresSession,
    schema: &str,
    statements: &[String],
) -> Result<Catalog, DatabaseError> {
    let scratch = unique(session).await?;
    let texts = texts(session, statements, Some((schema, &scratch))).await?;
    session.limit(session.limits.inspect).await?;
    session.own("BEGIN").await?;
    let outcome = try_in_schema(session, schema, &scratch, &texts).await;
    let undone = session.own("ROLLBACK").await;
    if undone.is_ok() {
        session.find_extensions().await?;
        session.set_path().await?;
    }
    let catalog = outcome?;
    undone?;
    Ok(catalog)
}

async fn try_in_schema(
    session: &mut PostgresSession,
    schema: &str,
    scratch: &str,
    texts: &Texts,
) -> Result<Catalog, DatabaseError> {
    let path = session.path(scratch);
    session
        .wire
        .run(&format!(
            "CREATE SCHEMA {}; SET LOCAL search_path = {path}",
            quoted(scratch)
        ))
        .await
        .map_err(|refused| {
            not_granted(refused, "try out the wanted schema", || {
                format!(
                    "GRANT CREATE ON DATABASE {} TO {}, or give an empty database with --dev-url",
                    quoted(&session.address.database),
                    quoted(&session.address.user)
                )
            })
        })?;
    run(session, &texts.run).await?;
    let owners = owners(session, &texts.owners).await?;
    session.find_extensions().await?;
    let path = session.path(scratch);
    session
        .own(&format!("SET LOCAL search_path = {path}"))
        .await?;
    stayed_inside(session, schema, scratch).await?;
    let namespace = inspect::namespaces(&mut session.wire)
        .await?
        .into_iter()
        .filter(|namespace| namespace.name == scratch)
        .map(|namespace| Namespace {
            key: String::new(),
            ..namespace
        })
        .collect::<Vec<_>>();
    inspect::inspect(
        &mut session.wire,
        &namespace,
        true,
        &owners,
        session.version,
        &session.limits,
    )
    .await
}

/// A scratch database for what is about several schemas.
async fn in_database(
    session: &mut PostgresSession,
    statements: &[String],
) -> Result<Catalog, DatabaseError> {
    sweep(session).await?;
    let scratch = unique(session).await?;
    let create = create_database(session, &scratch).await?;
    session.wire.run(&create).await.map_err(|refused| {
        not_granted(refused, "try out the wanted schema", || {
            format!(
                "ALTER ROLE {} CREATEDB, or give an empty database with --dev-url, or name one schema with search_path",
                quoted(&session.address.user)
            )
        })
    })?;
    let outcome = Box::pin(in_new_database(session, &scratch, statements)).await;
    let dropped = session
        .wire
        .run(&format!("DROP DATABASE {}", quoted(&scratch)))
        .await
        .map_err(|refused| refused.while_doing("drop the scratch database"));
    let catalog = outcome?;
    dropped?;
    Ok(catalog)
}

async fn in_new_database(
    session: &PostgresSession,
    scratch: &str,
    statements: &[String],
) -> Result<Catalog, DatabaseError> {
    let mut address = session.address.clone();
    scratch.clone_into(&mut address.database);
    let mut inner = PostgresSession::open(&address, &session.limits).await?;
    inner.own("BEGIN").await?;
    let outcome = whole(&mut inner, statements).await;
    inner.wire.close().await;
    outcome
}

/// Runs the statements in the open transaction of a database of its own, and inspects all of it.
async fn whole(
    session: &mut PostgresSession,
    statements: &[String],
) -> Result<Catalog, DatabaseError> {
    let texts = texts(session, statements, None).await?;
    run(session, &texts.run).await?;
    let owners = owners(session, &texts.owners).await?;
    let namespaces = inspect::namespaces(&mut session.wire).await?;
    session.own("SET LOCAL search_path = ''").await?;
    inspect::inspect(
        &mut session.wire,
        &namespaces,
        false,
        &owners,
        session.version,
        &session.limits,
    )
    .await
}

/// Statements with their places in the wanted schema.
#[derive(Debug, Default)]
struct Texts {
    run: Vec<(usize, String)>,
    /// `ALTER .. OWNER TO`.
    owners: Vec<(usize, String)>,
}

/// The statements that mean something here, about the scratch schema where there is one for the schema.
async fn texts(
    session: &mut PostgresSession,
    statements: &[String],
    scratch: Option<(&str, &str)>,
) -> Result<Texts, DatabaseError> {
    let mut texts = Texts::default();
    for (index, sql) in statements.iter().enumerate() {
        let sql = without_client_lines(sql);
        let text = |sql: &str| match scratch {
            Some((schema, scratch)) => requalify(sql, schema, scratch),
            None => sql.to_owned(),
        };
        let runs = match judge(sql, index, scratch.map(|(schema, _)| schema))? {
            Verdict::Run => true,
            Verdict::Leave => false,
            Verdict::Owner => {
                texts.owners.push((index, text(sql)));
                false
            }
            Verdict::Extension(name) => {
                let query = "SELECT 1 FROM pg_extension WHERE extname = $1";
                !session.exists(query, &name).await?
            }
        };
        if runs {
            texts.run.push((index, not_concurrently(&text(sql))));
        }
    }
    Ok(texts)
}

/// What the wanted schema says of owners, when all is there and its names still mean what they mean in it.
async fn owners(
    session: &mut PostgresSession,
    texts: &[(usize, String)],
) -> Result<Owners, DatabaseError> {
    if texts.is_empty() {
        return Ok(Owners::Declared(Declared::default()));
    }
    let mark = format!("tidegate owner {}", unique(session).await?);
    inspect::declared(&mut session.wire, texts, &mark).await
}

async fn run(
    session: &mut PostgresSession,
    texts: &[(usize, String)],
) -> Result<(), DatabaseError> {
    let texts = with_labels_from_the_start(texts);
    let statements: Vec<&str> = texts.iter().map(|(_, sql)| sql.as_str()).collect();
    in_batches(&mut session.wire, &statements)
        .await
        .map_err(|(index, refused)| {
            let (number, sql) = texts
                .get(index)
                .map(|(number, sql)| (number + 1, shown(sql)))
                .unwrap_or_default();
            DatabaseError::Wanted {
                number,
                message: refused.message,
                sql,
            }
        })
}

/// Finds what the statements did, or relied on, outside of the scratch schema: by the transaction that wrote the system's own rows.
async fn stayed_inside(
    session: &mut PostgresSession,
    schema: &str,
    scratch: &str,
) -> Result<(), DatabaseError> {
    let rows = session
        .wire
        .rows(&format!(
            "WITH me AS (SELECT (txid_current() % 4294967296)::text AS id), \
             theirs AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e') \
             SELECT 'changes', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, me \
             WHERE c.xmin::text = me.id AND n.nspname <> {scratch} AND n.nspname !~ '^pg_' \
               AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM theirs) \
             UNION ALL \
             SELECT 'needs', n.nspname, c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid \
               AND d.refclassid = 'pg_class'::regclass JOIN pg_namespace n ON n.oid = c.relnamespace, me \
             WHERE d.xmin::text = me.id AND n.nspname = {schema} \
               AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM theirs) \
             UNION ALL \
             SELECT 'needs', n.nspname, t.typname FROM pg_depend d JOIN pg_type t ON t.oid = d.refobjid \
               AND d.refclassid = 'pg_type'::regclass JOIN pg_namespace n ON n.oid = t.typnamespace, me \
             WHERE d.xmin::text = me.id AND n.nspname = {schema} \
               AND ('pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM theirs) \
             LIMIT 1",
            scratch = literal(scratch),
            schema = literal(schema),
        ))
        .await
        .map_err(|refused| refused.while_doing("try out the wanted schema"))?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let what = format!("{}.{}", row.text(1), row.text(2));
    let message = if row.str(0) == Some("changes") {
        format!(
            "it changes {what}, which is not in the schema {schema:?}: leave search_path out of the address"
        )
    } else {
        format!(
            "it needs {what}, which is there but is not made by the wanted schema: write it down too"
        )
    };
    Err(DatabaseError::Server {
        doing: "try out the wanted schema".to_owned(),
        message,
    })
}

/// `CREATE INDEX CONCURRENTLY` cannot run in a transaction, and nobody is there to wait.
fn not_concurrently(sql: &str) -> String {
    let head: Vec<String> = sql
        .split_whitespace()
        .take(4)
        .map(str::to_lowercase)
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let is_index = matches!(
        head.as_slice(),
        ["create" | "drop", "index", "concurrently", ..]
            | ["create", "unique", "index", "concurrently"]
            | ["refresh", "materialized", "view", "concurrently"]
    );
    let place = sql.to_lowercase().find("concurrently").filter(|_| is_index);
    match place.and_then(|at| Some((sql.get(..at)?, sql.get(at + "concurrently".len()..)?))) {
        Some((before, behind)) => format!("{before}{behind}"),
        None => sql.to_owned(),
    }
}

/// A name that no other run has: when, and which backend.
async fn unique(session: &mut PostgresSession) -> Result<String, DatabaseError> {
    let rows = session
        .wire
        .rows("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint, pg_backend_pid()")
        .await
        .map_err(|refused| refused.while_doing("prepare the session"))?;
    let seconds: u64 = rows.first().map(|row| row.number(0)).unwrap_or_default();
    let backend: u32 = rows.first().map(|row| row.number(1)).unwrap_or_default();
    let nanoseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| since.subsec_nanos())
        .unwrap_or_default();
    Ok(format!("{PREFIX}{seconds}_{backend:x}{nanoseconds:x}"))
}

/// With the encoding and the sort order of the database that it stands for, and without what an administrator put into the template.
async fn create_database(
    session: &mut PostgresSession,
    name: &str,
) -> Result<String, DatabaseError> {
    let icu = match session.version.0 {
        ..=14 => "NULL",
        15..=16 => "CASE WHEN datlocprovider = 'i' THEN daticulocale END",
        _ => "CASE WHEN datlocprovider = 'i' THEN datlocale END",
    };
    let rows = session
        .wire
        .rows(&format!(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype, {icu} FROM pg_database WHERE datname = current_database()"
        ))
        .await
        .map_err(|refused| refused.while_doing("inspect the database"))?;
    let mut sql = format!("CREATE DATABASE {} TEMPLATE template0", quoted(name));
    if let Some(row) = rows.first() {
        for (option, column) in [("ENCODING", 0), ("LC_COLLATE", 1), ("LC_CTYPE", 2)] {
            if let Some(value) = row.get(column) {
                let _ = write!(sql, " {option} {}", literal(&value));
            }
        }
        if let Some(locale) = row.get(3) {
            let _ = write!(sql, " LOCALE_PROVIDER icu ICU_LOCALE {}", literal(&locale));
        }
    }
    Ok(sql)
}

/// Drops the scratch databases of runs that crashed. One that somebody is in is not dropped: the server refuses.
async fn sweep(session: &mut PostgresSession) -> Result<(), DatabaseError> {
    let rows = session
        .wire
        .rows(&format!(
            "SELECT d.datname FROM pg_database d WHERE d.datname ~ '^{PREFIX}[0-9]+_[0-9a-f]+$' AND pg_has_role(d.datdba, 'USAGE') \
             AND split_part(substr(d.datname, {}), '_', 1)::numeric < extract(epoch FROM now() - interval '{ABANDONED_MINUTES} minutes') \
             AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid)",
            PREFIX.len() + 1
        ))
        .await
        .map_err(|refused| refused.while_doing("look for scratch databases of earlier runs"))?;
    for row in rows {
        // Somebody else may be doing the same.
        let _ = session
            .wire
            .run(&format!("DROP DATABASE IF EXISTS {}", quoted(&row.text(0))))
            .await;
    }
    Ok(())
}

fn not_granted(refused: Refused, doing: &str, remedy: impl FnOnce() -> String) -> DatabaseError {
    if refused.has_code("42501") {
        DatabaseError::NotGranted {
            doing: doing.to_owned(),
            message: refused.message,
            remedy: remedy(),
        }
    } else {
        refused.while_doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrently_goes_only_where_it_is_the_word() {
        for (sql, expected) in [
            (
                "CREATE INDEX CONCURRENTLY i ON t (a)",
                "CREATE INDEX  i ON t (a)",
            ),
            (
                "create unique index concurrently i ON t (a)",
                "create unique index  i ON t (a)",
            ),
            (
                "CREATE INDEX concurrently_i ON t (a)",
                "CREATE INDEX concurrently_i ON t (a)",
            ),
            (
                "COMMENT ON TABLE t IS 'concurrently'",
                "COMMENT ON TABLE t IS 'concurrently'",
            ),
        ] {
            assert_eq!(not_concurrently(sql), expected);
        }
    }
}
