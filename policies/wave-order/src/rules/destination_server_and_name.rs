//! A destination that names its cluster twice.

use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::error(
    "destination-server-and-name",
    "The destination gives both server and name",
    include_str!("destination_server_and_name.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    let (Some(server), Some(name)) = (application.server(), application.cluster_name()) else {
        return;
    };
    let message = format!(
        "spec.destination gives both server {} and name {}: Argo CD neither compares nor syncs the Application (InvalidSpecError)",
        quote(server),
        quote(name)
    );
    findings.push(
        Finding::new(&RULE, message)
            .at("/spec/destination")
            .suggest("Keep one: name for a cluster that is registered with Argo CD, server for its address"),
    );
}
