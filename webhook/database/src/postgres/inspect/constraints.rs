//! Constraints: what they say of keys and indexes that are there already, foreign keys and checks.

use tidegate_schemaplan::{Check, ForeignKey};

use super::{Reader, joined_words};
use crate::postgres::wire::TextRow;

impl Reader<'_> {
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
            let holds = match (row.is(21), row.is(16)) {
                (false, _) => "NOT ENFORCED",
                (true, false) => "NOT VALID",
                (true, true) => "",
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
                            holds,
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
                            holds,
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
