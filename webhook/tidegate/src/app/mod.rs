//! `tidegate app`: what Argo CD does with an Application, asked and answered with no Argo CD.

mod plan;

use anyhow::Result;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Show what a sync would do, step by step, from files alone.
    Plan(plan::PlanArgs),
}

pub(crate) fn run(command: &AppCommand) -> Result<bool> {
    match command {
        AppCommand::Plan(args) => plan::run(args).map(|()| true),
    }
}
