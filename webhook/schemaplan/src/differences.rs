//! Two catalogs compared object by object, for reports that count: so many tables, views and the rest are not what they should be.
//!
//! An index counts by itself, wherever it stands; whatever else a table is made of (columns, keys, checks, rights) is the table. What would have to be
//! done about it all is a [`Plan`](crate::Plan), not this.

use sha2::{Digest as _, Sha256};

use crate::catalog::{Catalog, Schema};
use crate::diff::{Change, TableChange};
use crate::plan::{Prepared, Refusal};
use crate::settings::Settings;

/// What is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Each object once, in the order of kinds and names.
    pub objects: Vec<Difference>,
    /// Hexadecimal SHA-256 that is another when anything about the differences is, though the same objects differ. It is comparable within one version of this program.
    pub fingerprint: String,
}

/// An object that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Such as `table`, `index`, `materialized view`.
    pub kind: &'static str,
    /// With its schema before it where there are several; an index also with its table.
    pub name: String,
    /// In which way.
    pub how: How,
    /// Of a table that is another: what would make it as it should be, in words such as `drop column email`.
    pub parts: Vec<String>,
}

/// In which way an object is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is there and should not be.
    Extra,
    /// It should be there and is not.
    Missing,
    /// It is another than it should be.
    Modified,
}

impl How {
    /// In one word: `extra`, `missing`, `modified`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extra => "extra",
            Self::Missing => "missing",
            Self::Modified => "modified",
        }
    }
}

impl Difference {
    /// What would make it as it should be, in words.
    pub fn in_words(&self) -> Vec<String> {
        let Self {
            kind, name, parts, ..
        } = self;
        match self.how {
            How::Extra => vec![format!("drop {kind} {name}")],
            How::Missing => vec![format!("add {kind} {name}")],
            How::Modified if parts.is_empty() => vec![format!("change {kind} {name}")],
            How::Modified => {
                let parts = parts.iter();
                parts.map(|part| format!("{kind} {name}: {part}")).collect()
            }
        }
    }
}

/// In what `current` is not as `desired`. What rows move (the next number of a column) is no difference.
///
/// # Errors
/// A rename that [`Settings`] ask for and that cannot be followed.
pub fn differences(
    current: &Catalog,
    desired: &Catalog,
    settings: &Settings,
) -> Result<Differences, Vec<Refusal>> {
    let (current, desired) = (current.without_what_moves(), desired.without_what_moves());
    let mut prepared = Prepared::new(&current, &desired, settings)?;
    prepared.settle(settings);
    let changes = prepared.changes(settings);
    let mut objects: Vec<Difference> = changes.iter().flat_map(objects_of).collect();
    objects.sort();
    Ok(Differences {
        objects,
        fingerprint: format!("{:x}", Sha256::digest(format!("{changes:?}"))),
    })
}

/// The objects that a change is about.
fn objects_of(change: &Change<'_>) -> Vec<Difference> {
    const TABLE: &str = "table";
    match change {
        Change::SchemaAdded { schema, new } => whole(schema, new, How::Missing),
        Change::SchemaDropped { schema, old } => whole(schema, old, How::Extra),
        Change::SchemaChanged { schema, .. } => vec![one("schema", "", schema, How::Modified)],
        Change::TableAdded { schema, table, .. } => vec![one(TABLE, schema, table, How::Missing)],
        Change::TableDropped { schema, table, .. } => vec![one(TABLE, schema, table, How::Extra)],
        Change::TableRenamed { schema, to, .. } => vec![one(TABLE, schema, to, How::Modified)],
        Change::TableChanged {
            schema,
            table,
            changes,
            ..
        } => {
            let mut found = Vec::new();
            let mut parts = Vec::new();
            for change in changes {
                match change {
                    TableChange::IndexAdded { name, .. } => {
                        found.push(index(schema, table, name, How::Missing));
                    }
                    TableChange::IndexDropped { name, .. } => {
                        found.push(index(schema, table, name, How::Extra));
                    }
                    TableChange::IndexChanged { name, .. }
                    | TableChange::IndexRenamed { to: name, .. } => {
                        found.push(index(schema, table, name, How::Modified));
                    }
                    other => parts.push(other.in_words()),
                }
            }
            if !parts.is_empty() {
                found.push(Difference {
                    parts,
                    ..one(TABLE, schema, table, How::Modified)
                });
            }
            found
        }
        Change::ObjectAdded {
            schema, kind, name, ..
        } => vec![one(kind.as_str(), schema, name, How::Missing)],
        Change::ObjectDropped {
            schema, kind, name, ..
        } => vec![one(kind.as_str(), schema, name, How::Extra)],
        Change::ObjectChanged {
            schema, kind, name, ..
        } => vec![one(kind.as_str(), schema, name, How::Modified)],
    }
}

