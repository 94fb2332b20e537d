//! The reconciler: watches to snapshots to plans to actions to status.
//!
//! An object that the gate admitted is brought about by the same process. For each kind there is one module with the same four parts:
//! *gather* looks once at everything a decision needs and writes it down as plain data; *decide* is a pure function from that to
//! steps; *act* does them; *conclude* is the pure function from how they ended to the status. A bug is therefore a file: a
//! serialized [`schema::Snapshot`] or [`application::Snapshot`] and the time. (An AtlasDriftCheck only looks: [`drift_check`] has nothing to act on.)
//!
//! Around the kinds, [`run`] is one loop: a watch of **metadata only** feeds a queue with one place for each object, a fixed number of workers takes from it,
//! and every result says when to look again. A worker reads its object from the API server when its turn comes, so it never decides
//! on a stale copy, and a thousand objects at rest cost a thousand names. An object that cannot be read is a condition on that
//! object and nothing to anybody else.
//!
//! What it needs to be allowed: get, list and watch `atlasschemas`, `atlasmigrations` and `atlasdriftchecks`, patch their `status`, and get, list and watch the Secrets and
//! `ConfigMaps` of the namespaces whose objects name some. Where one is missing, the condition of the object that needs it says so. For Applications: get,
//! list, watch and patch those, read what is in the control plane's namespace, and everything on what they deliver, whose kinds are watched as long as somebody
//! has objects of them. For an election: get, list, create, patch and delete Leases.
//!
//! This is the only room that names the Kubernetes client, and it names no database driver, no policy engine and no web server: the gate
//! comes in as a trait ([`gate::Gate`]), and so does whoever renders sources ([`render::Render`]). Several replicas share the objects by Leases ([`LeaseSettings`]): each object has one at a
//! time. Two would not corrupt a database all the same: its locks and transactions see to that.

pub mod application;
mod claims;
mod client;
mod cluster;
mod context;
mod control;
pub mod drift_check;
mod events;
pub mod gate;
mod inputs;
mod judged;
mod kinds;
mod leases;
mod live_watches;
mod metrics;
pub mod migration;
mod neighbour;
mod news;
mod object;
mod ours;
mod pacing;
pub mod problem;
mod queue;
mod references;
pub mod remote;
pub mod render;
pub mod schema;
mod scope;
mod settings;
mod shards;
mod standing;
mod target;
mod watches;
mod writes;

pub use client::connect;
pub use control::run;
pub use events::Told;
pub use gate::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};
pub use kinds::Kind;
pub use leases::LeaseSettings;
pub use metrics::Metrics;
pub use neighbour::leave_to_argo_cd;
pub use pacing::Pacing;
pub use problem::Problem;
pub use render::{NoRenderer, Render, RenderFailure, RenderRequest, Rendered};
pub use scope::{Labels, NoSelector, Scope};
pub use settings::{Drift, ReconcileError, ReconcileSettings};
