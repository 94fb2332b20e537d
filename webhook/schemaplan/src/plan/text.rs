//! What every engine writes alike. Names come in the engine's own quotes.

use std::fmt::Write as _;

use crate::catalog::{Check, ForeignKey};

/// `CONSTRAINT c CHECK ..` of a table.
pub(super) fn check(quoted_name: &str, check: &Check) -> String {
    let mut sql = format!("CONSTRAINT {quoted_name} CHECK ({})", check.expression);
    if !check.attributes.is_empty() {
        let _ = write!(sql, " {}", check.attributes);
    }
    sql
}

/// ` ON UPDATE .. ON DELETE ..`, as far as it is not the default.
pub(super) fn actions(key: &ForeignKey) -> String {
    let mut sql = String::new();
    for (event, action) in [("UPDATE", &key.on_update), ("DELETE", &key.on_delete)] {
        if !action.is_empty() {
            let _ = write!(sql, " ON {event} {action}");
        }
    }
    sql
}
