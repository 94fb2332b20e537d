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
//! - what would lose rows or columns never runs the first time, and later only when somebody approved exactly this plan by its hash
//!   (`gate.tidegate.dev/approve`), or the object says that it may; the refusal says what would be lost;
//! - the gate is asked about the very statements that run, before the first of them, and its silence is a "no";
//! - a plan runs on the database that it was made from, or not at all;
//! - a database that somebody else changed is brought back, or only reported (`gate.tidegate.dev/drift`);
//! - every failure is tried again, with a wait that doubles up to a cap (the Atlas operator gives most of them up after one try);
//! - nothing is written to the API server when nothing changed;
//! - deleting the object leaves the database alone. A plan that has begun when it is deleted comes to its end.

use jiff::Timestamp;
use tidegate_model::ObjectKey;
use tracing::error;

use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;

mod act;
mod decide;
mod drift;
mod gather;
mod planning;
pub(crate) mod remembered;
mod response;
pub(crate) mod settled;
mod snapshot;
pub(crate) mod text;
pub(crate) mod wish;

pub use act::Outcome;
use act::act;
pub use decide::{conclude, decide};
use gather::{gather, settle};
pub use snapshot::{Review, Seen, Sides, Snapshot, Status, Step, Wish};

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
    // Comparing takes time in proportion to the schema: not on a thread that answers others.
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
    if matches!(outcome, Outcome::Applied { .. }) {
        settle(context, &mut gathered).await;
    }
    Ok(requeue.or(later).map_or(Next::Rest, Next::After))
}
