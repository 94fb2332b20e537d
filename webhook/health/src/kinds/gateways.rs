//! The Gateway API: each listener of a gateway, and each parent of a route, has conditions of its own.

use serde_json::Value;

use super::operators::text;
use crate::fields::list;
use crate::{Health, Status};

pub(super) fn gateway(object: &Value) -> Health {
    let conditions = list(object, "/status/conditions");
    if let Some(problem) = problem(conditions, "", "Gateway") {
        return problem;
    }
    let listeners = list(object, "/status/listeners");
    let problems = listeners
        .iter()
        .find_map(|listener| problem(list(listener, "/conditions"), "Listener: ", "Listener"));
    if let Some(problem) = problems {
        return problem;
    }
    if object.pointer("/status/conditions").is_none() && listeners.is_empty() {
        return Health::new(Status::Progressing, "Waiting for Gateway status");
    }
    Health::new(Status::Healthy, "Gateway is healthy")
}

/// What parents say of an older generation does not count.
pub(super) fn route(kind: &str, object: &Value) -> Health {
    let generation = object.pointer("/metadata/generation");
    let parents = list(object, "/status/parents").iter();
    let mut is_seen = false;
    for parent in parents {
        let conditions = list(parent, "/conditions");
        let is_of_now = |condition: &Value| condition.get("observedGeneration") == generation;
        if conditions.is_empty() || generation.is_some() && !conditions.iter().any(is_of_now) {
            continue;
        }
        is_seen = true;
        let who = format!("Parent {}: ", text(Some(parent), "/parentRef/name"));
        if let Some(problem) = problem(conditions, &who, "Route") {
            return problem;
        }
    }
    if is_seen {
        Health::new(Status::Healthy, format!("{kind} is healthy"))
    } else {
        Health::new(Status::Progressing, format!("Waiting for {kind} status"))
    }
}

fn problem(conditions: &[Value], who: &str, what: &str) -> Option<Health> {
    let find = |wanted: &str, is: fn(&str) -> bool| {
        conditions.iter().find(|condition| {
            text(Some(condition), "/type") == wanted && is(text(Some(condition), "/status"))
        })
    };
    for wanted in ["ResolvedRefs", "Accepted"] {
        if let Some(condition) = find(wanted, |status| status == "False") {
            let message = match text(Some(condition), "/message") {
                "" => format!("Failed condition: {wanted}"),
                message => message.to_owned(),
            };
            return Some(Health::new(Status::Degraded, format!("{who}{message}")));
        }
    }
    let condition = find("Programmed", |status| status != "True")?;
    let message = match text(Some(condition), "/message") {
        "" => format!("{what} is still being programmed"),
        message => message.to_owned(),
    };
    Some(Health::new(Status::Progressing, format!("{who}{message}")))
}
