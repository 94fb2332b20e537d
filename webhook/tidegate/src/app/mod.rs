//! `tidegate app`: what the reconciler thinks of applications and their resources, asked from a shell. What needs no cluster has none.

mod health;

use clap::Subcommand;

/// What to ask.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Say how healthy an object is, as Argo CD would: built-in rules and Lua customizations, with no cluster.
    Health(health::HealthArgs),
}

/// Answers. True, as none of these judges anything.
pub(crate) fn run(command: AppCommand) -> anyhow::Result<bool> {
    match command {
        AppCommand::Health(args) => health::run(&args).map(|()| true),
    }
}
