//! Policy `unsafe-sql`: SQL that loses data, gives rights away, reaches files or hides something.
//!
//! It judges the SQL in AtlasSchema (`spec.schema.sql`, what the database should become), AtlasMigration (`spec.dir.local`, what is run) and
//! `ConfigMaps` with the label `gate.tidegate.dev/sql`, and the statements of a plan just before they are run. The path of a request: [`document`] finds the texts and the dialect,
//! [`review`](mod@review) has `sqlplan` split, read and compare them, and hands what it sees to the rules in [`rules`], one file each, with
//! the page that explains it and is its test.
//!
//! It fails closed: what it cannot read is a finding, at its place, and so is what it may not see. What it does not do: connect to a
//! database, or read what an object names.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod comparison;
mod created;
mod document;
mod findings;
mod reading;
mod review;
mod rules;
mod settings;
mod waiver;

use std::borrow::Cow;

use tidegate_policy_sdk::export_policy;
use tidegate_policy_sdk::prelude::{Info, Match, Policy, Request, Verdict};

pub use settings::{Database, Profile, Settings, Waivers};

/// The policy.
#[derive(Debug)]
pub struct UnsafeSql;

impl Policy for UnsafeSql {
    type Settings = Settings;
    const INFO: Info = Info::new(
        "unsafe-sql",
        env!("CARGO_PKG_VERSION"),
        "SQL that loses data, gives rights away, reaches files or \
                 hides something is not let through.",
    )
    .matches(&[
        Match::kinds("db.atlasgo.io", &["AtlasSchema", "AtlasMigration"]),
        Match::kinds("", &["ConfigMap"]),
    ])
    .rules(rules::METADATA);

    fn settings_schema() -> Cow<'static, str> {
        include_str!("settings.schema.json").trim_end().into()
    }

    fn check_settings(settings: &Settings) -> Vec<String> {
        settings.problems()
    }

    fn review(request: &Request, settings: &Settings, verdict: &mut Verdict) {
        review::review(request, settings, verdict);
    }
}

export_policy!(UnsafeSql);
