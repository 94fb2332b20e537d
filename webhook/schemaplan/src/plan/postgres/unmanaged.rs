//! What can only be named: kinds that no statement of a plan makes, changes or drops.
//!
//! It is not silently left out. It is named; what is wanted and could not be made without it is refused before anything runs; and what it is made of stays
//! with it.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Object, ObjectKind};
use crate::plan::Refusal;

use super::objects::is_managed;
use super::rebuild::spelled;
use super::text::joined;
use super::{ObjectName, Work};

/// What the names of operator classes begin with.
const OPERATOR_CLASS: &str = "operator class ";

impl Work<'_> {
    /// What is to be made of something that is not there, and that nobody will make.
    pub(super) fn refuse_what_needs_unmanaged(&mut self) {
        let lacking: BTreeSet<String> = unmanaged(self.desired)
            .filter(|((schema, kind, name), object)| {
                !has_alike(self.current, schema, *kind, name, object)
            })
            .map(|((schema, _, name), _)| joined(schema, name))
            .collect();
        let of = |shown: String, needs: &[String]| {
            let lacking = needs.iter().find(|need| lacking.contains(*need))?;
            Some(Refusal {
                object: shown,
                reason: format!(
                    "it needs {lacking}, which is of a kind that is not managed and is not there: make that in a migration first"
                ),
            })
        };
        let tables = self.created.iter().filter_map(|((schema, name), table)| {
            of(format!("table {}", joined(schema, name)), &table.needs)
        });
        let made = self.made.iter().filter(|(_, object)| is_managed(object));
        let objects = made.filter_map(|((schema, kind, name), object)| {
            of(format!("{kind} {}", joined(schema, name)), &object.needs)
        });
        let refusals: Vec<Refusal> = tables.chain(objects).collect();
        self.refusals.extend(refusals);
        self.refuse_classes_of_indexes();
    }

    /// An index sorted by an operator class that is not there.
    fn refuse_classes_of_indexes(&mut self) {
        let there = self.current.schemas.iter().flat_map(|(schema, held)| {
            let others = held.objects.get(&ObjectKind::Other).into_iter();
            others.flatten().map(move |(name, _)| (schema, name))
        });
        let there: BTreeSet<_> = there.collect();
        let wanted = unmanaged(self.desired).filter_map(|((schema, _, name), _)| {
            let class = name.strip_prefix(OPERATOR_CLASS)?;
            let is_there = there.contains(&(&schema.to_owned(), &name.to_owned()));
            (!is_there).then(|| spelled(schema, class))
        });
        let lacking: Vec<String> = wanted.collect();
        let created = self.created.iter().map(|(name, table)| (name, *table));
        let altered = self.altered.iter().map(|(name, (_, new, _))| (name, *new));
        let mut refusals = Vec::new();
        for ((schema, table), definition) in created.chain(altered) {
            for (index, definition) in &definition.indexes {
                let mut parts = definition.parts.iter();
                let class = parts.find_map(|part| {
                    let mut words = part.attributes.split([' ', '(']);
                    words.find(|word| lacking.iter().any(|class| class == word))
                });
                refusals.extend(class.map(|class| Refusal {
                    object: format!("index {}.{index}", joined(schema, table)),
                    reason: format!(
                        "it needs the operator class {class}, which is of a kind that is not managed and is not there: make that in a migration first"
                    ),
                }));
            }
        }
        self.refusals.extend(refusals);
    }

    /// What something that is not managed is made of is not dropped; said in words.
    pub(super) fn keep_what_unmanaged_needs(&mut self) -> Vec<String> {
        let mut notes = Vec::new();
        for ((schema, _, user), object) in unmanaged(self.current) {
            let user = joined(schema, user);
            self.unmade.retain(|(schema, kind, name), _| {
                let own = joined(schema, name);
                let stays = *kind != ObjectKind::Other && object.needs.contains(&own);
                if stays {
                    notes.push(format!(
                        "{kind} {own} stays, as {user} needs it, which is not managed"
                    ));
                }
                !stays
            });
        }
        notes
    }
}

fn unmanaged(catalog: &Catalog) -> impl Iterator<Item = (ObjectName<'_>, &Object)> {
    let schemas = catalog.schemas.iter();
    let objects = schemas.flat_map(|(schema, held)| super::all(schema, &held.objects));
    objects.filter(|(_, object)| !is_managed(object))
}

