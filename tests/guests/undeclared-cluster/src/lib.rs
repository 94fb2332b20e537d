//! A policy that looks at the cluster but does not say so in its capabilities: the host must refuse to load it.

use tidegate_policy_sdk::cluster;
use tidegate_policy_sdk::prelude::*;

/// The policy.
#[derive(Debug)]
pub struct UndeclaredCluster;

impl Policy for UndeclaredCluster {
    type Settings = NoSettings;
    const INFO: Info = Info::new("undeclared-cluster", "0.1.0", "Looks around unasked.")
        .matches(&[Match::kinds("*", &["*"])]);

    fn review(_: &Request, _: &NoSettings, verdict: &mut Verdict) {
        let secrets = cluster::list("", "Secret", None);
        verdict.audit("secrets", secrets.len().to_string());
    }
}

export_policy!(UndeclaredCluster);
