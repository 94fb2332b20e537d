//! What is needed goes before who needs it.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Object, ObjectKind, Schema};

/// Tables so that each comes behind those that its foreign keys refer to, as far as that can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TableOrder<'a> {
    /// Every name once.
    pub(crate) names: Vec<&'a str>,
    /// Foreign keys, by table and name, whose table comes before (or is) what it refers to: the ones that close a cycle. They are to be added
    /// when all tables are there. A key to its own table is none of them.
    pub(crate) late: BTreeSet<(&'a str, &'a str)>,
}

/// Orders the tables named. Keys to tables that are not among them do not matter. Linear in tables and keys, and the same for the same schema.
pub(crate) fn tables<'a>(
    schema: &'a Schema,
    names: impl IntoIterator<Item = &'a str>,
) -> TableOrder<'a> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let edges: BTreeMap<&str, Vec<&str>> = names
        .iter()
        .map(|name| {
            let keys = schema.tables.get(*name).into_iter();
            let keys = keys.flat_map(|table| table.foreign_keys.values());
            let referred: BTreeSet<&str> = keys
                .filter(|key| key.schema.is_empty() && key.table != *name)
                .filter_map(|key| names.get(key.table.as_str()).copied())
                .collect();
            (*name, referred.into_iter().collect())
        })
        .collect();
    let ordered = topological(&edges);
    let place: BTreeMap<&str, usize> = ordered
        .iter()
        .enumerate()
        .map(|(place, name)| (*name, place))
        .collect();
    let mut late = BTreeSet::new();
    for name in &ordered {
        let keys = schema.tables.get_key_value(*name).into_iter();
        for (key_name, key) in keys.flat_map(|(_, table)| &table.foreign_keys) {
            let is_later = key.table != *name
                && key.schema.is_empty()
                && place.get(key.table.as_str()) > place.get(name);
            if is_later {
                late.insert((*name, key_name.as_str()));
            }
        }
    }
    TableOrder {
        names: ordered,
        late,
    }
}

/// Orders objects by kind, and those of one schema by what they need ([`Object::needs`]; alike in any case). What needs each other stays in the
/// order of kinds and names.
pub(crate) fn objects<'a>(
    objects: &[(ObjectKind, &'a str, &'a Object)],
) -> Vec<(ObjectKind, &'a str, &'a Object)> {
    let by_name: BTreeMap<String, usize> = objects
        .iter()
        .enumerate()
        .map(|(index, (_, name, _))| (name.to_lowercase(), index))
        .collect();
    let mut by_kind: Vec<usize> = (0..objects.len()).collect();
    by_kind.sort_by_key(|index| objects.get(*index).map(|(kind, name, _)| (*kind, *name)));
    let places: BTreeMap<usize, usize> = by_kind
        .iter()
        .enumerate()
        .map(|(place, index)| (*index, place))
        .collect();
    let edges: BTreeMap<usize, Vec<usize>> = by_kind
        .iter()
        .enumerate()
        .map(|(place, index)| {
            let needs = objects.get(*index).into_iter();
            let needed = needs
                .flat_map(|(_, _, object)| &object.needs)
                .filter_map(|need| by_name.get(&need.to_lowercase()))
                .filter(|needed| *needed != index)
                .filter_map(|needed| places.get(needed).copied());
            (place, needed.collect())
        })
        .collect();
    topological(&edges)
        .into_iter()
        .filter_map(|place| objects.get(*by_kind.get(place)?).copied())
        .collect()
}

/// Depth first, without recursion: a chain of a thousand tables is an ordinary schema.
pub(crate) fn topological<T: Copy + Ord>(edges: &BTreeMap<T, Vec<T>>) -> Vec<T> {
    let mut ordered = Vec::with_capacity(edges.len());
    let mut seen = BTreeSet::new();
    for start in edges.keys() {
        if !seen.insert(*start) {
            continue;
        }
        let mut stack = vec![(*start, 0)];
        while let Some((name, next)) = stack.pop() {
            match edges.get(&name).and_then(|needs| needs.get(next)) {
                Some(need) => {
                    stack.push((name, next + 1));
                    if seen.insert(*need) {
                        stack.push((*need, 0));
                    }
                }
                None => ordered.push(name),
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ForeignKey, Table};

    fn schema(keys: &[(&str, &[&str])]) -> Schema {
        let table = |referred: &[&str]| Table {
            foreign_keys: referred
                .iter()
                .map(|table| {
                    let key = ForeignKey {
                        table: (*table).to_owned(),
                        ..ForeignKey::default()
                    };
                    (format!("to_{table}"), key)
                })
                .collect(),
            ..Table::default()
        };
        Schema {
            tables: keys
                .iter()
                .map(|(name, referred)| ((*name).to_owned(), table(referred)))
                .collect(),
            ..Schema::default()
        }
    }

    #[test]
    fn tables_come_behind_what_they_refer_to() {
        let schema = schema(&[
            ("a", &["c", "gone"]),
            ("b", &["b"]),
            ("c", &["d"]),
            ("d", &[]),
        ]);
        let order = tables(&schema, schema.tables.keys().map(String::as_str));
        assert_eq!(order.names, ["d", "c", "a", "b"]);
        assert!(order.late.is_empty(), "{order:?}");
    }

    #[test]
    fn a_cycle_is_closed_late() {
        let schema = schema(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]);
        let order = tables(&schema, schema.tables.keys().map(String::as_str));
        assert_eq!(order.names, ["c", "b", "a"]);
        assert_eq!(order.late, BTreeSet::from([("c", "to_a")]));
    }

    #[test]
    fn a_long_chain_does_not_overflow() {
        let names: Vec<String> = (0..20_000).map(|number| format!("t{number:05}")).collect();
        let edges: BTreeMap<&str, Vec<&str>> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let next = names.get(index + 1).map(String::as_str);
                (name.as_str(), next.into_iter().collect())
            })
            .collect();
        assert_eq!(topological(&edges).first().copied(), Some("t19999"));
    }

    #[test]
    fn objects_come_behind_what_they_need() {
        let view = |needs: &[&str]| Object {
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            ..Object::default()
        };
        let entries = [
            (ObjectKind::View, "one", view(&["two", "t"])),
            (ObjectKind::View, "Two", view(&["f"])),
            (ObjectKind::Function, "g", view(&["one"])),
            (ObjectKind::Function, "f", view(&[])),
        ];
        let entries: Vec<_> = entries
            .iter()
            .map(|(kind, name, object)| (*kind, *name, object))
            .collect();
        let ordered = objects(&entries);
        let names: Vec<&str> = ordered.iter().map(|(_, name, _)| *name).collect();
        assert_eq!(names, ["f", "Two", "one", "g"]);
    }
}
