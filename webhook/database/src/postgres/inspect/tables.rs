//! Tables with their columns, constraints and indexes.

use std::collections::BTreeMap;

use tidegate_schemaplan::{
    Aside, Check, Column, ForeignKey, Generated, Identity, Index, IndexPart, Object, ObjectKind,
    PrimaryKey, Table,
};

use super::{Reader, qualified};
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
                ("options", row.get(14)),
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

    /// Sequences that a column owns become part of it; the others stay objects.
    pub(super) fn sequences(&mut self, rows: &[TextRow]) {
        for row in rows {
            let oid: u32 = row.number(0);
            let data_type = row.text(1);
            let owner: Option<(u32, i16)> = row
                .str(8)
                .and_then(|oid| oid.parse().ok())
                .map(|oid| (oid, row.number(9)));
            let owner_column = owner.and_then(|(table, number)| {
                let name = self.columns.get(&table)?.get(&number)?.clone();
                Some((table, name))
            });
            let nextval = format!("nextval('{}'::regclass)", row.text(11).replace('\'', "''"));
            let usual = owner_column.as_ref().and_then(|(table, column)| {
                let table = &self.places.get(&('c', *table))?.name;
                Some(Identity::usual_sequence(table, column))
            });
            let named = self.places.get(&('c', oid)).map(|place| &place.name);
            let sequence = named.filter(|name| usual.as_ref() != Some(*name)).cloned();
            if let Some((table, name)) = &owner_column
                && let Some(column) = self
                    .table(*table)
                    .and_then(|table| table.columns.get_mut(name))
            {
                let same_type = column.data_type == data_type;
                let options = sequence_options(row, &data_type, !same_type);
                let is_internal = row.str(10) == Some("i");
                let identity = column.identity.as_mut().filter(|_| is_internal);
                let owned = if let Some(identity) = identity {
                    identity.options.clone_from(&options);
                    identity.sequence = sequence;
                    true
                } else if column.default.as_deref() == Some(nextval.as_str()) {
                    column.identity = Some(Identity {
                        kind: "serial".to_owned(),
                        options,
                        sequence: None,
                    });
                    true
                } else {
                    false
                };
                if owned {
                    self.forget_sequence(oid);
                    continue;
                }
            } else if row.str(10) == Some("i") {
                // An inherited identity column of a partition.
                self.forget_sequence(oid);
                continue;
            }
            let owned_by = owner_column.and_then(|(table, column)| {
                let place = self.places.get(&('c', table))?;
                Some(format!(
                    "OWNED BY {}.{}",
                    qualified(&place.key, &place.name),
                    quoted(&column)
                ))
            });
            let Some(place) = self.places.get(&('c', oid)).cloned() else {
                continue;
            };
            let options = sequence_options(row, &data_type, data_type != "bigint");
            if let Some(object) = self.object(('c', oid)) {
                let name = qualified(&place.key, &place.name);
                let create = format!("CREATE SEQUENCE {name} {options}");
                create.trim_end().clone_into(&mut object.create);
                object.labels = owned_by.into_iter().collect();
                object.definition = options;
            }
        }
    }

    fn forget_sequence(&mut self, oid: u32) {
        if let Some(place) = self.places.remove(&('c', oid))
            && let Some(schema) = self.schemas.get_mut(&place.key)
            && let Some(sequences) = schema.objects.get_mut(&ObjectKind::Sequence)
        {
            sequences.remove(&place.name);
            if sequences.is_empty() {
                schema.objects.remove(&ObjectKind::Sequence);
            }
        }
    }

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
            let invalid = (!row.is(12)).then(|| "true".to_owned());
            if row.is(4) {
                table.primary_key = Some(PrimaryKey {
                    parts: keys,
                    include,
                    options: invalid
                        .map(|yes| ("invalid".to_owned(), yes))
                        .into_iter()
                        .collect(),
                    attributes: row
                        .get(8)
                        .map(|with| format!("WITH ({with})"))
                        .unwrap_or_default(),
                    ..PrimaryKey::default()
                });
                if row.is(13) {
                    table.options.insert(
                        "replica identity".to_owned(),
                        format!("USING INDEX {}", quoted(&name)),
                    );
                }
                if row.is(14) {
                    table.options.insert("cluster on".to_owned(), quoted(&name));
                }
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
            option("with", row.get(8));
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
            if row.is(13) {
                table.options.insert(
                    "replica identity".to_owned(),
                    format!("USING INDEX {}", quoted(&name)),
                );
            }
            if row.is(14) {
                table.options.insert("cluster on".to_owned(), quoted(&name));
            }
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

    pub(super) fn constraints(&mut self, rows: &[TextRow]) {
        for row in rows {
            let table_oid = row.number(3);
            let name = row.text(1);
            let numbers = row.numbers(6);
            let names: Vec<String> = self
                .columns
                .get(&table_oid)
                .map(|columns| {
                    numbers
                        .iter()
                        .filter_map(|number| columns.get(number).cloned())
                        .collect()
                })
                .unwrap_or_default();
            let referred_key = row.str(8).map(|schema| {
                self.namespaces
                    .iter()
                    .find(|namespace| namespace.name == schema)
                    .map_or_else(|| schema.to_owned(), |namespace| namespace.key.clone())
            });
            let own_key = self
                .places
                .get(&('c', table_oid))
                .map(|place| (place.key.clone(), place.name.clone()));
            let Some((own_key, table_name)) = own_key else {
                continue;
            };
            let Some(table) = self.table(table_oid) else {
                continue;
            };
            let deferrable = match (row.is(14), row.is(15)) {
                (true, true) => "DEFERRABLE INITIALLY DEFERRED",
                (true, false) => "DEFERRABLE",
                _ => "",
            };
            let comment = row.get(20);
            match row.str(2).unwrap_or_default() {
                "p" => {
                    if let Some(key) = &mut table.primary_key {
                        key.name = Some(name).filter(|name| *name != format!("{table_name}_pkey"));
                        key.attributes = joined_words(&[&key.attributes, deferrable]);
                        key.comment = comment;
                    }
                }
                kind @ ("u" | "x") => {
                    if let Some(index) = table.indexes.get_mut(&name) {
                        index.constraint = true;
                        index.create = row.get(19);
                        if kind == "x" {
                            index.unique = false;
                            index.options.insert("exclude".to_owned(), row.text(19));
                        } else if !deferrable.is_empty() {
                            index
                                .options
                                .insert("deferrable".to_owned(), deferrable.to_owned());
                        }
                        if let Some(comment) = comment {
                            index
                                .options
                                .insert("comment on constraint".to_owned(), comment);
                        }
                    }
                }
                "f" => {
                    let schema = referred_key
                        .filter(|key| *key != own_key)
                        .unwrap_or_default();
                    let key = ForeignKey {
                        columns: names,
                        schema,
                        table: row.text(9),
                        referred: unquoted_list(&row.text(10)),
                        on_update: action(row.str(11)).to_owned(),
                        on_delete: format!("{}{}", action(row.str(12)), set_columns(&row.text(19))),
                        attributes: joined_words(&[
                            if row.str(13) == Some("f") {
                                "MATCH FULL"
                            } else {
                                ""
                            },
                            deferrable,
                            if row.is(16) { "" } else { "NOT VALID" },
                        ]),
                        comment,
                    };
                    table.foreign_keys.insert(name, key);
                }
                "c" => {
                    let check = Check {
                        expression: row.text(18),
                        attributes: joined_words(&[
                            if row.is(17) { "NO INHERIT" } else { "" },
                            if row.is(16) { "" } else { "NOT VALID" },
                        ]),
                        comment,
                    };
                    table.checks.insert(name, check);
                }
                _ => {}
            }
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
    option("with", row.get(5));
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

/// What differs from the defaults, which are those of the sequence's type and direction.
fn sequence_options(row: &TextRow, data_type: &str, with_type: bool) -> String {
    let (lowest, highest) = match data_type {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let start: i64 = row.number(2);
    let increment: i64 = row.number(3);
    let (minimum, maximum): (i64, i64) = (row.number(4), row.number(5));
    let cache: i64 = row.number(6);
    let (default_minimum, default_maximum) = if increment < 0 {
        (lowest, -1)
    } else {
        (1, highest)
    };
    let default_start = if increment < 0 { maximum } else { minimum };
    let mut options = Vec::new();
    if with_type {
        options.push(format!("AS {data_type}"));
    }
    for (words, value, default) in [
        ("START WITH", start, default_start),
        ("INCREMENT BY", increment, 1),
        ("MINVALUE", minimum, default_minimum),
        ("MAXVALUE", maximum, default_maximum),
        ("CACHE", cache, 1),
    ] {
        if value != default {
            options.push(format!("{words} {value}"));
        }
    }
    if row.is(7) {
        options.push("CYCLE".to_owned());
    }
    options.join(" ")
}

fn action(code: Option<&str>) -> &'static str {
    match code {
        Some("r") => "RESTRICT",
        Some("c") => "CASCADE",
        Some("n") => "SET NULL",
        Some("d") => "SET DEFAULT",
        _ => "",
    }
}

/// ` (a, b)` of `ON DELETE SET NULL (a, b)`, which only the definition has.
fn set_columns(definition: &str) -> String {
    let after = ["ON DELETE SET NULL ", "ON DELETE SET DEFAULT "]
        .iter()
        .find_map(|words| definition.split_once(words))
        .map(|(_, after)| after);
    match after {
        Some(after) if after.starts_with('(') => {
            let list = after.split_inclusive(')').next().unwrap_or_default();
            format!(" {list}")
        }
        _ => String::new(),
    }
}

/// The names of `a,"b""c",d`.
fn unquoted_list(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut inside = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if inside && characters.peek() == Some(&'"') => {
                characters.next();
                name.push('"');
            }
            '"' => inside = !inside,
            ',' if !inside => names.push(std::mem::take(&mut name)),
            other => name.push(other),
        }
    }
    names.push(name);
    names
}

pub(super) fn joined_words(words: &[&str]) -> String {
    let words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_are_taken_apart() {
        assert_eq!(unquoted_list("a,\"b\"\",\",c"), ["a", "b\",", "c"]);
        assert_eq!(
            set_columns("FOREIGN KEY (a, b) REFERENCES t(a, b) ON DELETE SET NULL (a, b)"),
            " (a, b)"
        );
        assert_eq!(
            set_columns("FOREIGN KEY (a) REFERENCES t(a) ON DELETE SET NULL"),
            ""
        );
    }
}
