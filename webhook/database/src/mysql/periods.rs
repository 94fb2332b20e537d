//! MariaDB's application-time periods: `PERIOD FOR p (s, e)`, and keys `WITHOUT OVERLAPS` of one.
//!
//! `information_schema` shows a period as the check that it implies (`s` < `e`), and such a key as one of both columns; only a table's own text tells
//! them from what they look like. So the texts of tables are asked for that have such a check, which few have, and are part of the fingerprint. In the catalog a period is a check
//! with an attribute of its own, as it has a name among them, and a key has the period for its last part.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Check, IndexPart, Table};
use tidegate_sqlplan::Dialect;

use super::inspect::Reader;
use super::listing::Listing;
use super::sql::quote;
use super::tables::Name;
use crate::DatabaseError;

const CANDIDATES: Listing<'_> = Listing {
    columns: &["CONSTRAINT_SCHEMA", "TABLE_NAME"],
    of_mysql: &[],
    table: "CHECK_CONSTRAINTS",
    only: "LEVEL = 'Table' AND CHECK_CLAUSE LIKE '`%` < `%`'",
    database: "CONSTRAINT_SCHEMA",
    order: "CONSTRAINT_SCHEMA, TABLE_NAME",
};

/// Puts periods in the place of the checks and columns that they look like. Also where the tables' checks were not read, what is said of periods is
/// noted.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    if reader.engine.dialect != Dialect::Mariadb {
        return Ok(());
    }
    let rows = reader.unnoted_rows(&CANDIDATES).await?;
    let mut candidates: Vec<Name> = rows.iter().map(|row| (row.text(0), row.text(1))).collect();
    candidates.dedup();
    for name in candidates {
        let what = format!("TABLE {}.{}", quote(&name.0), quote(&name.1));
        let text = reader.shown(&what, 1).await?.unwrap_or_default();
        for line in lines(&text) {
            if line.starts_with("PERIOD FOR ") || line.contains(" WITHOUT OVERLAPS)") {
                // Two tables may have the same line, one as a period and one as a check.
                reader.note(&what);
                reader.note(line);
            }
        }
        if let Some(table) = tables.get_mut(&name) {
            put(table, &text);
        }
    }
    Ok(())
}

/// Two columns and nothing else.
fn looks_like_a_period(check: &Check) -> bool {
    let is_name = |text: &str| text.starts_with('`') && text.ends_with('`');
    check.attributes.is_empty()
        && check
            .expression
            .split_once(" < ")
            .is_some_and(|(start, end)| is_name(start) && is_name(end))
}

/// The period that the table's text has, if any: there can be one beside that of versions.
fn put(table: &mut Table, text: &str) {
    let mut checks = table.checks.iter_mut();
    let Some((period, check)) = checks.find(|(name, check)| {
        let columns = check.expression.replacen(" < ", ", ", 1);
        let line = format!("PERIOD FOR {} ({columns})", quote(name));
        looks_like_a_period(check) && lines(text).any(|it| it == line)
    }) else {
        return;
    };
    check.expression = check.expression.replacen(" < ", ", ", 1);
    "period".clone_into(&mut check.attributes);
    let last = format!("{} WITHOUT OVERLAPS)", quote(period));
    let overlaps = |head: &str| {
        lines(text).any(|line| {
            let parts = line.strip_prefix(head);
            parts.is_some_and(|parts| parts.starts_with(" (") && parts.contains(&last))
        })
    };
    let end_with = |parts: &mut Vec<IndexPart>| {
        // The period's columns, the end before the start.
        parts.truncate(parts.len().saturating_sub(2));
        parts.push(IndexPart {
            column: Some(period.clone()),
            attributes: "WITHOUT OVERLAPS".to_owned(),
            ..IndexPart::default()
        });
    };
    if let Some(key) = table.primary_key.as_mut()
        && overlaps("PRIMARY KEY")
    {
        end_with(&mut key.parts);
    }
    for (name, index) in &mut table.indexes {
        if index.unique && overlaps(&format!("UNIQUE KEY {}", quote(name))) {
            end_with(&mut index.parts);
        }
    }
}

/// What a table's text says line by line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.trim_start().trim_end_matches(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(column: &str) -> IndexPart {
        IndexPart {
            column: Some(column.to_owned()),
            ..IndexPart::default()
        }
    }

    fn check(expression: &str) -> Check {
        Check {
            expression: expression.to_owned(),
            ..Check::default()
        }
    }

    /// A table with a period `p`, or with the check that looks like it.
    fn table() -> Table {
        let mut table = Table::default();
        for (name, expression) in [("p", "`s` < `e`"), ("q", "`s` < `c`"), ("r", "`s` < 5")] {
            table.checks.insert(name.to_owned(), check(expression));
        }
        for name in ["k", "l"] {
            let index = table.indexes.entry(name.to_owned()).or_default();
            index.unique = true;
            index.parts = vec![part("id"), part("e"), part("s")];
        }
        table
    }

    #[test]
    fn a_period_is_told_from_a_check_by_the_tables_text() {
        let mut plain = table();
        put(
            &mut plain,
            "CREATE TABLE `t` (\n  `s` date NOT NULL,\n  CONSTRAINT `p` CHECK (`s` < `e`)\n) ENGINE=InnoDB",
        );
        assert_eq!(plain, table());

        let mut read = table();
        put(
            &mut read,
            "CREATE TABLE `t` (\n  `s` date NOT NULL,\n  PERIOD FOR `p` (`s`, `e`),\n  UNIQUE KEY `k` (`id`,`p` WITHOUT OVERLAPS),\n  UNIQUE KEY `l` (`id`,`e`,`s`)\n) ENGINE=InnoDB",
        );
        let period = &read.checks["p"];
        assert_eq!(
            (period.expression.as_str(), period.attributes.as_str()),
            ("`s`, `e`", "period")
        );
        assert_eq!(read.checks["q"], check("`s` < `c`"));
        let columns = |name: &str| -> Vec<Option<String>> {
            let parts = read.indexes[name].parts.iter();
            parts.map(|part| part.column.clone()).collect()
        };
        assert_eq!(columns("k"), [Some("id".to_owned()), Some("p".to_owned())]);
        assert_eq!(read.indexes["k"].parts[1].attributes, "WITHOUT OVERLAPS");
        assert_eq!(read.indexes["l"], table().indexes["l"]);
    }
}
