//! `tidegate migrate`: folders of versioned migrations, with and without a database.
//!
//! The folder is Atlas': `atlas.sum`, directives and the table of revisions are the ones that the `atlas` command line reads and writes.

mod database;
mod down;
mod drift;
mod folder;
mod import;
mod judged;
mod seal;
mod show;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use folder::entries;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Write a folder's atlas.sum.
    Hash(seal::HashArgs),
    /// Say whether a folder can be run: atlas.sum, versions, directives, and where statements end. Exits with 1 when not.
    Validate(seal::ValidateArgs),
    /// Take over a folder that was written for Flyway, golang-migrate, goose, dbmate or Liquibase (formatted SQL).
    Import(import::ImportArgs),
    /// Say what a database has of a folder, and what is pending.
    Status(database::StatusArgs),
    /// Say whether somebody changed a database beside its migrations. Exits with 1 when so.
    Drift(drift::DriftArgs),
    /// Go back to an earlier version: what the folder made since is taken away, by a plan that is shown and wants a yes. Exits with 1 when it is refused.
    Down(down::DownArgs),
    /// Run what is pending. Exits with 1 when it is refused or fails; what was done until then is kept or rolled back, and said.
    Apply(database::ApplyArgs),
}

pub(crate) async fn run(command: MigrateCommand) -> Result<bool> {
    match command {
        MigrateCommand::Hash(args) => seal::hash(&args).map(|()| true),
        MigrateCommand::Validate(args) => seal::validate(&args),
        MigrateCommand::Import(args) => import::run(&args),
        MigrateCommand::Status(args) => database::status(&args).await,
        MigrateCommand::Drift(args) => drift::run(&args).await,
        MigrateCommand::Down(args) => down::run(&args).await,
        MigrateCommand::Apply(args) => database::apply(&args).await,
    }
}
