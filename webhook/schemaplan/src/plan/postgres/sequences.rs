//! Sequences that are there on both sides, and belong to somebody else on one of them: they keep what they have counted to.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Column, Object, ObjectKind, Table};
use crate::plan::Statement;

use super::objects::{owner, statement};
use super::text::{joined, literal, owned_sequence, qualified, quote, sequence_of, short_digest};
use super::{ObjectName, TableName, Work, alter};

/// Where a sequence may be.
pub(super) struct Range {
    pub(super) least: i64,
    pub(super) most: i64,
    pub(super) start: i64,
    pub(super) falls: bool,
}

impl Range {
    /// Of what the server writes of a sequence, which leaves out what is usual, or of a column's type.
    pub(super) fn of(definition: &str, data_type: &str) -> Self {
        let word = |option: &str| {
            let (_, behind) = definition.split_once(option)?;
            behind.split_whitespace().next()
        };
        let number = |option: &str| -> Option<i64> { word(option)?.parse().ok() };
        let bound = match word("AS ").unwrap_or(data_type) {
            "smallint" => i64::from(i16::MAX),
            "integer" => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        let falls = number("INCREMENT BY").is_some_and(|step| step < 0);
        let (least, most) = if falls { (-bound - 1, -1) } else { (1, bound) };
        let (least, most) = (
            number("MINVALUE").unwrap_or(least),
            number("MAXVALUE").unwrap_or(most),
        );
        let start = number("START WITH").unwrap_or(if falls { most } else { least });
        Self {
            least,
            most,
            start,
            falls,
        }
    }
}

/// What becomes of where a sequence stands, when its range changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Position {
    Stays,
    /// Nothing of the old range is in the new one, or it turns round.
    Restarts,
    /// It goes on from here if it has not come so far. A number is given twice by none of this.
    AtLeast(String),
}

/// Of a sequence as an SQL expression, from its definition and its type to others.
pub(super) fn position(sequence: &str, old: (&str, &str), new: (&str, &str)) -> Position {
    let (old, new) = (Range::of(old.0, old.1), Range::of(new.0, new.1));
    let is_apart = new.least > old.most || new.most < old.least;
    if is_apart || old.falls != new.falls {
        return Position::Restarts;
    }
    let (is_behind, beyond, edge) = if new.falls {
        (new.most < old.most, ">", new.most)
    } else {
        (new.least > old.least, "<", new.least)
    };
    if !is_behind {
        return Position::Stays;
    }
    let is_within = (old.least..=old.most).contains(&new.start);
    let goes_on = if is_within { new.start } else { edge };
    Position::AtLeast(format!(
        "SELECT setval({sequence}, {goes_on}, false) WHERE coalesce(pg_sequence_last_value({sequence}) {beyond} {edge}, true)"
    ))
}

/// Keeps for the session where the sequence of a column stands, for another one that takes its place.
pub(super) fn keep_position(table: TableName<'_>, column: &str) -> String {
    let sequence = owned_sequence(table, column);
    format!(
        "SELECT set_config('{}', coalesce(pg_sequence_last_value({sequence}::regclass)::text, ''), false)",
        kept_in(table, column)
    )
}

/// What was kept of it, as an SQL expression.
pub(super) fn kept_position(table: TableName<'_>, column: &str) -> String {
    let kept = kept_in(table, column);
    format!("nullif(current_setting('{kept}', true), '')::bigint")
}

