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

use jiff::Timestamp;
use tidegate_model::ObjectKey;
use tracing::error;

use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;

mod act;
mod decide;
mod gather;
mod planning;
mod response;
mod snapshot;
mod wish;

pub use act::Outcome;
use act::act;
pub use decide::{conclude, decide};
use gather::gather;
pub use snapshot::{Cause, Problem, Snapshot, Status, Step};

/// One look at one object, and what follows from it.
///
/// # Errors
/// The API server failed.
pub(crate) async fn reconcile<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Next, ApiError> {
    let Some(mut gathered) = gather(context, key).await? else {
        return Ok(Next::Gone);
    };
    let pacing = context.settings.pacing.clone();
    let snapshot = gathered.snapshot.clone();
    // Reading SQL takes time in proportion to its length: not on a thread that answers others.
    let deciding =
        tokio::task::spawn_blocking(move || decide(&snapshot, Timestamp::now(), &pacing));
    let steps = match deciding.await {
        Ok(steps) => steps,
        Err(problem) => {
            error!(%problem, "deciding ended early; it is tried again");
            return Ok(Next::Retry);
        }
    };
    let (outcome, requeue) = act(context, &mut gathered, steps).await?;
    let steps = conclude(
        &gathered.snapshot,
        &outcome,
        Timestamp::now(),
        &context.settings.pacing,
    );
    let (_, later) = act(context, &mut gathered, steps).await?;
    Ok(requeue.or(later).map_or(Next::Rest, Next::After))
}
