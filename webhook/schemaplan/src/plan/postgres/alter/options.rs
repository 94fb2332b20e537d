//! What else is said of a table.

use crate::plan::Refusal;

use super::{Subject, Work, statement};
use crate::plan::postgres::text::{qualified, quote};

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
            work.after.push(statement(sql, purpose));
        }
        "with" => {
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
            if !set.is_empty() {
                work.changed.push(format!("SET ({})", set.join(", ")));
            }
            if !reset.is_empty() {
                work.changed.push(format!("RESET ({})", reset.join(", ")));
            }
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
            work.after.push(statement(sql, purpose));
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
            for sql in [
                format!("ALTER TABLE {parent} DETACH PARTITION {table}"),
                format!(
                    "ALTER TABLE {parent} ATTACH PARTITION {table} {}",
                    new.unwrap_or_default()
                ),
            ] {
                work.before.push(statement(sql, purpose.clone()));
            }
        }
        "partition bound" => {}
        "partition by" => work.refusals.push(refuse(format!(
            "the partition key cannot be changed from {} to {} in place: make a new table, copy the rows, and drop this one",
            old.unwrap_or("none"),
            new.unwrap_or("none")
        ))),
        other if other.starts_with("storage of ") => {
            let column = other.trim_start_matches("storage of ");
            let stays = subject
                .new
                .columns
                .keys()
                .any(|name| quote(name) == column);
            if stays {
                let storage = new.unwrap_or("EXTENDED");
                let sql = format!("ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {storage}");
                work.after.push(statement(sql, purpose));
            }
        }
        other => work.refusals.push(refuse(format!(
            "\"{other}\" cannot be changed from {} to {} in place: make a new table, copy the rows, and drop this one",
            old.unwrap_or("none"),
            new.unwrap_or("none")
        ))),
    }
}
