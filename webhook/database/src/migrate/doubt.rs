//! A statement that was begun, and whose end nobody saw.
//!
//! Before a statement that cannot share a transaction with its row, the row says that it begins, with a fingerprint of what the database holds. Who finds
//! such a row compares: the same fingerprint means that the statement did nothing (each DDL statement of the engines concerned is all or nothing), so
//! it runs; another means that it is done. A `PostgreSQL` index that was being built concurrently is the exception, being neither: a person is asked.

use tidegate_migrations::Revision;
use tidegate_schemaplan::Catalog;

/// What the announcement begins with.
const ANNOUNCEMENT: &str = "Tidegate began this statement and did not see its end; fingerprint ";

/// What to write into the row's error before the statement.
pub(super) fn announcement(before: &Catalog) -> String {
    format!("{ANNOUNCEMENT}{}", fingerprint(before))
}

/// The fingerprint of a row that is in doubt.
pub(super) fn announced(revision: &Revision) -> Option<&str> {
    revision.error.as_deref()?.strip_prefix(ANNOUNCEMENT)
}

/// A short text that is another when the schema is: FNV-1a over all that is known of it. It is not kept longer than a crash lasts, but rows may be written then: were what they move
/// part of it, the statement would be taken for done.
pub(super) fn fingerprint(catalog: &Catalog) -> String {
    let text = format!("{:?}", catalog.without_what_moves().schemas);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Whether another fingerprint proves nothing: an index that is built concurrently is there before it is usable.
pub(super) fn cannot_be_told(sql: &str) -> bool {
    sql.to_lowercase().contains("concurrently")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidegate_schemaplan::{Aside, Engine, Object, ObjectKind, Schema, Table};
    use tidegate_sqlplan::Dialect;

    use super::*;

    fn with(object: Object, counter: &str) -> Catalog {
        let objects = BTreeMap::from([("o".to_owned(), object)]);
        let table = Table {
            options: BTreeMap::from([("auto_increment".to_owned(), counter.to_owned())]),
            ..Table::default()
        };
        let schema = Schema {
            tables: BTreeMap::from([("t".to_owned(), table)]),
            objects: BTreeMap::from([(ObjectKind::Sequence, objects)]),
            ..Schema::default()
        };
        Catalog {
            schemas: BTreeMap::from([(String::new(), schema)]),
            ..Catalog::empty(Engine {
                dialect: Dialect::Mariadb,
                version: (10, 11),
            })
        }
    }

    #[test]
    fn what_rows_move_is_no_other_schema() {
        let still = fingerprint(&with(Object::default(), "2"));
        let moved = Object {
            reached: Aside(Some("7".to_owned())),
            unfilled: Aside(true),
            ..Object::default()
        };
        assert_eq!(fingerprint(&with(moved, "3")), still);
        let changed = Object {
            definition: "increment by 2".to_owned(),
            ..Object::default()
        };
        let changed = with(changed, "2");
        assert_ne!(fingerprint(&changed), still);
    }
}
