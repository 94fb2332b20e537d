//! AtlasSchema: bring a database to a wanted schema.
//!
//! ```text
//! gather (API server, Secret, database)  ->  Snapshot        plain data, serializable: a bug report is a file
//! decide (Snapshot, now)                 ->  [Step]          pure
//! act    ([Step])                        ->  Outcome         asks the gate, runs the statements
//! conclude (Snapshot, Outcome, now)      ->  [Step]          pure: the status to write and when to look again
//! ```
//!
//! What is promised here and tested in `decide`:
//!
//! - nothing but additive statements run, all of one plan or none; anything else is refused with a condition that says what and why;
//! - the gate is asked about the very statements that run, before the first of them, and its silence is a "no";
//! - every failure is tried again, with a wait that doubles up to a cap (the Atlas operator gives most of them up after one try);
//! - nothing is written to the API server when nothing changed;
//! - deleting the object leaves the database alone.

mod act;
mod decide;
mod gather;
mod planning;
mod response;
mod snapshot;
mod wish;

pub use act::Outcome;
pub(crate) use act::act;
pub use decide::{conclude, decide};
pub(crate) use gather::gather;
pub use snapshot::{Cause, Problem, Snapshot, Status, Step};