/// What there is that can only be named.
pub(super) fn named(current: &Catalog, desired: &Catalog) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (catalog, otherwise) in [(current, "is there"), (desired, "is wanted")] {
        for ((schema, kind, name), object) in unmanaged(catalog) {
            let is_same = has_alike(current, schema, kind, name, object)
                && has_alike(desired, schema, kind, name, object);
            if is_same {
                continue;
            }
            let what = match kind {
                ObjectKind::Other => joined(schema, name),
                _ => format!("{kind} {}", joined(schema, name)),
            };
            names.insert(format!("{what} {otherwise} and is not managed"));
        }
    }
    names.into_iter().collect()
}

/// Whether a catalog has an object of this definition, where it has one.
fn has_alike(
    catalog: &Catalog,
    schema: &str,
    kind: ObjectKind,
    name: &str,
    object: &Object,
) -> bool {
    let held = catalog.schemas.get(schema);
    let held = held.and_then(|held| held.objects.get(&kind)?.get(name));
    !object.definition.is_empty() && held.is_some_and(|held| held.definition == object.definition)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidegate_sqlplan::Dialect;

    use crate::catalog::{Engine, Index, IndexPart, Schema, Table};
    use crate::{Settings, plan};

    use super::*;

    /// With a base type, which is not managed, and a function; each may need the other.
    fn catalog(objects: &[(ObjectKind, &str, &str)]) -> Catalog {
        let mut schema = Schema::default();
        for &(kind, name, need) in objects {
            let create = match kind {
                ObjectKind::Other => String::new(),
                _ => format!("CREATE FUNCTION {name}"),
            };
            let object = Object {
                definition: name.to_owned(),
                create,
                needs: vec![need.to_owned()],
                ..Object::default()
            };
            let held = schema.objects.entry(kind).or_default();
            held.insert(name.to_owned(), object);
        }
        Catalog {
            schemas: BTreeMap::from([(String::new(), schema)]),
            ..Catalog::empty(Engine {
                dialect: Dialect::Postgres,
                version: (15, 0),
            })
        }
    }

    #[test]
    fn a_function_of_a_type_that_nobody_makes_is_refused() {
        let desired = catalog(&[
            (ObjectKind::Other, "b", ""),
            (ObjectKind::Function, "f(b)", "b"),
        ]);
        let refusals = plan(&catalog(&[]), &desired, &Settings::default()).unwrap_err();
        let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "function f(b): it needs b, which is of a kind that is not managed and is not there: make that in a migration first"
            ]
        );
        let there = catalog(&[(ObjectKind::Other, "b", "")]);
        let made = plan(&there, &desired, &Settings::default()).unwrap();
        assert_eq!(made.statements.len(), 1, "{made:?}");
    }

    #[test]
    fn a_function_that_a_type_is_made_of_stays_with_it() {
        let current = catalog(&[
            (ObjectKind::Other, "b", "f(b)"),
            (ObjectKind::Function, "f(b)", "b"),
            (ObjectKind::Function, "g(b)", "b"),
        ]);
        let made = plan(&current, &catalog(&[]), &Settings::default()).unwrap();
        let sql: Vec<&str> = made.statements.iter().map(|it| it.sql.as_str()).collect();
        assert_eq!(sql, ["DROP FUNCTION \"g\"(b)"]);
        assert_eq!(
            made.not_managed,
            [
                "b is there and is not managed",
                "function f(b) stays, as b needs it, which is not managed"
            ]
        );
    }

    #[test]
    fn an_index_of_an_operator_class_that_nobody_makes_is_refused() {
        let part = IndexPart {
            column: Some("a".to_owned()),
            attributes: "oc DESC".to_owned(),
            ..IndexPart::default()
        };
        let index = Index {
            parts: vec![part],
            ..Index::default()
        };
        let table = Table {
            indexes: BTreeMap::from([("i".to_owned(), index)]),
            ..Table::default()
        };
        let with_table = |mut catalog: Catalog| {
            let schema = catalog.schemas.get_mut("").unwrap();
            schema.tables.insert("t".to_owned(), table.clone());
            catalog
        };
        let class = catalog(&[(ObjectKind::Other, "operator class oc", "")]);
        let desired = with_table(class.clone());
        let refusals = plan(&catalog(&[]), &desired, &Settings::default()).unwrap_err();
        let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "index t.i: it needs the operator class oc, which is of a kind that is not managed and is not there: make that in a migration first"
            ]
        );
        assert!(plan(&class, &desired, &Settings::default()).is_ok());
    }
}
