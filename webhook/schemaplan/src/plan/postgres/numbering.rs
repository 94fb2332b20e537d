//! Columns whose numbers come from another sequence than before: it goes on behind what is there, or the next row would get a number that a row has.

use crate::plan::Statement;

use super::Work;
use super::objects::statement;
use super::sequences::{Position, Range, is_sequence, kept_position, position, seeing_all};
use super::text::{called, literal, qualified, quote, sequence_of};

impl Work<'_> {
    /// A column that calls a sequence of its own right which is new, or begins anew: that goes on behind the column's rows, and behind what the one
    /// before gave.
    pub(super) fn go_on_behind_rows(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        let wanted = self.desired.schemas.iter().flat_map(|(schema, held)| {
            let tables = held.tables.iter();
            tables.map(move |(table, new)| (schema, table, new))
        });
        for (schema, table, new) in wanted {
            let held = self.current.schemas.get(schema);
            let Some(old) = held.and_then(|held| held.tables.get(table)) else {
                continue;
            };
            for (name, column) in &new.columns {
                let is_number = matches!(&*column.data_type, "smallint" | "integer" | "bigint");
                let before = old.columns.get(name).filter(|_| is_number);
                let (Some(before), Some(sequence), None) =
                    (before, called(column), sequence_of(column))
                else {
                    continue;
                };
                let mut made = self.made.iter();
                let made = made.find(|(name, _)| is_sequence(name, &sequence));
                let made = made.map(|(_, object)| &object.definition);
                let changed = self.changed.iter();
                let mut changed = changed.filter(|(name, _)| is_sequence(name, &sequence));
                let restarted = changed.find_map(|(_, (old, new))| {
                    let place =
                        position("", (&old.definition, "bigint"), (&new.definition, "bigint"));
                    (place == Position::Restarts).then_some(&new.definition)
                });
                let Some(definition) = made.or(restarted) else {
                    continue;
                };
                let range = Range::of(definition, "bigint");
                let purpose = format!("number column {table}.{name} behind its rows");
                let gone = called(before).filter(|gone| {
                    let mut unmade = self.unmade.keys();
                    unmade.any(|name| is_sequence(name, gone))
                });
                let last = match (&before.identity, gone) {
                    (Some(_), _) => {
                        Some(format!("SELECT {}", kept_position((schema, table), name)))
                    }
                    (None, Some(gone)) => {
                        Some(format!("SELECT pg_sequence_last_value({})", literal(&gone)))
                    }
                    (None, None) => None,
                };
                let (outermost, column) = (if range.falls { "min" } else { "max" }, quote(name));
                let rows = format!(
                    "SELECT {outermost}({column}) FROM {}",
                    qualified(schema, table)
                );
                let behind =
                    |value: &str| statement(go_on_behind(&sequence, value, &range), &purpose);
                statements.extend(last.map(|last| behind(&last)));
                statements.extend(seeing_all((schema, table), new, behind(&rows)));
            }
        }
        statements
    }
}

/// A sequence goes on behind what `value` is, if it can give that and has not come so far.
fn go_on_behind(shown: &str, value: &str, range: &Range) -> String {
    let here = format!("(SELECT last_value FROM {shown})");
    let between = if range.falls {
        format!("{} AND {here}", range.least)
    } else {
        format!("{here} AND {}", range.most)
    };
    format!(
        "SELECT setval({}, last) FROM ({value}) AS was (last) WHERE last BETWEEN {between}",
        literal(shown)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidegate_sqlplan::Dialect;

    use crate::catalog::{Catalog, Column, Engine, Object, ObjectKind, Schema, Table};
    use crate::{Settings, plan};

    fn catalog(sequence: &str, is_forced: bool) -> Catalog {
        let column = Column {
            data_type: "integer".to_owned(),
            default: Some(format!("nextval('{sequence}'::regclass)")),
            ..Column::default()
        };
        let mut table = Table {
            columns: [("id".to_owned(), column)].into_iter().collect(),
            ..Table::default()
        };
        if is_forced {
            let forced = "force row level security".to_owned();
            table.options.insert(forced, "true".to_owned());
        }
        let counter = Object {
            create: format!("CREATE SEQUENCE {sequence}"),
            ..Object::default()
        };
        let objects = BTreeMap::from([(sequence.to_owned(), counter)]);
        let schema = Schema {
            tables: BTreeMap::from([("t".to_owned(), table)]),
            objects: BTreeMap::from([(ObjectKind::Sequence, objects)]),
            ..Schema::default()
        };
        Catalog {
            schemas: BTreeMap::from([(String::new(), schema)]),
            ..Catalog::empty(Engine {
                dialect: Dialect::Postgres,
                version: (15, 0),
            })
        }
    }

    #[test]
    fn a_new_sequence_sees_the_rows_that_policies_hide_from_the_owner() {
        let behind = |value: &str| {
            format!(
                "SELECT setval('two', last) FROM ({value}) AS was (last) WHERE last BETWEEN (SELECT last_value FROM two) AND {}",
                i64::MAX
            )
        };
        let (last, rows) = (
            behind("SELECT pg_sequence_last_value('one')"),
            behind("SELECT max(\"id\") FROM \"t\""),
        );
        let (off, on) = (
            "ALTER TABLE \"t\" NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE \"t\" FORCE ROW LEVEL SECURITY",
        );
        for (is_forced, expected) in [
            (false, vec![(&*last, false), (&*rows, false)]),
            (
                true,
                vec![(&*last, false), (off, false), (&*rows, true), (on, true)],
            ),
        ] {
            let (old, new) = (catalog("one", is_forced), catalog("two", is_forced));
            let made = plan(&old, &new, &Settings::default()).unwrap();
            let numbering = made.statements.iter();
            let numbering = numbering.filter(|one| one.purpose.starts_with("number column"));
            let said: Vec<_> = numbering.map(|one| (&*one.sql, one.together)).collect();
            assert_eq!(said, expected);
        }
    }
}
