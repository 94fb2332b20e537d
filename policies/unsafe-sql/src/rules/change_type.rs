//! See `change_type.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{AlterAction, Column, Dialect, SqlType, Values};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "change-type",
    "A column in use gets another type",
    include_str!("change_type.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for (position, table, action) in judged.alterations() {
        let (column, to) = match action {
            AlterAction::SetType { column, data_type } => (column, data_type),
            // The server itself refuses what it cannot do without a copy, and narrowing is that.
            AlterAction::ModifyColumn { column, definition } if !judged.is_online() => {
                (column, &definition.column.data_type)
            }
            _ => continue,
        };
        let old = judged.created.column(table, column, dialect);
        let why = match old {
            Some(old) if is_free(old, to, dialect) => continue,
            Some(old) => format!("changes from {} to {to}", old.data_type),
            None => format!("becomes {to}, and what it was is not known here"),
        };
        let cost = if dialect == Dialect::Postgres {
            "every row is written again while nobody can read or write, and values that do not fit \
             stop it halfway"
        } else {
            "the table is copied while nobody can write, and values that do not fit are cut or \
             stop it halfway"
        };
        // Text of any length holds every value, and what becomes text is mostly a shorter text, which is only noted.
        let holds_all = dialect == Dialect::Postgres && to.values == Values::Characters(None);
        let severity = if old.is_none() && holds_all {
            Severity::Warning
        } else {
            Severity::Error
        };
        findings.push_as(
            severity,
            position,
            format!("column `{column}` of `{table}` {why}: {cost}"),
            &instead(column, dialect),
        );
    }
}

fn instead(column: &str, dialect: Dialect) -> String {
    let online = if dialect.is_mysql_like() {
        "; a change that copies nothing can say so: `.., ALGORITHM=INPLACE, LOCK=NONE`"
    } else {
        ""
    };
    format!(
        "add a column `{column}_new` of the new type, fill it in batches, move the programs, and \
         drop the old one a release later{online}"
    )
}

/// Whether the server only notes the new type and looks at no row.
fn is_free(old: &Column, to: &SqlType, dialect: Dialect) -> bool {
    let from = &old.data_type;
    if from == to {
        return true;
    }
    if dialect == Dialect::Postgres {
        let padded = |data_type: &SqlType| data_type.canonical.starts_with("char");
        return match (&from.values, &to.values) {
            (Values::Characters(from_length), Values::Characters(to_length)) => {
                !padded(from) && !padded(to) && is_wider(*from_length, *to_length)
            }
            (Values::Decimal(Some(_)), Values::Decimal(None)) => true,
            (Values::Decimal(Some((digits, scale))), Values::Decimal(Some((more, same)))) => {
                digits <= more && scale == same
            }
            (
                Values::Timestamp { zone, precision },
                Values::Timestamp {
                    zone: to_zone,
                    precision: to_precision,
                },
            ) => zone == to_zone && precision <= to_precision,
            _ => false,
        };
    }
    match (&from.values, &to.values) {
        // One byte says how long a value of up to 255 bytes is; a character has up to four.
        (Values::Characters(Some(length)), Values::Characters(Some(more))) => {
            let varying = |data_type: &SqlType| data_type.canonical.starts_with("varchar");
            let same_size = (*length <= 63) == (*more <= 63) || *length > 255;
            varying(from) && varying(to) && length <= more && same_size
        }
        (Values::Labels(labels), Values::Labels(more)) => {
            from.canonical.starts_with("enum") == to.canonical.starts_with("enum")
                && more.starts_with(labels)
                && more.len() <= 255
        }
        _ => false,
    }
}

fn is_wider(from: Option<u64>, to: Option<u64>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => from <= to,
    }
}
