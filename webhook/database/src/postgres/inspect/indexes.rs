//! Indexes and primary keys, with what each of their parts says.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Index, IndexPart, PrimaryKey};

use super::{Reader, joined_words, sorted_settings};
use crate::postgres::sql::quoted;
use crate::postgres::wire::TextRow;

/// The parts of one index, and the columns that it only carries.
#[derive(Debug, Default)]
struct Parts {
    keys: Vec<IndexPart>,
    include: Vec<String>,
    /// What `SET STATISTICS` says of expressions, by their place.
    statistics: Vec<(String, String)>,
}

impl Reader<'_> {
    pub(super) fn indexes(&mut self, rows: &[TextRow], part_rows: &[TextRow]) {
        let mut parts: BTreeMap<u32, Parts> = BTreeMap::new();
        let tables: BTreeMap<u32, (u32, i16)> = rows
            .iter()
            .map(|row| (row.number(0), (row.number(1), row.number(6))))
            .collect();
        for row in part_rows {
            let oid = row.number(0);
            let Some((table, keys)) = tables.get(&oid) else {
                continue;
            };
            let column = self
                .columns
                .get(table)
                .and_then(|columns| columns.get(&row.number(2)))
                .cloned();
            let parts = parts.entry(oid).or_default();
            if let Some(target) = row.get(8) {
                let option = format!("statistics of {}", row.text(1));
                parts.statistics.push((option, target));
            }
            if row.number::<i16>(1) > *keys {
                parts.include.extend(column);
            } else {
                parts.keys.push(index_part(row, column));
            }
        }
        for row in rows {
            let (oid, table_oid) = (row.number::<u32>(0), row.number(1));
            let Parts {
                keys,
                include,
                statistics,
            } = parts.remove(&oid).unwrap_or_default();
            let name = row.text(2);
            // A materialized view's indexes are made with it.
            if let Some(create) = row.get(15) {
                if let Some(view) = self.object(('c', table_oid)) {
                    view.labels.push(create);
                    view.labels.sort();
                }
                continue;
            }
            let Some(table) = self.table(table_oid) else {
                continue;
            };
            if row.is(13) {
                table.options.insert(
                    "replica identity".to_owned(),
                    format!("USING INDEX {}", quoted(&name)),
                );
            }
            if row.is(14) {
                table.options.insert("cluster on".to_owned(), quoted(&name));
            }
            let invalid = (!row.is(12)).then(|| "true".to_owned());
            if row.is(4) {
                table.primary_key = Some(PrimaryKey {
                    parts: keys,
                    include,
                    options: invalid
                        .map(|yes| ("invalid".to_owned(), yes))
                        .into_iter()
                        .collect(),
                    attributes: sorted_settings(row.get(8))
                        .map(|with| format!("WITH ({with})"))
                        .unwrap_or_default(),
                    ..PrimaryKey::default()
                });
                continue;
            }
            let mut options: BTreeMap<String, String> = statistics.into_iter().collect();
            let mut option = |option: &str, value: Option<String>| {
                if let Some(value) = value {
                    options.insert(option.to_owned(), value);
                }
            };
            option("method", row.get(5).filter(|method| method != "btree"));
            option("where", row.get(7));
            option("with", sorted_settings(row.get(8)));
            option("nulls not distinct", row.is(9).then(|| "true".to_owned()));
            option("tablespace", row.get(10));
            option("invalid", invalid);
            option(
                "include",
                (!include.is_empty()).then(|| {
                    let names: Vec<String> = include.iter().map(|name| quoted(name)).collect();
                    names.join(", ")
                }),
            );
            let index = Index {
                unique: row.is(3),
                parts: keys,
                options,
                comment: row.get(11),
                ..Index::default()
            };
            table.indexes.insert(name, index);
        }
    }
}

fn index_part(row: &TextRow, column: Option<String>) -> IndexPart {
    let option: u8 = row.number(4);
    let (descending, nulls_first) = (option & 1 != 0, option & 2 != 0);
    let nulls = match (descending, nulls_first) {
        (false, true) => "NULLS FIRST",
        (true, false) => "NULLS LAST",
        _ => "",
    };
    let collation = row
        .get(5)
        .map(|name| format!("COLLATE {name}"))
        .unwrap_or_default();
    let class = row.get(6).unwrap_or_default();
    let class_options = row
        .get(7)
        .map(|options| format!("({options})"))
        .unwrap_or_default();
    IndexPart {
        expression: row.get(3),
        column,
        descending,
        prefix: None,
        attributes: joined_words(&[&collation, &format!("{class}{class_options}"), nulls]),
    }
}
