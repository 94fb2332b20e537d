//! A schema that is applied before its database runs.

use tidegate_model::object::kind;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::error(
    "schema-before-database",
    "An AtlasSchema or AtlasMigration is not in a later wave than its database",
    include_str!("schema_before_database.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let mut told = Vec::new();
    for (link, user, provider) in set.links(Need::Database).take(MOST) {
        let (user_name, provider_name) = (set.describe(link.user), set.describe(link.provider));
        let is_service = kind(set.object(link.provider)) == "Service";
        if set
            .object(link.provider)
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            == Some(0)
        {
            let message = format!(
                "{user_name} uses {provider_name} ({}), which runs no pod: its replicas are 0",
                link.via
            );
            findings.push(
                set.finding(&RULE, link.user, message)
                    .severity(Severity::Warning)
                    .suggest("Write replicas: 1"),
            );
        }
        // A Service is ready when it is made, so the same wave will do.
        if user > provider || (is_service && user == provider) || told.contains(&link.user) {
            continue;
        }
        told.push(link.user);
        let (severity, consequence) = if user < provider {
            (
                Severity::Error,
                "its database does not exist yet, and Argo CD does not go on before it is ready",
            )
        } else {
            (
                Severity::Warning,
                "Argo CD does not wait for the database within a wave, and a schema that cannot connect is Degraded, which fails a sync of several waves",
            )
        };
        let message = format!(
            "{user_name} uses the database of {provider_name} ({}): {consequence}",
            link.via
        );
        findings.push(
            set.finding(&RULE, link.user, message)
                .severity(severity)
                .suggest(format!(
                    "Give {} wave {}",
                    named(set.object(link.user)),
                    provider.wave.saturating_add(1)
                )),
        );
    }
}