/// Sets a new sequence of a column behind the last number that it, or (if `counted`) the one before it, gave or could have given. Where that is none of its range, it
/// begins where it begins.
pub(super) fn go_on(
    (table, column): (TableName<'_>, &str),
    sequence: &str,
    range: &Range,
    counted: bool,
) -> String {
    let (farthest, extreme, from, to) = if range.falls {
        ("least", "min", range.least, range.start)
    } else {
        ("greatest", "max", range.start, range.most)
    };
    let of_rows = format!("{extreme}({})", quote(column));
    let last = if counted {
        format!("{farthest}({of_rows}, {})", kept_position(table, column))
    } else {
        of_rows
    };
    let table = qualified(table.0, table.1);
    format!(
        "SELECT setval({sequence}, number) FROM (SELECT {last} AS number FROM {table}) AS last WHERE number BETWEEN {from} AND {to}"
    )
}

/// A statement that has to see all rows of a table, in one transaction with what lets it: policies that are forced hide rows from the owner as well.
pub(super) fn seeing_all(
    (schema, name): TableName<'_>,
    table: &Table,
    one: Statement,
) -> Vec<Statement> {
    if !table.options.contains_key("force row level security") {
        return vec![one];
    }
    let forced = |word: &str, together: bool| Statement {
        sql: format!(
            "ALTER TABLE {} {word} ROW LEVEL SECURITY",
            qualified(schema, name)
        ),
        together,
        ..one.clone()
    };
    let (before, behind) = (forced("NO FORCE", false), forced("FORCE", true));
    vec![
        before,
        Statement {
            together: true,
            ..one
        },
        behind,
    ]
}

/// The name of a setting: one for each column, of letters that the server takes.
fn kept_in((schema, table): TableName<'_>, column: &str) -> String {
    let digest = short_digest(&format!("{}.{}", qualified(schema, table), quote(column)));
    format!("tidegate.position_{digest}")
}

/// What makes a sequence count otherwise, by its name as it is written in SQL, and whether it begins anew: what it gives next may be there then.
pub(super) fn count_otherwise(
    shown: &str,
    old: (&str, &str),
    new: (&str, &str),
    purpose: &str,
) -> (Vec<Statement>, bool) {
    let options = alter::all_options(new.0, Some(new.1)).join(" ");
    let (first, restart) = match position(&literal(shown), old, new) {
        Position::Stays => (None, ""),
        Position::Restarts => (None, " RESTART"),
        Position::AtLeast(sql) => (Some(statement(sql, purpose)), ""),
    };
    let sql = format!("ALTER SEQUENCE {shown} {options}{restart}");
    let statements = first.into_iter().chain([statement(sql, purpose)]);
    (statements.collect(), !restart.is_empty())
}

/// Whether an object is the sequence that is called so: with quotes where it must have them, or throughout.
pub(super) fn is_sequence((schema, kind, name): &ObjectName<'_>, called: &str) -> bool {
    *kind == ObjectKind::Sequence
        && [joined(schema, name), qualified(schema, name)]
            .iter()
            .any(|spelling| spelling == called)
}

/// A column that owns a sequence and calls it: its schema, its table, its name.
type Owner<'a> = (&'a str, &'a str, &'a str);

impl<'a> Work<'a> {
    /// A sequence that a column's default calls on both sides, and that the column owns on one of them, is no new sequence.
    pub(super) fn adopt_sequences(&mut self) {
        let mut adopted: BTreeSet<String> = BTreeSet::new();
        for (old, new, _) in self.altered.values() {
            for (name, column) in &new.columns {
                let Some(before) = old.columns.get(name) else {
                    continue;
                };
                if before.default == column.default && before.identity != column.identity {
                    adopted.extend(sequence_of(before));
                    adopted.extend(sequence_of(column));
                }
            }
        }
        self.adopted = self.sequences_kept();
        adopted.extend(self.adopted.iter().cloned());
        self.change_adopted(&adopted);
        let is_adopted = |(schema, kind, name): &ObjectName<'_>| {
            *kind == ObjectKind::Sequence
                && [joined(schema, name), qualified(schema, name)]
                    .iter()
                    .any(|spelling| adopted.contains(spelling))
        };
        self.made.retain(|name, _| !is_adopted(name));
        self.unmade.retain(|name, _| !is_adopted(name));
    }

    /// An adopted sequence may count otherwise from now on: that of a `serial` is of its column's type, one by hand is a bigint.
    fn change_adopted(&mut self, adopted: &BTreeSet<String>) {
        let (old, new) = (owned(self.current), owned(self.desired));
        let by_hand = |objects: &BTreeMap<ObjectName<'a>, &'a Object>, sequence: &String| {
            let mut objects = objects.iter();
            let found = objects.find(|(name, _)| is_sequence(name, sequence));
            found.map(|(_, object)| object.definition.clone())
        };
        let serial = |owned: &BTreeMap<String, (Owner<'_>, &Column)>, sequence: &String| {
            owned.get(sequence).map(|(_, column)| definition(column))
        };
        for sequence in adopted {
            let changed = match (
                by_hand(&self.unmade, sequence),
                by_hand(&self.made, sequence),
            ) {
                (None, Some(after)) => serial(&old, sequence).map(|before| (before, after)),
                (Some(before), None) => serial(&new, sequence).map(|after| (before, after)),
                _ => None,
            };
            if let Some((before, after)) = changed.filter(|(before, after)| before != after) {
                let purpose = format!("modify sequence {sequence}");
                let counts = ((&*before, "bigint"), (&*after, "bigint"));
                let (statements, _) = count_otherwise(sequence, counts.0, counts.1, &purpose);
                self.renames.extend(statements);
            }
        }
    }

    /// The sequences that go on being owned by a column that calls them on one side only.
    fn sequences_kept(&self) -> BTreeSet<String> {
        let mut kept = BTreeSet::new();
        for (&(schema, _), (old, new, _)) in &self.altered {
            for (name, column) in &new.columns {
                let Some(before) = old.columns.get(name) else {
                    continue;
                };
                let (objects, spelled) = match (sequence_of(before), sequence_of(column)) {
                    (Some(was), None) => (&self.made, was),
                    (None, Some(is)) => (&self.unmade, is),
                    _ => continue,
                };
                let is_owned = objects
                    .iter()
                    .any(|(&(its_schema, kind, sequence), object)| {
                        let mut names =
                            [joined(schema, sequence), qualified(schema, sequence)].into_iter();
                        let owner = object.labels.first();
                        kind == ObjectKind::Sequence
                            && its_schema == schema
                            && names.any(|name| name == spelled)
                            && owner
                                .is_some_and(|owner| owner.ends_with(&format!(".{}", quote(name))))
                    });
                if is_owned {
                    kept.insert(spelled);
                }
            }
        }
        kept
    }

    /// A sequence that goes from one column to another, or from a column to none, or the other way.
    pub(super) fn move_sequences(&mut self) {
        let (old, new) = (owned(self.current), owned(self.desired));
        let find = |objects: &BTreeMap<ObjectName<'a>, &'a Object>, sequence: &str| {
            let mut objects = objects.iter();
            let found = objects.find(|(name, _)| is_sequence(name, sequence));
            found.map(|(name, object)| (*name, *object))
        };
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for sequence in names {
            let (was, is) = (old.get(sequence), new.get(sequence));
            let (made, unmade) = (find(&self.made, sequence), find(&self.unmade, sequence));
            let before = match (was, unmade) {
                (Some((_, column)), _) => definition(column),
                (None, Some((_, object))) => object.definition.clone(),
                (None, None) => continue,
            };
            let after = match (is, made) {
                (Some((_, column)), _) => definition(column),
                (None, Some((_, object))) => object.definition.clone(),
                (None, None) => continue,
            };
            let is_owned_alike = was.map(|(owner, _)| owner) == is.map(|(owner, _)| owner);
            if is_owned_alike || self.adopted.contains(sequence) {
                continue;
            }
            self.moved.insert(sequence.clone());
            let purpose = format!("move sequence {sequence}");
            if was.is_some() || unmade.is_some_and(|(_, object)| !object.labels.is_empty()) {
                let sql = format!("ALTER SEQUENCE {sequence} OWNED BY NONE");
                self.renames.push(statement(sql, &purpose));
            }
            if before != after {
                let counts = ((&*before, "bigint"), (&*after, "bigint"));
                let (statements, _) = count_otherwise(sequence, counts.0, counts.1, &purpose);
                self.renames.extend(statements);
            }
            if let Some((name, object)) = made {
                self.made.remove(&name);
                if !object.labels.is_empty() {
                    let shown = qualified(name.0, name.2);
                    self.owners.push(owner(&shown, &purpose, object));
                }
            }
            if let Some((name, _)) = unmade {
                self.unmade.remove(&name);
            }
        }
    }
}

