//! The kinds whose health is built in: those of Kubernetes itself, Argo's Workflow, and what waves wait for most ([`operators`]).
//!
//! An Application has none, as in Argo CD since 1.8: one that manages others gives it a script, or the waves of its children do not wait.

use serde_json::Value;

use crate::fields::{GroupVersionKind, Typed};
use crate::{Health, HealthError};

mod autoscaler;
mod declared;
mod gateways;
mod operators;
mod rollout;
mod runs;
mod services;
mod workloads;

type Rule = fn(&Typed<'_>) -> Result<Health, HealthError>;

/// What the built-in rule for the kind says; none where there is none.
pub(crate) fn assess(
    kind: &GroupVersionKind<'_>,
    object: &Value,
) -> Result<Option<Health>, HealthError> {
    let (short, versions, rule): (_, _, Rule) = match (kind.group, kind.kind) {
        ("apps", "Deployment") => ("Deployment", &["v1"][..], workloads::deployment),
        ("apps", "ReplicaSet") => ("ReplicaSet", &["v1"][..], workloads::replica_set),
        ("apps", "StatefulSet") => ("StatefulSet", &["v1"][..], workloads::stateful_set),
        ("apps", "DaemonSet") => ("DaemonSet", &["v1"][..], workloads::daemon_set),
        ("", "Pod") => ("Pod", &["v1"][..], runs::pod),
        ("batch", "Job") => ("Job", &["v1"][..], runs::job),
        ("", "Service") => ("Service", &["v1"][..], services::service),
        ("", "PersistentVolumeClaim") => ("PersistentVolumeClaim", &["v1"][..], services::claim),
        ("apiregistration.k8s.io", "APIService") => {
            ("APIService", &["v1", "v1beta1"][..], services::api_service)
        }
        ("autoscaling", "HorizontalPodAutoscaler") => match kind.version {
            "v1" => ("HPA", &["v1"][..], autoscaler::version_1),
            _ => (
                "HPA",
                &["v2", "v2beta1", "v2beta2"][..],
                autoscaler::version_2,
            ),
        },
        // Any version: these two are read as they are.
        ("networking.k8s.io" | "extensions", "Ingress") => {
            return Ok(Some(services::ingress(object)));
        }
        ("argoproj.io", "Workflow") => {
            return runs::workflow(&Typed::new(object, "Workflow")).map(Some);
        }
        _ => return Ok(operators::assess(kind.group, kind.kind, object)),
    };
    if !versions.contains(&kind.version) {
        return Err(HealthError::Version {
            kind: short,
            version: kind.api_version.to_owned(),
            full_kind: kind.kind.to_owned(),
        });
    }
    rule(&Typed::new(object, short)).map(Some)
}