/// A schema and what is in it.
fn whole(name: &str, schema: &Schema, how: How) -> Vec<Difference> {
    let tables = schema.tables.keys();
    let tables = tables.map(|table| one("table", name, table, how));
    let objects = schema.objects.iter().flat_map(|(kind, named)| {
        let names = named.keys();
        names.map(|object| one(kind.as_str(), name, object, how))
    });
    let itself = (!name.is_empty()).then(|| one("schema", "", name, how));
    itself.into_iter().chain(tables).chain(objects).collect()
}

fn index(schema: &str, table: &str, name: &str, how: How) -> Difference {
    one("index", schema, &format!("{table}.{name}"), how)
}

fn one(kind: &'static str, schema: &str, name: &str, how: How) -> Difference {
    let name = match schema {
        "" => name.to_owned(),
        _ => format!("{schema}.{name}"),
    };
    Difference {
        kind,
        name,
        how,
        parts: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_sqlplan::Dialect;

    use super::*;
    use crate::catalog::{Column, Engine, Index, Object, ObjectKind, Table};
    use crate::owner::Owner;

    fn column(data_type: &str) -> Column {
        Column {
            data_type: data_type.to_owned(),
            ..Column::default()
        }
    }

    /// A table with a column of this type and indexes of these names.
    fn table(data_type: &str, indexes: &[&str]) -> Table {
        let indexes = indexes.iter();
        Table {
            columns: [("a".to_owned(), column(data_type))].into_iter().collect(),
            indexes: indexes
                .map(|name| ((*name).to_owned(), Index::default()))
                .collect(),
            ..Table::default()
        }
    }

    fn catalog(tables: &[(&str, Table)], views: &[&str]) -> Catalog {
        let mut schema = Schema::default();
        schema.tables.extend(
            tables
                .iter()
                .map(|(name, it)| ((*name).to_owned(), it.clone())),
        );
        let views = views.iter();
        let views = views.map(|name| ((*name).to_owned(), Object::default()));
        schema.objects.insert(ObjectKind::View, views.collect());
        Catalog {
            engine: Engine {
                dialect: Dialect::Postgres,
                version: (15, 0),
            },
            schemas: [("public".to_owned(), schema)].into(),
            user: Owner::default(),
        }
    }

    #[track_caller]
    fn found(current: &Catalog, desired: &Catalog) -> Differences {
        differences(current, desired, &Settings::default()).expect("nothing is renamed")
    }

    #[test]
    fn an_object_counts_once_and_an_index_by_itself() {
        let current = catalog(
            &[
                ("t", table("int", &["i", "k"])),
                ("extra", table("int", &["x"])),
            ],
            &["v"],
        );
        let desired = catalog(
            &[
                ("t", table("text", &["i", "j"])),
                ("missing", table("int", &[])),
            ],
            &["w"],
        );
        let shown: Vec<_> = found(&current, &desired)
            .objects
            .into_iter()
            .map(|it| (it.kind, it.how, it.in_words().join(", ")))
            .collect();
        let expected = [
            ("index", How::Missing, "add index public.t.j"),
            ("index", How::Extra, "drop index public.t.k"),
            ("table", How::Extra, "drop table public.extra"),
            ("table", How::Missing, "add table public.missing"),
            ("table", How::Modified, "table public.t: change column a"),
            ("view", How::Extra, "drop view public.v"),
            ("view", How::Missing, "add view public.w"),
        ];
        assert_eq!(
            shown,
            expected.map(|(kind, how, words)| (kind, how, words.to_owned()))
        );
    }

    #[test]
    fn the_fingerprint_moves_with_what_differs_and_with_nothing_else() {
        let desired = catalog(&[("t", table("int", &[]))], &[]);
        let text = found(&catalog(&[("t", table("text", &[]))], &[]), &desired);
        let date = found(&catalog(&[("t", table("date", &[]))], &[]), &desired);
        assert_eq!(text.objects, date.objects);
        assert_ne!(text.fingerprint, date.fingerprint);

        let mut counted = table("text", &[]);
        let next = ("auto_increment".to_owned(), "7".to_owned());
        counted.options.extend([next]);
        assert_eq!(found(&catalog(&[("t", counted)], &[]), &desired), text);
        assert!(found(&desired, &desired).objects.is_empty());
    }
}
