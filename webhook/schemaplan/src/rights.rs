//! Rights: who may do what, as far as the wanted schema is about it.
//!
//! Rights are often given by somebody else than who writes the schema: a role for reports, a backup. A schema that says nothing of them takes
//! none away. So they are brought about by groups - of tables, views and sequences; of functions; of types; of one schema - and only those of
//! which the wanted schema says something. Of the others what is there stays, also where a view is made again, and the plan names them as not
//! managed.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, ObjectKind, Sayings, Schema, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Relations,
    Functions,
    Types,
}

const GROUPS: [Group; 3] = [Group::Relations, Group::Functions, Group::Types];

impl Group {
    fn of(kind: ObjectKind) -> Option<Self> {
        match kind {
            ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::ForeignTable => Some(Self::Relations),
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                Some(Self::Functions)
            }
            ObjectKind::Enum | ObjectKind::Domain | ObjectKind::Composite | ObjectKind::Range => {
                Some(Self::Types)
            }
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Relations => "tables, views and sequences",
            Self::Functions => "functions",
            Self::Types => "types",
        }
    }

    fn is_spoken_of(self, catalog: &Catalog) -> bool {
        let tables = |schema: &Schema| {
            self == Self::Relations && schema.tables.values().any(|table| !table.rights.is_empty())
        };
        let objects = |schema: &Schema| {
            let of_group = schema
                .objects
                .iter()
                .filter(|(kind, _)| Self::of(**kind) == Some(self));
            let mut objects = of_group.flat_map(|(_, objects)| objects.values());
            objects.any(|object| !object.rights.is_empty())
        };
        let mut schemas = catalog.schemas.values();
        schemas.any(|schema| tables(schema) || objects(schema))
    }
}

/// Leaves as they are the rights that the wanted schema says nothing of; gives them in words.
pub(crate) fn keep_unspoken(current: &Catalog, desired: &mut Catalog) -> Vec<String> {
    let mut kept = BTreeSet::new();
    for group in GROUPS {
        if group.is_spoken_of(desired) || !group.is_spoken_of(current) {
            continue;
        }
        kept.insert(format!(
            "who has rights on {} is not managed, as the wanted schema leaves it as it usually is",
            group.as_str()
        ));
        for (name, schema) in &mut desired.schemas {
            let Some(held) = current.schemas.get(name) else {
                continue;
            };
            if group == Group::Relations {
                for (name, table) in &mut schema.tables {
                    if let Some(held) = held.tables.get(name) {
                        table.rights = of_columns_left(&held.rights, table);
                    }
                }
            }
            let of_group = schema
                .objects
                .iter_mut()
                .filter(|(kind, _)| Group::of(**kind) == Some(group));
            for (kind, objects) in of_group {
                let held = held.objects.get(kind);
                for (name, object) in objects {
                    if let Some(held) = held.and_then(|objects| objects.get(name)) {
                        object.rights.clone_from(&held.rights);
                    }
                }
            }
        }
    }
    for (name, schema) in &mut desired.schemas {
        let held = current.schemas.get(name).map(|held| &held.rights);
        if schema.rights.is_empty()
            && let Some(rights) = held.filter(|rights| !rights.is_empty())
        {
            kept.insert(format!("who has rights on the schema {name} is not managed, as the wanted schema leaves it as it usually is"));
            schema.rights.clone_from(rights);
        }
    }
    kept.into_iter().collect()
}

/// A right on a column goes with the column, without a word.
fn of_columns_left(rights: &Sayings, table: &Table) -> Sayings {
    let is_left = |statement: &str| {
        let column = statement
            .split_once(" (\"")
            .and_then(|(_, rest)| rest.split_once("\") ON "));
        column.is_none_or(|(column, _)| table.columns.contains_key(&column.replace("\"\"", "\"")))
    };
    let left = rights.iter().filter(|(undo, _)| is_left(undo));
    left.map(|(undo, said)| (undo.clone(), said.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Engine, Object};
    use tidegate_sqlplan::Dialect;

    fn catalog(table: &[&str], view: &[&str]) -> Catalog {
        let rights = |to: &[&str]| -> Sayings {
            let all = to
                .iter()
                .map(|to| (format!("REVOKE {to}"), format!("GRANT {to}")));
            all.collect()
        };
        let mut schema = Schema::default();
        let of_table = Table {
            rights: rights(table),
            ..Table::default()
        };
        schema.tables.insert("t".to_owned(), of_table);
        let of_view = Object {
            rights: rights(view),
            ..Object::default()
        };
        let views = [("v".to_owned(), of_view)].into();
        schema.objects.insert(ObjectKind::View, views);
        Catalog {
            engine: Engine {
                dialect: Dialect::Postgres,
                version: (15, 0),
            },
            schemas: [(String::new(), schema)].into(),
            user: crate::owner::Owner::default(),
        }
    }

    #[test]
    fn what_the_wanted_schema_says_nothing_of_stays() {
        let current = catalog(&["a"], &["b"]);
        let mut desired = catalog(&[], &[]);
        assert_eq!(keep_unspoken(&current, &mut desired).len(), 1);
        assert_eq!(desired, current);
    }

    #[test]
    fn one_right_that_is_wanted_speaks_of_all_of_its_group() {
        let current = catalog(&["a"], &["b"]);
        let mut desired = catalog(&[], &["c"]);
        assert_eq!(keep_unspoken(&current, &mut desired), [""; 0]);
        assert_eq!(desired, catalog(&[], &["c"]));
    }

    #[test]
    fn a_right_on_a_column_goes_with_it() {
        let said = "REVOKE SELECT (\"gone\") ON TABLE \"t\" FROM r";
        let rights = [(said.to_owned(), String::new())].into();
        assert_eq!(of_columns_left(&rights, &Table::default()).len(), 0);
    }
}
