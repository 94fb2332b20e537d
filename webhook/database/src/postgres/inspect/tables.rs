//! Tables and views, and their columns.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Aside, Column, Generated, Identity, Object, ObjectKind, Table};

use super::{Reader, qualified, sorted_settings};
use crate::postgres::sql::quoted;
use crate::postgres::wire::TextRow;

impl Reader<'_> {
    pub(super) fn relations(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let (oid, name) = (row.number(0), row.text(2));
            match row.str(3).unwrap_or_default() {
                "r" | "p" => self.add_table(oid, &key, name, table(row)),
                "v" | "m" => {
                    let (kind, object) = view(row, &qualified(&key, &name));
                    self.add_object(('c', oid), &key, kind, name, object);
                }
                "f" => {
                    let object = Object {
                        definition: "foreign table".to_owned(),
                        ..Object::default()
                    };
                    self.add_object(('c', oid), &key, ObjectKind::ForeignTable, name, object);
                }
                // Sequences and composite types have their own queries.
                "S" => {
                    let object = Object {
                        comment: row.get(16),
                        ..Object::default()
                    };
                    self.add_object(('c', oid), &key, ObjectKind::Sequence, name, object);
                }
                _ => {}
            }
        }
    }

    pub(super) fn columns(&mut self, rows: &[TextRow]) {
        for row in rows {
            let (oid, name) = (row.number(0), row.text(2));
            self.columns
                .entry(oid)
                .or_default()
                .insert(row.number(1), name.clone());
            if let Some(view) = self.object(('c', oid)) {
                view.labels
                    .push(format!("{} {}", quoted(&name), row.text(3)));
                continue;
            }
            let Some(table) = self.table(oid) else {
                continue;
            };
            if row.is(15) {
                table.merged.0.insert(name.clone());
            }
            if row.is(10) {
                continue;
            }
            let expression = row.get(5);
            let generated = match row.str(7) {
                Some("s") => Some(true),
                Some("v") => Some(false),
                _ => None,
            };
            let identity = match row.str(6) {
                Some("a") => Some("always"),
                Some("d") => Some("by default"),
                _ => None,
            };
            if let Some(storage) = row.str(11) {
                let storage = match storage {
                    "p" => "PLAIN",
                    "e" => "EXTERNAL",
                    "m" => "MAIN",
                    _ => "EXTENDED",
                };
                table
                    .options
                    .insert(format!("storage of {}", quoted(&name)), storage.to_owned());
            }
            let compression = row.str(12).map(|method| match method {
                "l" => "lz4".to_owned(),
                _ => "pglz".to_owned(),
            });
            for (setting, value) in [
                ("compression", compression),
                ("statistics", row.get(13)),
                ("options", sorted_settings(row.get(14))),
            ] {
                if let Some(value) = value {
                    table
                        .options
                        .insert(format!("{setting} of {}", quoted(&name)), value);
                }
            }
            let column = Column {
                data_type: row.text(3),
                nullable: !row.is(4),
                default: expression.clone().filter(|_| generated.is_none()),
                generated: generated
                    .zip(expression)
                    .map(|(stored, expression)| Generated { expression, stored }),
                identity: identity.map(|kind| Identity {
                    kind: kind.to_owned(),
                    ..Identity::default()
                }),
                collation: row.get(8),
                comment: row.get(9),
                ..Column::default()
            };
            table.columns.insert(name, column);
        }
    }
}

fn table(row: &TextRow) -> Table {
    let mut options = BTreeMap::new();
    let mut option = |option: &str, value: Option<String>| {
        if let Some(value) = value {
            options.insert(option.to_owned(), value);
        }
    };
    let yes = || "true".to_owned();
    option("unlogged", (row.str(4) == Some("u")).then(yes));
    option("with", sorted_settings(row.get(5)));
    option("partition by", row.get(6));
    if row.is(7) {
        option("partition of", row.get(9));
        option("partition bound", row.get(8));
    } else {
        option("inherits", row.get(9));
    }
    option("row level security", row.is(11).then(yes));
    option("force row level security", row.is(12).then(yes));
    let identity = match row.str(13) {
        Some("f") => Some("FULL".to_owned()),
        Some("n") => Some("NOTHING".to_owned()),
        _ => None,
    };
    option("replica identity", identity);
    option("using", row.get(14).filter(|method| method != "heap"));
    option("tablespace", row.get(15));
    option("of", row.get(17));
    Table {
        options,
        comment: row.get(16),
        ..Table::default()
    }
}

fn view(row: &TextRow, name: &str) -> (ObjectKind, Object) {
    let body = row.text(10);
    let body = body.trim_end().trim_end_matches(';');
    let with = row
        .get(5)
        .map(|options| format!(" WITH ({options})"))
        .unwrap_or_default();
    let (kind, words) = if row.str(3) == Some("m") {
        (ObjectKind::MaterializedView, "MATERIALIZED VIEW")
    } else {
        (ObjectKind::View, "VIEW")
    };
    let object = Object {
        definition: format!("{with}{body}"),
        create: format!("CREATE {words} {name}{with} AS\n{body}"),
        unfilled: Aside(!row.is(18)),
        comment: row.get(16),
        ..Object::default()
    };
    (kind, object)
}
