//! HorizontalPodAutoscaler: one set of conditions, in an annotation in version 1 and in the status since.

use serde_json::{Map, Value};

use crate::fields::Typed;
use crate::{Health, HealthError, Status};

const CONDITIONS_OF_VERSION_1: &str =
    "/metadata/annotations/autoscaling.alpha.kubernetes.io~1conditions";

/// Conditions, by type and reason, that say that it cannot do its work.
const FAILURES: [(&str, &str); 8] = [
    ("AbleToScale", "FailedGetScale"),
    ("AbleToScale", "FailedUpdateScale"),
    ("ScalingActive", "FailedGetResourceMetric"),
    ("ScalingActive", "FailedGetObjectMetric"),
    ("ScalingActive", "FailedGetPodsMetric"),
    ("ScalingActive", "FailedGetExternalMetric"),
    ("ScalingActive", "FailedComputeMetricsReplicas"),
    ("ScalingActive", "InvalidSelector"),
];

/// Conditions that say that it does, when they are true.
const SUCCESSES: [&str; 2] = ["AbleToScale", "ScalingLimited"];

pub(super) fn version_1(object: &Typed<'_>) -> Result<Health, HealthError> {
    let annotation = object.text(CONDITIONS_OF_VERSION_1)?;
    if !object.has(CONDITIONS_OF_VERSION_1) {
        return Ok(waiting());
    }
    let wrong = |problem: String| HealthError::Annotation { problem };
    let conditions: Option<Vec<Map<String, Value>>> =
        serde_json::from_str(annotation).map_err(|error| wrong(error.to_string()))?;
    // Go's decoder does not mind how the names are written.
    let lowered: Vec<Value> = conditions
        .unwrap_or_default()
        .into_iter()
        .map(|condition| {
            let fields = condition.into_iter();
            fields
                .map(|(name, value)| (name.to_lowercase(), value))
                .collect()
        })
        .collect();
    let typed: Vec<_> = lowered
        .iter()
        .map(|condition| Typed::new(condition, "HPA"))
        .collect();
    judge(&typed).map_err(|error| wrong(error.to_string()))
}

pub(super) fn version_2(object: &Typed<'_>) -> Result<Health, HealthError> {
    judge(&object.list("/status/conditions")?)
}

fn waiting() -> Health {
    Health::new(Status::Progressing, "Waiting to Autoscale")
}

/// A failure anywhere counts more than a success before it.
fn judge(conditions: &[Typed<'_>]) -> Result<Health, HealthError> {
    for condition in conditions {
        let found = (condition.text("/type")?, condition.text("/reason")?);
        if FAILURES.contains(&found) {
            return Ok(Health::new(Status::Degraded, condition.text("/message")?));
        }
    }
    for condition in conditions {
        if SUCCESSES.contains(&condition.text("/type")?) && condition.text("/status")? == "True" {
            return Ok(Health::new(Status::Healthy, condition.text("/message")?));
        }
    }
    Ok(waiting())
}
