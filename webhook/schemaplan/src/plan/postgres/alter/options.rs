//! What else is said of a table.

use crate::plan::Refusal;

use super::parentage::{columns_of_other_parents, give_up_checks};
use super::{Subject, Work, statement};
use crate::plan::postgres::partitions::is_of_a_part;
use crate::plan::postgres::text::{names, qualified, quote};

pub(super) fn change_option(
    subject: &Subject<'_, '_>,
    option: &str,
    (old, new): (Option<&str>, Option<&str>),
    work: &mut Work,
) {
    let table = qualified(subject.schema, subject.name);
    let purpose = format!("modify table {}", subject.name);
    let yes = |yes: &'static str, no: &'static str| if new.is_some() { yes } else { no };
    let refuse = |reason: String| Refusal {
        object: format!("table {}", subject.name),
        reason,
    };
    match option {
        "unlogged" => {
            let sql = format!("ALTER TABLE {table} SET {}", yes("UNLOGGED", "LOGGED"));
            // A table that is logged refers to none that is not: those that refer lose it first, and get it last.
            let place = if new.is_some() { &mut work.backwards } else { &mut work.after };
            place.push(statement(sql, purpose));
        }
        "with" => {
            work.changed.extend(set_and_reset(old, new));
        }
        "row level security" => work
            .changed
            .push(format!("{} ROW LEVEL SECURITY", yes("ENABLE", "DISABLE"))),
        "force row level security" => work
            .changed
            .push(format!("{} ROW LEVEL SECURITY", yes("FORCE", "NO FORCE"))),
        "replica identity" => {
            let sql = format!(
                "ALTER TABLE {table} REPLICA IDENTITY {}",
                new.unwrap_or("DEFAULT")
            );
            // The columns of the index can hold NULL only when it is that no more, and another has to be there first.
            let place = if new.is_some_and(|new| is_of_a_part(subject.name, subject.new, new)) {
                &mut work.late
            } else if new.is_some_and(|new| new.starts_with("USING INDEX ")) {
                &mut work.after
            } else {
                &mut work.before
            };
            place.push(statement(sql, purpose));
        }
        "tablespace" => {
            let sql = format!(
                "ALTER TABLE {table} SET TABLESPACE {}",
                quote(new.unwrap_or("pg_default"))
            );
            work.after.push(statement(sql, purpose));
        }
        "using" if subject.version.0 >= 15 => {
            let sql = format!(
                "ALTER TABLE {table} SET ACCESS METHOD {}",
                quote(new.unwrap_or("heap"))
            );
            work.after.push(statement(sql, purpose));
        }
        "partition bound" if old.is_some() && new.is_some() => {
            // The bound of a partition cannot be changed; it can leave and come back in one transaction, and its rows are looked at.
            let parent = subject.old.options.get("partition of");
            let parent = parent.map(String::as_str).unwrap_or_default();
            if !subject.is_detached {
                let sql = format!("ALTER TABLE {parent} DETACH PARTITION {table}");
                work.before.push(statement(sql, purpose.clone()));
            }
            let bound = new.unwrap_or_default();
            let sql = format!("ALTER TABLE {parent} ATTACH PARTITION {table} {bound}");
            work.before.push(statement(sql, purpose));
        }
        "partition bound" => {}
        "inherits" => {
            let parents = |list: Option<&str>| -> Vec<String> {
                let all = list.into_iter().flat_map(names);
                all.map(str::to_owned).collect()
            };
            let (was, is) = (parents(old), parents(new));
            for parent in was.iter().filter(|parent| !is.contains(parent)) {
                let sql = format!("ALTER TABLE {table} NO INHERIT {parent}");
                work.before.push(statement(sql, purpose.clone()));
            }
            give_up_checks(subject, work);
            // What a parent that stays gains and loses, its children do with it.
            if !was.iter().any(|parent| is.contains(parent)) {
                columns_of_other_parents(subject, work);
            }
            for parent in is.iter().filter(|parent| !was.contains(parent)) {
                let sql = format!("ALTER TABLE {table} INHERIT {parent}");
                work.after.push(statement(sql, purpose.clone()));
            }
        }
        "of" => {
            let action = match new {
                Some(of) => format!("OF {of}"),
                None => "NOT OF".to_owned(),
            };
            let sql = format!("ALTER TABLE {table} {action}");
            let place = if new.is_none() { &mut work.before } else { &mut work.after };
            place.push(statement(sql, purpose));
        }
        "partition by" => work.refusals.push(refuse(format!(
            "the partition key cannot be changed from {} to {} in place: make a new table, copy the rows, and drop this one",
            old.unwrap_or("none"),
            new.unwrap_or("none")
        ))),
        "cluster on" => {
            let action = match new {
                Some(index) => format!("CLUSTER ON {index}"),
                None => "SET WITHOUT CLUSTER".to_owned(),
            };
            let sql = format!("ALTER TABLE {table} {action}");
            let is_of_a_part = new.is_some_and(|new| is_of_a_part(subject.name, subject.new, new));
            let place = if is_of_a_part {
                &mut work.late
            } else {
                &mut work.after
            };
            place.push(statement(sql, purpose));
        }
        other if setting_of(other).is_some() => {
            let Some((setting, column)) = setting_of(other) else {
                return;
            };
            let mut columns = subject.new.columns.keys();
            if columns.any(|name| quote(name) == column) {
                for action in column_setting(setting, old, new) {
                    let sql = format!("ALTER TABLE {table} ALTER COLUMN {column} {action}");
                    work.after.push(statement(sql, purpose.clone()));
                }
            }
        }
        other => work.refusals.push(refuse(format!(
            "\"{other}\" cannot be changed from {} to {} in place: make a new table, copy the rows, and drop this one",
            old.unwrap_or("none"),
            new.unwrap_or("none")
        ))),
    }
}

