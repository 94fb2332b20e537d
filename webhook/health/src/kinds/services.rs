//! What is assigned from outside: addresses of Services and Ingresses, volumes of claims, the availability of an aggregated API.

use serde_json::Value;

use crate::fields::{Typed, list};
use crate::{Health, HealthError, Status};

pub(super) fn service(object: &Typed<'_>) -> Result<Health, HealthError> {
    let waits = object.text("/spec/type")? == "LoadBalancer"
        && object.list("/status/loadBalancer/ingress")?.is_empty();
    Ok(assigned(!waits))
}

/// Of whatever version, and with whatever else in it.
pub(super) fn ingress(object: &Value) -> Health {
    assigned(!list(object, "/status/loadBalancer/ingress").is_empty())
}

fn assigned(is: bool) -> Health {
    Health::new(
        if is {
            Status::Healthy
        } else {
            Status::Progressing
        },
        "",
    )
}

/// Argo CD after 3.5 calls a claim that waits for its first consumer `Healthy`; 3.5, which is followed here, `Progressing`.
pub(super) fn claim(object: &Typed<'_>) -> Result<Health, HealthError> {
    let status = match object.text("/status/phase")? {
        "Lost" => Status::Degraded,
        "Pending" => Status::Progressing,
        "Bound" => Status::Healthy,
        _ => Status::Unknown,
    };
    Ok(Health::new(status, ""))
}

pub(super) fn api_service(object: &Typed<'_>) -> Result<Health, HealthError> {
    let Some(available) = object.condition("Available")? else {
        return Ok(Health::new(Status::Progressing, "Waiting to be processed"));
    };
    let status = if available.text("/status")? == "True" {
        Status::Healthy
    } else {
        Status::Progressing
    };
    let reason = available.text("/reason")?;
    let message = available.text("/message")?;
    Ok(Health::new(status, format!("{reason}: {message}")))
}
