//! Git repositories: which commit is meant, and its files.
//!
//! One repository is one [`Repository`], however many Applications come from it: one mirror on disk, one question for its branches and tags in an interval,
//! one check-out of a commit that all who render it share and nobody changes. Only the commit that is asked for is fetched, without its history.
//!
//! The program `git` does the work, told to trust nothing: no configuration but ours, no hooks, no protocol but the one the address names, no questions to
//! a terminal, no submodules, no large files by LFS.

pub(crate) mod address;
mod checkout;
mod mirror;
mod program;
mod range;
mod repository;
mod revision;
mod signature;

pub use address::normalized;
pub(crate) use address::{Address, host};
pub(crate) use range::{Range, Version};
pub(crate) use repository::{Freshness, Repositories, Repository};
