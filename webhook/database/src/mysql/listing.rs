//! What is asked of `information_schema`, as data: once for its rows, and once for a digest of the very same rows, which the server makes.
//!
//! A digest is the number of rows and the sum of their SHA-256, in four parts, so that the order in which a server gives them is nothing. Of rows that
//! were read it is made here ([`Digest::of`]), in the same way to the last byte: that is what lets a later look find, for one row instead of
//! thousands, that it would read the same again.

use sha2::{Digest as _, Sha256};
use tidegate_sqlplan::Dialect;

use super::inspect::Scope;
use super::wire::TextRow;

/// A list of `information_schema`, and what of it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing<'a> {
    /// What is selected: columns, or an expression where a server lacks one. Whatever tells rows in an order is among them.
    pub(super) columns: &'a [&'a str],
    /// What MySQL has in the place of some of them.
    pub(super) of_mysql: &'a [(&'a str, &'a str)],
    /// Its name.
    pub(super) table: &'a str,
    /// Which rows, within the scope; empty for all.
    pub(super) only: &'a str,
    /// The column that holds the database's name.
    pub(super) database: &'a str,
    /// In which order; empty where that is nothing.
    pub(super) order: &'a str,
}

/// What tells the rows of a list from any others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Digest {
    rows: u64,
    sums: [u128; 4],
}

impl Listing<'_> {
    /// The query for its rows.
    pub(super) fn select(&self, dialect: Dialect, scope: &Scope) -> String {
        let columns: Vec<&str> = self
            .columns
            .iter()
            .map(|column| match dialect {
                Dialect::Mysql => self.on_mysql(column),
                _ => column,
            })
            .collect();
        let mut select = self.query(&columns.join(", "), scope);
        if !self.order.is_empty() {
            select.push_str(" ORDER BY ");
            select.push_str(self.order);
        }
        select
    }

    fn on_mysql<'b>(&'b self, column: &'b str) -> &'b str {
        let mut others = self.of_mysql.iter();
        let found = others.find(|(ours, _)| *ours == column);
        found.map_or(column, |(_, theirs)| theirs)
    }

    /// The query for the digest of its rows, which only `MariaDB` is asked for: one row, as [`Digest::parts`] has it.
    pub(super) fn select_digest(&self, scope: &Scope) -> String {
        let said: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("IFNULL(CONCAT(LENGTH({column}), ':', {column}), '-')"))
            .collect();
        let hashed = self.query(
            &format!("SHA2(CONCAT({}), 256) AS h", said.join(", ")),
            scope,
        );
        let sums = [1, 17, 33, 49].map(|from| {
            format!("IFNULL(SUM(CAST(CONV(SUBSTR(h, {from}, 16), 16, 10) AS DECIMAL(20))), 0)")
        });
        format!(
            "SELECT COUNT(*), {} FROM ({hashed}) AS hashed",
            sums.join(", ")
        )
    }

    fn query(&self, selected: &str, scope: &Scope) -> String {
        let condition = scope.condition(self.database);
        let only = match self.only {
            "" => String::new(),
            only => format!("{only} AND "),
        };
        format!(
            "SELECT {selected} FROM information_schema.{} WHERE {only}{condition}",
            self.table
        )
    }
}

impl Digest {
    /// That of rows that were read.
    pub(super) fn of(rows: &[TextRow]) -> Self {
        let mut digest = Self::default();
        for row in rows {
            digest.add((0..row.len()).map(|column| row.str(column)));
        }
        digest
    }

    /// As the server says it: the number of rows and the four sums.
    pub(super) fn parts(&self) -> [String; 5] {
        let [a, b, c, d] = self.sums.map(|sum| sum.to_string());
        [self.rows.to_string(), a, b, c, d]
    }

    pub(super) fn add<'a>(&mut self, columns: impl Iterator<Item = Option<&'a str>>) {
        let mut row = Sha256::new();
        for column in columns {
            match column {
                Some(text) => {
                    row.update(text.len().to_string());
                    row.update(":");
                    row.update(text);
                }
                None => row.update("-"),
            }
        }
        let hash: [u8; 32] = row.finalize().into();
        let (parts, _) = hash.as_chunks::<8>();
        for (sum, part) in self.sums.iter_mut().zip(parts) {
            *sum += u128::from(u64::from_be_bytes(*part));
        }
        self.rows += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: Listing<'_> = Listing {
        columns: &["TABLE_NAME", "NULL"],
        of_mysql: &[("NULL", "SRS_ID")],
        table: "TABLES",
        only: "TABLE_TYPE <> 'VIEW'",
        database: "TABLE_SCHEMA",
        order: "TABLE_NAME",
    };

    fn digest(rows: &[&[Option<&str>]]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add(row.iter().copied());
        }
        digest
    }

    #[test]
    fn rows_and_their_digest_are_asked_for_alike() {
        let scope = Scope::One("shop".to_owned());
        for (dialect, other) in [(Dialect::Mariadb, "NULL"), (Dialect::Mysql, "SRS_ID")] {
            assert_eq!(
                LISTING.select(dialect, &scope),
                format!(
                    "SELECT TABLE_NAME, {other} FROM information_schema.TABLES WHERE TABLE_TYPE <> 'VIEW' AND TABLE_SCHEMA = 'shop' ORDER BY TABLE_NAME"
                )
            );
        }
        let asked = LISTING.select_digest(&scope);
        assert!(
            asked.ends_with(
                "FROM (SELECT SHA2(CONCAT(IFNULL(CONCAT(LENGTH(TABLE_NAME), ':', TABLE_NAME), '-'), IFNULL(CONCAT(LENGTH(NULL), ':', NULL), '-')), 256) AS h \
                 FROM information_schema.TABLES WHERE TABLE_TYPE <> 'VIEW' AND TABLE_SCHEMA = 'shop') AS hashed"
            ),
            "{asked}"
        );
    }

    #[test]
    fn order_is_nothing_and_everything_else_is() {
        let one = digest(&[&[Some("a"), None], &[Some("b"), Some("")]]);
        assert_eq!(one, digest(&[&[Some("b"), Some("")], &[Some("a"), None]]));
        for other in [
            digest(&[&[Some("a"), None]]),
            digest(&[&[Some("a"), None], &[Some("b"), None]]),
            digest(&[
                &[Some("a"), None],
                &[Some("b"), Some("")],
                &[Some("b"), Some("")],
            ]),
            digest(&[&[None, Some("a")], &[Some("b"), Some("")]]),
            digest(&[]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn sums_are_those_of_the_hash_in_four_parts() {
        // SHA-256 of `1:a`, by any other tool.
        let parts = digest(&[&[Some("a")]]).parts();
        let hash = format!("{:x}", Sha256::digest("1:a"));
        let quarter = |at: usize| u64::from_str_radix(hash.get(at..at + 16).unwrap(), 16).unwrap();
        assert_eq!(parts[0], "1");
        assert_eq!(parts[1], quarter(0).to_string());
        assert_eq!(parts[4], quarter(48).to_string());
    }
}
