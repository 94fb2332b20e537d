//! What tells what a database holds from anything else: who wrote which rows of the catalogs.
//!
//! The server marks each row of a table, and so of a catalog, with the transaction that wrote it (`xmin`); whoever changes a row writes another one. A
//! change that commits after a look therefore either leaves a row with a mark that the look has not seen, or leaves fewer rows: counting the rows of
//! each catalog and summing a hash of their marks tells it, without reading what they say. Marks do not outlive their server: it starts the count
//! anew in a copy that was restored, or goes on with it in a standby that took over, so the moment at which it started is part of it.
//!
//! It is taken *before* what it stands for is read. What somebody changes in between is then part of the reading and not of the fingerprint, which
//! will never be found again: the reading is used once, and the next look reads anew. That it is another proves nothing: a temporary
//! table of somebody else makes it so, and so does a table that is truncated.

use sha2::{Digest as _, Sha256};

use super::wire::{Refused, Wire};
use crate::Fingerprint;

/// Catalogs that `initdb` fills, with the column that tells its rows from those that came later.
const FILLED: [(&str, &str); 24] = [
    ("pg_aggregate", "aggfnoid"),
    ("pg_amop", "oid"),
    ("pg_amproc", "oid"),
    ("pg_attrdef", "adrelid"),
    ("pg_attribute", "attrelid"),
    ("pg_cast", "oid"),
    ("pg_class", "oid"),
    ("pg_collation", "oid"),
    ("pg_constraint", "oid"),
    ("pg_conversion", "oid"),
    ("pg_depend", "objid"),
    ("pg_index", "indexrelid"),
    ("pg_init_privs", "objoid"),
    ("pg_opclass", "oid"),
    ("pg_operator", "oid"),
    ("pg_opfamily", "oid"),
    ("pg_proc", "oid"),
    ("pg_rewrite", "ev_class"),
    ("pg_trigger", "tgrelid"),
    ("pg_ts_config", "oid"),
    ("pg_ts_dict", "oid"),
    ("pg_ts_parser", "oid"),
    ("pg_ts_template", "oid"),
    ("pg_type", "oid"),
];

/// The first number of an object that is not the system's (`FirstNormalObjectId`).
const FIRST_OWN: u32 = 16_384;

/// Catalogs that are counted whole.
const SMALL: [&str; 24] = [
    "pg_am",
    "pg_auth_members",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_inherits",
    "pg_language",
    "pg_namespace",
    "pg_partitioned_table",
    "pg_policy",
    "pg_publication",
    "pg_publication_rel",
    "pg_range",
    "pg_sequence",
    "pg_statistic_ext",
    "pg_tablespace",
    "pg_transform",
    "pg_ts_config_map",
    "pg_description",
];

/// As [`SMALL`], of `PostgreSQL` 15 and newer.
const SMALL_SINCE_15: &str = "pg_publication_namespace";

/// What not everybody may read the marks of is asked for by what it says, as far as an inspection asks for it; and what the marks count from.
const SAID: [&str; 4] = [
    "pg_postmaster_start_time()::text",
    "(SELECT oid || ' ' || xmin FROM pg_catalog.pg_database WHERE datname = current_database())",
    "(SELECT string_agg(oid || ' ' || rolname, ',' ORDER BY oid) FROM pg_catalog.pg_roles)",
    "(SELECT string_agg(subname, ',' ORDER BY subname) FROM pg_catalog.pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))",
];

/// The SQLSTATE of `insufficient_privilege`.
const NOT_GRANTED: &str = "42501";

/// The fingerprint of the whole database; none where the catalogs may not all be read.
pub(super) async fn fingerprint(
    wire: &mut Wire,
    version: (u32, u32),
) -> Result<Option<Fingerprint>, Refused> {
    let rows = match wire.rows(&query(version)).await {
        Ok(rows) => rows,
        Err(refused) if refused.has_code(NOT_GRANTED) => return Ok(None),
        Err(refused) => return Err(refused),
    };
    let mut digest = Sha256::new();
    for row in &rows {
        for column in 0..row.len() {
            let text = row.str(column).unwrap_or_default();
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
    }
    Ok(Some(Fingerprint::from(digest)))
}

/// One statement, and so one moment.
fn query((major, _): (u32, u32)) -> String {
    let marks = |catalog: &str, rows: &str| {
        format!(
            "(SELECT count(*) || ' ' || sum(hashtextextended(xmin::text, 0)) FROM pg_catalog.{catalog}{rows})"
        )
    };
    let filled = FILLED
        .iter()
        .map(|(catalog, key)| marks(catalog, &format!(" WHERE {key} >= {FIRST_OWN}")));
    let since_15 = (major >= 15).then_some(SMALL_SINCE_15);
    let small = SMALL.into_iter().chain(since_15);
    let small = small.map(|catalog| marks(catalog, ""));
    let asked: Vec<String> = SAID
        .iter()
        .map(|&said| said.to_owned())
        .chain(filled)
        .chain(small)
        .collect();
    format!("SELECT {}", asked.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The files with the queries of an inspection.
    const INSPECTED: [&str; 4] = [
        include_str!("inspect/further.rs"),
        include_str!("inspect/owners.rs"),
        include_str!("inspect/queries.rs"),
        include_str!("inspect/said.rs"),
    ];

    /// What is read for an inspection and belongs to the server's files, not to the database.
    const OF_THE_FILES: &str = "pg_available_extensions";

    #[test]
    fn every_catalog_that_is_inspected_is_counted() {
        let counted = query((17, 0));
        let mut seen = BTreeSet::new();
        for inspected in INSPECTED {
            for behind in inspected.split("FROM ").chain(inspected.split("JOIN ")) {
                let name = behind
                    .split(|c: char| !c.is_ascii_lowercase() && c != '_')
                    .next();
                let name = name.unwrap_or_default();
                let is_called = behind
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('('));
                if name.starts_with("pg_") && !is_called && name != OF_THE_FILES {
                    seen.insert(name);
                }
            }
        }
        assert!(seen.len() > 30, "{seen:?}");
        seen.retain(|name| !counted.contains(&format!("FROM pg_catalog.{name}")));
        assert!(seen.is_empty(), "inspected and not counted: {seen:?}");
    }

    #[test]
    fn a_catalog_that_a_version_lacks_is_not_asked_for() {
        assert!(!query((14, 9)).contains(SMALL_SINCE_15));
        assert!(query((15, 0)).contains(SMALL_SINCE_15));
    }
}
