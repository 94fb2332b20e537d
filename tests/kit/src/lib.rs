//! A real Kubernetes control plane for one test run: etcd, kube-apiserver and, where asked for, the controller manager.
//!
//! Admission is a contract with the API server, and much of it is written nowhere but in its code: what it prunes before a
//! webhook sees an object, how it retries, which answers it takes for a failure. So the tests that matter talk to the real
//! program. It has no nodes: pods are stored and never run.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let plane = tidegate_kit::ControlPlane::start()?;
//! plane.install_crds()?;
//! plane.apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")?;
//! assert!(plane.kubectl(&["get", "namespace", "shop"], "")?.success());
//! # Ok(())
//! # }
//! ```
//!
//! Everything listens on loopback and free ports, lives in a folder of its own, and ends with its [`ControlPlane`]: when that
//! is dropped, and also when the process that holds it panics, exits or is killed (see [`guard`]). So a plane may sit in a
//! `static`, which Rust never drops: [`ControlPlane::shared`] does that for test binaries.
//!
//! The programs come from `tests/cluster/get`, which builds them the first time. If they cannot be had that is an error and
//! never a skipped test: a gate that was not tried against the real thing was not tried.

pub mod certificates;
mod flags;
pub mod git;
pub mod guard;
pub mod mariadb;
pub mod mysql;
pub mod pages;
mod places;
pub mod plane;
pub mod postgres;
pub mod proxy;
pub mod tools;
mod wire;

pub use git::git;
pub use mariadb::MariaDb;
pub use mysql::MySql;
pub use pages::pages;
pub use places::{free_port, on_small_disk};
pub use plane::{ControlPlane, Options};
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use tools::{Output, bin};
pub use wire::Wire;
