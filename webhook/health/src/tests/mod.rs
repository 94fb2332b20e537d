//! What users see, as tables: an object and its health.

mod kinds;
mod operators;
mod scripts;
mod settings;

use jiff::Timestamp;
use serde_json::Value;

use crate::{Customizations, Health, Surroundings, assess};

/// `Status: message`, the message left out where it is empty, `-` where there is no health.
fn shown(object: &Value, customizations: &Customizations) -> String {
    let now = Timestamp::from_second(1_700_000_000).expect("a time");
    let health = assess(object, customizations, &Surroundings::at(now))
        .unwrap_or_else(|error| Some(Health::from(&error)));
    let Some(health) = health else {
        return "-".to_owned();
    };
    let status = health.status.map_or("nothing", crate::Status::as_str);
    if health.message.is_empty() {
        status.to_owned()
    } else {
        format!("{status}: {}", health.message)
    }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Every case is looked at before any of them fails the test.
#[track_caller]
fn all(cases: impl IntoIterator<Item = (String, String, String)>) {
    let wrong: Vec<String> = cases
        .into_iter()
        .filter(|(_, found, expected)| found != expected)
        .map(|(case, found, expected)| format!("{case}\n  expected {expected}\n  found    {found}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