/// The sequences that columns own and call, as the server writes their names.
fn owned(catalog: &Catalog) -> BTreeMap<String, (Owner<'_>, &Column)> {
    let tables = catalog.schemas.iter().flat_map(|(schema, held)| {
        let tables = held.tables.iter();
        tables.map(move |(name, table)| (schema.as_str(), name.as_str(), table))
    });
    let columns = tables.flat_map(|(schema, table, definition)| {
        let columns = definition.columns.iter();
        columns.filter_map(move |(name, column)| {
            Some((
                sequence_of(column)?,
                ((schema, table, name.as_str()), column),
            ))
        })
    });
    columns.collect()
}

/// What a column's sequence is, in the words of a sequence of its own.
fn definition(column: &Column) -> String {
    let options = column
        .identity
        .as_ref()
        .map_or("", |identity| &identity.options);
    if column.data_type == "bigint" || options.starts_with("AS ") {
        return options.to_owned();
    }
    format!("AS {} {options}", column.data_type)
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_begins_again_only_where_it_can_have_given_no_such_number() {
        let at_least = |value: i64, condition: &str| {
            Position::AtLeast(format!(
                "SELECT setval('s', {value}, false) WHERE coalesce(pg_sequence_last_value('s') {condition}, true)"
            ))
        };
        for (old, new, expected) in [
            ("", "CACHE 5", Position::Stays),
            ("MINVALUE 5", "MINVALUE 1 START WITH 3", Position::Stays),
            ("", "MAXVALUE 9", Position::Stays),
            ("", "START WITH 10 MINVALUE 10", at_least(10, "< 10")),
            (
                "MINVALUE -5 MAXVALUE 10 START WITH -3",
                "",
                at_least(1, "< 1"),
            ),
            (
                "MAXVALUE 100",
                "MINVALUE 50 MAXVALUE 900 START WITH 500",
                at_least(50, "< 50"),
            ),
            ("MAXVALUE 100", "MINVALUE 101", Position::Restarts),
            ("AS smallint", "MINVALUE 40000", Position::Restarts),
            ("", "INCREMENT BY -1", Position::Restarts),
            (
                "INCREMENT BY -1",
                "INCREMENT BY -2 MAXVALUE -7",
                at_least(-7, "> -7"),
            ),
        ] {
            let found = position("'s'", (old, "bigint"), (new, "bigint"));
            assert_eq!(found, expected, "{old} -> {new}");
        }
    }
}
