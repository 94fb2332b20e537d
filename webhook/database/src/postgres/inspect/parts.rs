//! The parts of what a partitioned table has: its partitions' indexes and keys.

use std::collections::BTreeMap;

use super::Reader;
use crate::postgres::sql::quoted;
use crate::postgres::wire::TextRow;

impl Reader<'_> {
    /// An index or a primary key says how its parts are called: `part 1 of s.p1` = `by_hand`. Of one that is made on its table only it says what is
    /// attached to it: `part 1 of s.p1 only` = `s.leaf`.
    pub(super) fn parts_of_indexes(&mut self, indexes: &[TextRow], rows: &[TextRow]) {
        let places: BTreeMap<u32, (u32, String, bool)> = indexes
            .iter()
            .map(|row| (row.number(0), (row.number(1), row.text(2), row.is(4))))
            .collect();
        for row in rows {
            let Some((table, name, is_primary)) = places.get(&row.number(0)) else {
                continue;
            };
            let Some(table) = self.table(*table) else {
                continue;
            };
            let options = if *is_primary {
                table.primary_key.as_mut().map(|key| &mut key.options)
            } else {
                let index = table.indexes.get_mut(name);
                index.map(|index| &mut index.options)
            };
            let Some(options) = options else {
                continue;
            };
            let part = format!("part {} of {}", row.text(1), row.text(2));
            if let Some(attached) = row.get(4) {
                options.insert(format!("{part} only"), attached);
            }
            if row.is(5) {
                options.insert(format!("{part} unique"), "true".to_owned());
            }
            options.insert(part, row.text(3));
        }
    }

    /// How the parts are called that a table has of its parent's, and which of them tells its rows apart or gives them an order.
    pub(super) fn parts(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(table) = self.table(row.number(0)) else {
                continue;
            };
            let name = row.text(2);
            if row.is(3) {
                let identity = format!("USING INDEX {}", quoted(&name));
                table
                    .options
                    .insert("replica identity".to_owned(), identity);
            }
            if row.is(4) {
                table.options.insert("cluster on".to_owned(), quoted(&name));
            }
            table.parts.0.insert(row.text(1), name);
        }
    }
}
