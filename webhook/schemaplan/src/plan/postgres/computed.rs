//! Columns that are computed of a function or a type that is made anew: they are plain meanwhile, and dropped and computed again behind it.
//!
//! Up to version 14 the server drops a computed column together with a function or a type that its expression names, unasked; and goes on doing so when the
//! column has long been plain (`DROP EXPRESSION` forgets the columns that were read, and nothing else). Version 12 has no `DROP EXPRESSION` at all.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, ObjectKind, Table};
use crate::diff::TableChange;
use crate::plan::Refusal;

use super::text::{joined, mentions, own_name};
use super::{ObjectName, TableName, Work, alter, rebuild};

impl<'a> Work<'a> {
    /// The server changes the type of no column that is computed or computed from, and drops no type that an expression names.
    pub(super) fn lift_uses_of_types(&mut self) {
        let can_be_plain = self.current.engine.version.0 >= 13;
        for &(type_schema, kind, type_name) in &self.rebuilt {
            let key = joined(type_schema, type_name);
            let spellings = rebuild::spellings(type_schema, type_name);
            for (schema, held) in &self.current.schemas {
                for (table_name, table) in &held.tables {
                    let is_remade = self.remade.contains(&(schema, table_name));
                    if is_remade || !table.needs.contains(&key) {
                        continue;
                    }
                    for (name, column) in &table.columns {
                        let is_of = rebuild::is_of(&column.data_type, &spellings);
                        let default = column.default.as_deref().filter(|_| !is_of);
                        if default.is_some_and(|default| rebuild::casts_to(default, &spellings)) {
                            self.without_default.insert((schema, table_name, name));
                        }
                        let computed = column.generated.as_ref();
                        let reads = computed.is_some_and(|computed| {
                            is_of || reads_type(&computed.expression, table, &spellings)
                        });
                        if reads && can_be_plain {
                            self.recomputed.insert((schema, table_name, name));
                        } else if reads {
                            self.refusals.push(Refusal {
                                object: format!("column {table_name}.{name}"),
                                reason: format!(
                                    "it is computed with {kind} {type_name}, which has to be made anew: drop the column in a migration, and add it again behind that"
                                ),
                            });
                        }
                    }
                }
            }
        }
        self.alter_recomputed();
    }

    /// A column that would be dropped later, with what it holds, when nobody thinks of it any more.
    pub(super) fn refuse_what_would_go_later(&mut self) {
        if !matches!(self.current.engine.version.0, 13 | 14) {
            return;
        }
        for (&(_, table_name), (old, new, _)) in &self.altered {
            for (name, column) in &old.columns {
                let stays_plain = new.columns.get(name).map(|it| it.generated.is_none());
                let computed = column.generated.as_ref();
                let Some(computed) = computed.filter(|_| stays_plain == Some(true)) else {
                    continue;
                };
                let named = self.current.schemas.iter().find_map(|(schema, held)| {
                    super::all(schema, &held.objects).find(|((schema, kind, named), _)| {
                        old.needs.contains(&joined(schema, named))
                            && names(&computed.expression, (schema, *kind, named))
                    })
                });
                self.refusals
                    .extend(named.map(|((_, kind, named), _)| Refusal {
                        object: format!("column {table_name}.{name}"),
                        reason: format!(
                            "it is computed with the {kind} {named}, and up to version 14 the server would still drop it, with what it holds, together with \
                             that: add a column of another name in a migration, copy the values, and drop this one"
                        ),
                    }));
            }
        }
    }

    /// A table that has such a column is altered, even if nothing of it differs.
    pub(super) fn alter_recomputed(&mut self) {
        for &(schema, table, _) in &self.recomputed {
            let held = |catalog: &'a Catalog| catalog.schemas.get(schema)?.tables.get(table);
            if let (Some(old), Some(new)) = (held(self.current), held(self.desired)) {
                let altered = self.altered.entry((schema, table));
                altered.or_insert_with(|| (old, new, Vec::new()));
            }
        }
    }

    /// The columns of a table that are dropped and made again.
    pub(super) fn made_again(
        &self,
        name: TableName<'_>,
        (old, new): (&'a Table, &'a Table),
        changes: &[TableChange<'a>],
    ) -> BTreeSet<&'a str> {
        let mut again = alter::recomputed(old, new, changes, self.desired.engine.version);
        again.extend(self.plain_meanwhile(name).filter_map(|column| {
            // One that is to be plain is that now, and keeps its values.
            let (column, wanted) = new.columns.get_key_value(column)?;
            wanted.generated.as_ref().map(|_| column.as_str())
        }));
        again
    }

