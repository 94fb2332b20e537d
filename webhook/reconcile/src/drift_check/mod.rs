//! AtlasDriftCheck: look again and again whether somebody changed the database of an AtlasMigration beside its files, and say so. Nothing is changed.
//!
//! The files that the database has are run in a scratch place of its own server, and both are compared, holding the lock under which migrations run. (The Atlas
//! operator asks for an account of its maker, and for a dev database beside a folder that is not kept there; neither is needed here.) *gather* reads and compares,
//! *decide* says what the status becomes, in the operator's words, and when to look again.
//!
//! What is promised here:
//!
//! - a check that could not be made leaves the outcome of the last one in the status, and says `Unknown` of `Drifted`;
//! - while somebody migrates nothing is compared, and nothing that is known is forgotten;
//! - an event is told when drift appears, changes or goes, not with every check.

use jiff::Timestamp;
use tidegate_model::ObjectKey;

use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;
use crate::kinds::Kind;
use crate::{events, object};

mod decide;
mod gather;
mod snapshot;
mod wish;

pub use decide::decide;
use gather::gather;
pub use snapshot::{Failure, Seen, Snapshot, Step, Wish, Word};

/// One look at one object, and what follows from it.
///
/// # Errors
/// The API server failed.
pub(crate) async fn reconcile<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Next, ApiError> {
    let Some((snapshot, reference)) = gather(context, key).await? else {
        return Ok(Next::Gone);
    };
    let mut next = Next::Rest;
    for step in decide(&snapshot, Timestamp::now()) {
        match step {
            Step::WriteStatus(status) => {
                let kind = Kind::AtlasDriftCheck;
                object::write_status(context, kind, key, &reference, status.as_ref()).await?;
            }
            Step::Tell(told) => events::tell(context, &reference, [told]).await,
            Step::Requeue(wait) => next = Next::After(wait),
        }
    }
    Ok(next)
}
