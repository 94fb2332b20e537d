//! stub
use super::snapshot::{Cause, Problem};
use tidegate_database::Inspection;
pub(super) struct Planned {
    pub(super) statements: Vec<String>,
    pub(super) hash: String,
}
pub(super) fn plan(
    wanted: &str,
    present: &Inspection,
    _first_run: bool,
) -> Result<Planned, Problem> {
    let _ = present;
    if wanted.is_empty() {
        return Err(Problem::new(Cause::SchemaPlan, "stub"));
    }
    Ok(Planned {
        statements: vec![],
        hash: String::new(),
    })
}