    /// The columns of a table that were computed before this plan began.
    pub(super) fn plain_meanwhile(
        &self,
        (schema, name): TableName<'_>,
    ) -> impl Iterator<Item = &'a str> {
        let columns = self.recomputed.iter();
        let own = columns.filter(move |(of, table, _)| (*of, *table) == (schema, name));
        own.map(|(_, _, column)| *column)
    }
}

/// Whether an expression calls a function, or makes something a value of a type.
fn names(expression: &str, (schema, kind, name): ObjectName<'_>) -> bool {
    match kind {
        ObjectKind::Function => mentions(expression, own_name(name)),
        _ => rebuild::casts_to(expression, &rebuild::spellings(schema, name)),
    }
}

fn reads_type(expression: &str, table: &Table, spellings: &[String]) -> bool {
    let mut columns = table.columns.iter();
    rebuild::casts_to(expression, spellings)
        || columns.any(|(name, column)| {
            rebuild::is_of(&column.data_type, spellings) && mentions(expression, name)
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidegate_sqlplan::Dialect;

    use crate::catalog::{Column, Engine, Generated, Object, Schema};
    use crate::{Settings, plan};

    use super::*;

    /// A column `a`, which may be computed, in a database that has a function.
    fn catalog(version: (u32, u32), generated: Option<Generated>) -> Catalog {
        let column = Column {
            data_type: "integer".to_owned(),
            generated,
            ..Column::default()
        };
        let table = Table {
            columns: [("a".to_owned(), column)].into_iter().collect(),
            needs: vec!["twice(integer)".to_owned()],
            ..Table::default()
        };
        let function = Object {
            definition: "twice".to_owned(),
            create: "CREATE FUNCTION twice".to_owned(),
            ..Object::default()
        };
        let functions = BTreeMap::from([("twice(integer)".to_owned(), function)]);
        let schema = Schema {
            tables: BTreeMap::from([("t".to_owned(), table)]),
            objects: BTreeMap::from([(ObjectKind::Function, functions)]),
            ..Schema::default()
        };
        Catalog {
            schemas: BTreeMap::from([(String::new(), schema)]),
            ..Catalog::empty(Engine {
                dialect: Dialect::Postgres,
                version,
            })
        }
    }

    #[test]
    fn a_column_that_is_computed_no_more_keeps_its_values_or_says_that_it_does_not() {
        let computed = || {
            Some(Generated {
                expression: "1".to_owned(),
                stored: true,
            })
        };
        for (version, sql, destructive) in [
            (
                (12, 0),
                r#"ALTER TABLE "t" DROP COLUMN "a", ADD COLUMN "a" integer NOT NULL"#,
                true,
            ),
            (
                (13, 0),
                r#"ALTER TABLE "t" ALTER COLUMN "a" DROP EXPRESSION"#,
                false,
            ),
        ] {
            let (old, new) = (catalog(version, computed()), catalog(version, None));
            let made = plan(&old, &new, &Settings::default()).unwrap();
            let said: Vec<(&str, bool)> = made
                .statements
                .iter()
                .map(|it| (it.sql.as_str(), it.destructive))
                .collect();
            assert_eq!(said, [(sql, destructive)]);
        }
    }

    #[test]
    fn a_column_that_would_go_later_with_what_computed_it_does_not_become_plain() {
        let computed = || {
            Some(Generated {
                expression: "twice(1)".to_owned(),
                stored: true,
            })
        };
        let planned = |version: u32| {
            let (old, new) = (
                catalog((version, 0), computed()),
                catalog((version, 0), None),
            );
            plan(&old, &new, &Settings::default())
        };
        for version in [13, 14] {
            let refusals = planned(version).expect_err("it would go");
            let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            assert_eq!(
                said,
                [
                    "column t.a: it is computed with the function twice(integer), and up to version 14 the server would still drop it, with what it holds, \
                     together with that: add a column of another name in a migration, copy the values, and drop this one"
                ]
            );
        }
        let loses = |version: u32| planned(version).map(|plan| plan.is_destructive());
        assert_eq!((loses(12), loses(15)), (Ok(true), Ok(false)));
    }
}