/// `storage of "a"` as the setting and the column.
pub(super) fn setting_of(option: &str) -> Option<(&str, &str)> {
    let (setting, column) = option.split_once(" of ")?;
    matches!(
        setting,
        "storage" | "compression" | "statistics" | "options"
    )
    .then_some((setting, column))
}

/// The settings of columns among a new table's options, as actions of `ALTER TABLE`.
pub(in crate::plan::postgres) fn new_column_settings(option: &str, value: &str) -> Vec<String> {
    let Some((setting, column)) = setting_of(option) else {
        return Vec::new();
    };
    let actions = column_setting(setting, None, Some(value)).into_iter();
    actions
        .map(|action| format!("ALTER COLUMN {column} {action}"))
        .collect()
}

/// What follows `ALTER COLUMN ..`.
fn column_setting(setting: &str, old: Option<&str>, new: Option<&str>) -> Vec<String> {
    match setting {
        "storage" => vec![format!("SET STORAGE {}", new.unwrap_or("EXTENDED"))],
        "compression" => vec![format!("SET COMPRESSION {}", new.unwrap_or("default"))],
        "statistics" => vec![format!("SET STATISTICS {}", new.unwrap_or("-1"))],
        _ => set_and_reset(old, new),
    }
}

/// From one list of `name=value` to another.
pub(in crate::plan::postgres) fn set_and_reset(
    old: Option<&str>,
    new: Option<&str>,
) -> Vec<String> {
    let settings = |text: Option<&str>| -> Vec<(String, String)> {
        let all = text.unwrap_or_default().split(", ");
        all.filter_map(|setting| setting.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let (was, is) = (settings(old), settings(new));
    let set: Vec<String> = is
        .iter()
        .filter(|setting| !was.contains(setting))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let reset: Vec<String> = was
        .iter()
        .filter(|(name, _)| is.iter().all(|(kept, _)| kept != name))
        .map(|(name, _)| name.clone())
        .collect();
    let words = [("SET", set), ("RESET", reset)];
    words
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} ({})", names.join(", ")))
        .collect()
}
