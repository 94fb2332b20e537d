//! SQLite.

use crate::catalog::Catalog;
use crate::diff::Change;
use crate::plan::{Plan, Refusal};
use crate::settings::Settings;

/// See [`crate::plan()`].
pub(super) fn plan(
    _current: &Catalog,
    _desired: &Catalog,
    changes: &[Change<'_>],
    _settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    if changes.is_empty() {
        return Ok(Plan::default());
    }
    Err(vec![Refusal {
        object: "database".to_owned(),
        reason: "changes of SQLite are not planned yet".to_owned(),
    }])
}
