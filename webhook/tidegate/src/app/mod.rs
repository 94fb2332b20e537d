//! `tidegate app`: what Argo CD does with an Application, asked and answered with no Argo CD.

mod health;
mod plan;

use anyhow::Result;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Say how healthy an object is, as Argo CD would: built-in rules and Lua customizations, with no cluster.
    ///
    /// With `-o json`: `status` and `message`, both null where nothing says what health means for the kind. Several objects give a list, each with `object`.
    Health(health::HealthArgs),
    /// Show what a sync would do, step by step, from files alone.
    ///
    /// Nothing is asked of a cluster: every object is taken to become healthy. With `-o json` the output is one object. `steps`, in order, each with
    /// `action`, `phase`, `wave`, `group`, `kind`, `namespace`, `name` and `hook`; actions are `create` (not there yet), `apply` (over what differs),
    /// `replace`, `update`, `prune`, `skipPrune`, `delete` (a hook, by its policy) and `wait` (with a `message`); what is unchanged has no step.
    /// `resources`, each with `group`, `kind`, `namespace`, `name`, `status` (`Synced`, `OutOfSync`, null for hooks), `requiresPruning`, `hook` and
    /// `differences` (JSON pointers, never values). `sync`: `Synced` or `OutOfSync`. `operation`: how the sync would end.
    Plan(plan::PlanArgs),
}

pub(crate) fn run(command: &AppCommand) -> Result<bool> {
    match command {
        AppCommand::Health(args) => health::run(args).map(|()| true),
        AppCommand::Plan(args) => plan::run(args).map(|()| true),
    }
}
