//! `tidegate policy`: everything a policy author does, from an empty folder to a component that is judged like anyone's.

mod build;
mod inspect;
mod new;
mod test;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Start a policy: a folder with a rule, its page and its cases.
    New(new::NewArgs),
    /// Build the policy in a folder and make it a component.
    Build(build::BuildArgs),
    /// Run the cases in the policy's Markdown pages through the compiled component.
    Test(test::TestArgs),
    /// Say what a component is: rules, what it matches, its settings and what it needs.
    Inspect(inspect::InspectArgs),
}

/// Whether all is well.
pub(crate) async fn run(command: PolicyCommand) -> Result<bool> {
    match command {
        PolicyCommand::New(args) => new::run(&args).map(|()| true),
        PolicyCommand::Build(args) => build::run(&args).map(|()| true),
        PolicyCommand::Test(args) => test::run(&args).await,
        PolicyCommand::Inspect(args) => inspect::run(&args).await.map(|()| true),
    }
}
