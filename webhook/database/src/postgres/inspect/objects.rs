//! Everything that has a name and is no table.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Object, ObjectKind};

use super::{Reader, joined_words, qualified};
use crate::postgres::sql::{literal, quoted};
use crate::postgres::wire::TextRow;

impl Reader<'_> {
    /// Enumerations, domains, ranges and composite types.
    pub(super) fn types(
        &mut self,
        rows: &[TextRow],
        labels: &[TextRow],
        columns: &[TextRow],
        constraints: &[TextRow],
    ) {
        let mut labels_of: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for row in labels {
            labels_of
                .entry(row.number(0))
                .or_default()
                .push(row.text(1));
        }
        let mut checks_of: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for row in constraints.iter().filter(|row| row.str(4) != Some("0")) {
            let check = format!("CONSTRAINT {} {}", quoted(&row.text(1)), row.text(19));
            checks_of.entry(row.number(4)).or_default().push(check);
        }
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let (oid, name) = (row.number::<u32>(0), row.text(2));
            let shown = qualified(&key, &name);
            let comment = row.get(8);
            let (kind, definition, create, labels) = match row.str(3).unwrap_or_default() {
                "e" => {
                    let labels = labels_of.remove(&oid).unwrap_or_default();
                    let list: Vec<String> = labels.iter().map(|label| literal(label)).collect();
                    let create = format!("CREATE TYPE {shown} AS ENUM ({})", list.join(", "));
                    (ObjectKind::Enum, String::new(), create, labels)
                }
                "d" => {
                    let mut checks = checks_of.remove(&oid).unwrap_or_default();
                    checks.sort();
                    let collate = row.get(7).map(|name| format!(" COLLATE {name}"));
                    let base = format!("{}{}", row.text(6), collate.unwrap_or_default());
                    let mut parts: Vec<String> = row
                        .get(5)
                        .map(|text| format!("DEFAULT {text}"))
                        .into_iter()
                        .collect();
                    parts.extend(row.is(4).then(|| "NOT NULL".to_owned()));
                    parts.extend(checks);
                    let create = format!("CREATE DOMAIN {shown} AS {base} {}", parts.join(" "));
                    (
                        ObjectKind::Domain,
                        base,
                        create.trim_end().to_owned(),
                        parts,
                    )
                }
                "r" => {
                    let subtype = row.text(10);
                    let create = format!("CREATE TYPE {shown} AS RANGE ({subtype})");
                    (ObjectKind::Range, subtype, create, Vec::new())
                }
                "c" => {
                    let class: u32 = row.number(9);
                    let attributes: Vec<String> = columns
                        .iter()
                        .filter(|column| column.number::<u32>(0) == class)
                        .map(|column| {
                            let collate = column.get(8).map(|name| format!("COLLATE {name}"));
                            joined_words(&[
                                &quoted(&column.text(2)),
                                &column.text(3),
                                &collate.unwrap_or_default(),
                            ])
                        })
                        .collect();
                    let create = format!("CREATE TYPE {shown} AS ({})", attributes.join(", "));
                    (ObjectKind::Composite, String::new(), create, attributes)
                }
                // Its comment cannot be said apart, as nothing of it is managed.
                _ => (
                    ObjectKind::Other,
                    joined_words(&["base type", comment.as_deref().unwrap_or_default()]),
                    String::new(),
                    Vec::new(),
                ),
            };
            let object = Object {
                definition,
                create,
                labels,
                comment,
                ..Object::default()
            };
            self.add_object(('t', oid), &key, kind, name, object);
            // What a composite type needs is listed under its class.
            if let Some(place) = self.places.get(&('t', oid)).cloned()
                && kind == ObjectKind::Composite
            {
                self.places.insert(('c', row.number(9)), place);
            }
        }
    }

    pub(super) fn functions(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let (name, arguments) = (row.text(2), row.text(4));
            let kind = match row.str(3) {
                Some("p") => ObjectKind::Procedure,
                Some("a") => ObjectKind::Aggregate,
                _ => ObjectKind::Function,
            };
            let definition = row.text(5);
            let create = definition
                .replacen(&row.text(9), &qualified(&key, &name), 1)
                .trim_end()
                .to_owned();
            let object = Object {
                definition: create.clone(),
                create,
                labels: vec![row.text(6), row.text(7)],
                comment: row.get(8),
                ..Object::default()
            };
            let name = format!("{name}({arguments})");
            self.add_object(('p', row.number(0)), &key, kind, name, object);
        }
    }

    pub(super) fn triggers(&mut self, rows: &[TextRow]) {
        for row in rows {
            let state = switched("TRIGGER", &row.text(2), row.str(4));
            self.of_table(
                row,
                ('g', row.number(0)),
                ObjectKind::Trigger,
                row.text(3),
                state,
                row.get(5),
            );
        }
    }

    pub(super) fn rules(&mut self, rows: &[TextRow]) {
        for row in rows {
            let create = row.text(3).trim_end().trim_end_matches(';').to_owned();
            let state = switched("RULE", &row.text(2), row.str(4));
            self.of_table(
                row,
                ('u', row.number(0)),
                ObjectKind::Rule,
                create,
                state,
                row.get(5),
            );
        }
    }

    pub(super) fn policies(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(place) = self.places.get(&('c', row.number(1))) else {
                continue;
            };
            let command = match row.str(3) {
                Some("r") => "FOR SELECT",
                Some("a") => "FOR INSERT",
                Some("w") => "FOR UPDATE",
                Some("d") => "FOR DELETE",
                _ => "",
            };
            let roles = row.get(5).filter(|roles| roles != "PUBLIC");
            let create = joined_words(&[
                &format!(
                    "CREATE POLICY {} ON {}",
                    quoted(&row.text(2)),
                    qualified(&place.key, &place.name)
                ),
                if row.is(4) { "" } else { "AS RESTRICTIVE" },
                command,
                &roles.map(|roles| format!("TO {roles}")).unwrap_or_default(),
                &row.get(6)
                    .map(|using| format!("USING ({using})"))
                    .unwrap_or_default(),
                &row.get(7)
                    .map(|check| format!("WITH CHECK ({check})"))
                    .unwrap_or_default(),
            ]);
            self.of_table(
                row,
                ('y', row.number(0)),
                ObjectKind::Policy,
                create,
                None,
                row.get(8),
            );
        }
    }

    /// Something that belongs to a table or view: its oid is the second column, its name the third.
    fn of_table(
        &mut self,
        row: &TextRow,
        oid: (char, u32),
        kind: ObjectKind,
        create: String,
        state: Option<String>,
        comment: Option<String>,
    ) {
        let Some(place) = self.places.get(&('c', row.number(1))).cloned() else {
            return;
        };
        let object = Object {
            definition: create.clone(),
            create,
            labels: state.into_iter().collect(),
            table: Some(place.name.clone()),
            comment,
            ..Object::default()
        };
        let name = format!("{}.{}", place.name, row.text(2));
        self.add_object(oid, &place.key, kind, name, object);
    }

    pub(super) fn statistics(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let name = row.text(2);
            let (text, written) = (row.text(4), row.text(6));
            let (head, rest) = text.split_once(&written).unwrap_or((&text, ""));
            let rest = in_order_of_names(rest);
            let create = format!("{head}{}{rest}", qualified(&key, &name));
            let object = Object {
                definition: create.clone(),
                create,
                table: self
                    .places
                    .get(&('c', row.number(3)))
                    .map(|place| place.name.clone()),
                comment: row.get(5),
                ..Object::default()
            };
            self.add_object(
                ('s', row.number(0)),
                &key,
                ObjectKind::Statistics,
                name,
                object,
            );
        }
    }

    pub(super) fn collations(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let name = row.text(2);
            let (collate, ctype) = (row.text(5), row.text(6));
            let (provider, locale) = match row.str(3) {
                // Before version 15 ICU's locale was kept where libc's is.
                Some("i") => ("icu", row.get(7).unwrap_or_else(|| collate.clone())),
                Some("b") => ("builtin", row.text(7)),
                _ => ("libc", String::new()),
            };
            let place = if provider != "libc" {
                format!("LOCALE = {}", literal(&locale))
            } else {
                format!(
                    "LC_COLLATE = {}, LC_CTYPE = {}",
                    literal(&collate),
                    literal(&ctype)
                )
            };
            let deterministic = if row.is(4) {
                ""
            } else {
                ", DETERMINISTIC = false"
            };
            let definition = format!("(PROVIDER = {provider}, {place}{deterministic})");
            let object = Object {
                create: format!("CREATE COLLATION {} {definition}", qualified(&key, &name)),
                definition,
                comment: row.get(8),
                ..Object::default()
            };
            self.add_object(
                ('l', row.number(0)),
                &key,
                ObjectKind::Collation,
                name,
                object,
            );
        }
    }

    /// Extensions are the database's. Where one schema is in scope all of them are listed in it, wherever they are: there they are only
    /// ever added.
    pub(super) fn extensions(&mut self, rows: &[TextRow], bound: bool) {
        for row in rows {
            let (name, schema) = (row.text(0), row.text(1));
            let (key, create) = if bound {
                let create = format!("CREATE EXTENSION IF NOT EXISTS {}", quoted(&name));
                (String::new(), create)
            } else {
                let create = format!(
                    "CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}",
                    quoted(&name),
                    quoted(&schema)
                );
                (schema, create)
            };
            let mut object = Object {
                create,
                ..Object::default()
            };
            if !bound {
                Self::comment_on_extension(&mut object, row);
            }
            self.add_object(('x', 0), &key, ObjectKind::Extension, name, object);
        }
    }

    pub(super) fn casts(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let (name, definition) = (row.text(2), row.text(3));
            let object = Object {
                create: format!("CREATE CAST {name} {definition}"),
                definition,
                comment: row.get(4),
                ..Object::default()
            };
            self.add_object(('k', row.number(0)), &key, ObjectKind::Cast, name, object);
        }
    }

    /// What the functions that are aggregates are made of.
    pub(super) fn aggregates(&mut self, rows: &[TextRow]) {
        for row in rows {
            let (oid, parts) = (('p', row.number(0)), row.text(3));
            let Some(place) = self.places.get(&oid).cloned() else {
                continue;
            };
            let own = place.name.rsplit_once('(').map_or("", |(own, _)| own);
            let shown = qualified(&place.key, own);
            let or_all = |arguments: String| {
                if arguments.is_empty() {
                    "*".to_owned()
                } else {
                    arguments
                }
            };
            let (arguments, identity) = (or_all(row.text(1)), or_all(row.text(2)));
            if let Some(object) = self.object(oid) {
                object.definition = format!("({arguments}) ({parts})");
                object.create = format!("CREATE AGGREGATE {shown}{}", object.definition);
                object.labels = vec![format!("({identity})")];
            }
        }
    }
}

/// The action of `ALTER TABLE` that brings about a state other than the usual.
/// What follows the name in `CREATE STATISTICS n ON b, a FROM t`, with its columns by name: the server gives them in the order in which the table got them,
/// whatever was said, and a table that lost columns or got some has another one. With an expression or a name in quotes they stay as they are.
fn in_order_of_names(rest: &str) -> String {
    let sorted = || {
        let (kinds, rest) = rest.split_once(" ON ")?;
        let (columns, table) = rest.split_once(" FROM ")?;
        if columns.contains(['"', '(']) {
            return None;
        }
        let mut columns: Vec<&str> = columns.split(", ").collect();
        columns.sort_unstable();
        Some(format!("{kinds} ON {} FROM {table}", columns.join(", ")))
    };
    sorted().unwrap_or_else(|| rest.to_owned())
}

pub(super) fn switched(what: &str, name: &str, state: Option<&str>) -> Option<String> {
    let verb = match state {
        Some("D") => "DISABLE",
        Some("R") => "ENABLE REPLICA",
        Some("A") => "ENABLE ALWAYS",
        _ => return None,
    };
    Some(format!("{verb} {what} {}", quoted(name)))
}
