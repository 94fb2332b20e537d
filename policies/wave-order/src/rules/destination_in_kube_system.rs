//! An application among the parts of the cluster itself.

use tidegate_model::application::Application;
use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "destination-in-kube-system",
    "An Application goes to a namespace of Kubernetes itself",
    include_str!("destination_in_kube_system.md"),
);

/// Namespaces that Kubernetes makes for itself.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Words of charts and folders of what belongs there: networking, storage drivers, metrics, DNS, the cloud's controllers.
const BELONGS_THERE: [&str; 22] = [
    "autoscaler",
    "calico",
    "cilium",
    "coredns",
    "csi",
    "descheduler",
    "dns",
    "flannel",
    "kube-proxy",
    "kube-vip",
    "karpenter",
    "kured",
    "load-balancer-controller",
    "metallb",
    "metrics-server",
    "node-problem-detector",
    "nvidia-device-plugin",
    "nodelocaldns",
    "reflector",
    "reloader",
    "sealed-secrets",
    "snapshot-controller",
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    let Some(namespace) = application
        .namespace()
        .filter(|namespace| SYSTEM.contains(namespace))
    else {
        return;
    };
    let severity = if belongs(application) {
        Severity::Info
    } else {
        Severity::Warning
    };
    let message = format!(
        "this Application goes to {namespace}, where the parts of Kubernetes live and where most policies look away"
    );
    findings.push(
        Finding::new(&RULE, message)
            .severity(severity)
            .at("/spec/destination/namespace")
            .suggest("Give it a namespace of its own"),
    );
}

fn belongs(application: Application) -> bool {
    let sources = application.sources();
    let names = sources
        .iter()
        .flat_map(|(_, source)| {
            ["chart", "path"].map(|field| source.get(field).and_then(Value::as_str))
        })
        .flatten();
    names
        .flat_map(|name| name.rsplit('/').take(3))
        .any(|part| BELONGS_THERE.iter().any(|word| part.contains(word)))
}
