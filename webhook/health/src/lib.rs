//! Is this object healthy? The answers of Argo CD, word for word, as pure functions over an object's JSON.
//!
//! Health is what opens the next wave of a sync, fails an operation and colours a dashboard, so people who move from Argo CD, or run both, need the
//! same answer to the same object, down to the message that a script greps for. This crate knows three sources of an answer and the order in which
//! they are asked (`gitops-engine/pkg/health/health.go` and `util/lua/lua.go` of Argo CD 3.5):
//!
//! 1. an object that is being deleted is `Progressing`, whatever it is, unless a script of its kind has something to say about that;
//! 2. the operator's Lua scripts ([`Customizations`]), exact kinds before wildcards;
//! 3. built-in rules for the kinds of Kubernetes itself and of widespread operators.
//!
//! An object of any other kind has no health, which is not the same as `Healthy`: it never holds a wave up and is left out of an application's health.
//!
//! The scripts are somebody else's program. They run without files, network, environment or clock, under limits for steps and memory; the time they may
//! ask for is an argument. The crate links Lua, which is C: it does no I/O, but unlike the other pure rooms it does not compile to WebAssembly.
//!
//! It does not say what an application's health is made of, nor when a wave may go on: that is `syncplan`'s work.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use serde_json::Value;

mod customizations;
mod error;
mod fields;
mod kinds;
mod lua;
mod status;
#[cfg(test)]
mod tests;

pub use customizations::{CustomizationError, Customizations};
pub use error::HealthError;
pub use lua::{Limits, Surroundings};
pub use status::{Health, Status};

use fields::{group_version_kind, list};

/// Argo CD puts it on hooks, so that they cannot vanish before their result was seen: with it, deletion is not yet news.
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// The health of a live object; none where nothing knows what health means for its kind.
pub fn assess(
    object: &Value,
    customizations: &Customizations,
    surroundings: &Surroundings,
) -> Result<Option<Health>, HealthError> {
    let kind = group_version_kind(object);
    let script = customizations.script(kind.group, kind.kind);
    let tells_deletion = script.is_some_and(|script| script.tells_deletion());
    if is_being_deleted(object) && !tells_deletion {
        return Ok(Some(Health::new(Status::Progressing, "Pending deletion")));
    }
    if let Some(script) = script {
        return lua::run(&script, object, surroundings).map(Some);
    }
    kinds::assess(&kind, object)
}

fn is_being_deleted(object: &Value) -> bool {
    let deleted = object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|time| !time.is_null());
    deleted
        && !list(object, "/metadata/finalizers")
            .iter()
            .any(|finalizer| finalizer == HOOK_FINALIZER)
}
