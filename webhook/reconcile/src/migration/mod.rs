//! AtlasMigration: bring a database through versioned migrations.
//!
//! The same four parts as [`crate::schema`]: *gather* reads the folder and the table of revisions, *decide* says what to do about what is pending, *act*
//! asks the gate about the files and runs them, *conclude* says how that ended.
//!
//! What is promised here:
//!
//! - `atlas.sum`, directives, checks of `atlas:txtar`, the table of revisions and the lock are Atlas' own: the `atlas` command line and this agree on what a
//!   database has, and do not run at once;
//! - the gate is asked about the pending files, whole, before the first statement of the first one, and its silence is a "no";
//! - what was judged is what runs: should something else be pending by then, nothing runs;
//! - a file that failed halfway is gone on with once it is mended, and the status tells the last version that is there as a whole;
//! - a folder that ends before what the database has is gone back to only where the object says so, by a plan that the gate has judged;
//! - deleting the object leaves the database alone.

use jiff::Timestamp;
use tidegate_model::ObjectKey;

use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;

mod act;
mod decide;
mod gather;
mod remote;
mod snapshot;
mod wish;

pub use act::Outcome;
use act::act;
pub use decide::{conclude, decide};
use gather::gather;
pub(crate) use gather::{directory, problem, settings};
pub use snapshot::{DriftCheck, PendingFile, Seen, Snapshot, Status, Step, Wish};

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
    let pacing = &context.settings.pacing;
    let steps = decide(&gathered.snapshot, Timestamp::now(), pacing);
    let (outcome, requeue) = act(context, &mut gathered, steps).await?;
    let steps = conclude(&gathered.snapshot, &outcome, Timestamp::now(), pacing);
    let (_, later) = act(context, &mut gathered, steps).await?;
    Ok(requeue.or(later).map_or(Next::Rest, Next::After))
}
