//! A status that the API server takes though the Application has outgrown it. Pure.
//!
//! etcd takes 1.5 MB of an object: a few thousand resources with their health and their results. Argo CD then writes a condition and nothing else, so that the
//! Application seems to stand still. Here the whole stays true - sync, health, operation, history - and of single resources those are shown that
//! somebody has to look at, and enough of the others that the next look knows which kinds there are.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_model::object::{at, text};

use super::operation::seconds;
use super::snapshot::Condition;

/// Resources and results that are shown, each.
const MOST: usize = 500;
/// Bytes of one message.
const LONGEST: usize = 256;

/// Shrinks a status and says so in a condition.
pub(super) fn shrink(status: &mut Map<String, Value>, now: Timestamp) {
    let mut left_out = 0;
    if let Some(resources) = status.get_mut("resources").and_then(Value::as_array_mut) {
        left_out = keep(resources, |entry| {
            text(entry, "/status").is_some_and(|status| status != "Synced")
                || text(entry, "/health/status").is_some_and(|health| health != "Healthy")
        });
        shorten(resources, "/health/message");
    }
    let results = status
        .get_mut("operationState")
        .and_then(|state| state.pointer_mut("/syncResult/resources"))
        .and_then(Value::as_array_mut);
    if let Some(results) = results {
        keep(results, |entry| {
            at(entry, "/hookType").is_some() || text(entry, "/status") == Some("SyncFailed")
        });
        shorten(results, "/message");
    }
    let message = format!(
        "the status is larger than the API server takes: of its resources {left_out} are not shown, and not all results of the last sync"
    );
    let condition = json!({
        "type": Condition::UnknownError.as_str(),
        "message": message,
        "lastTransitionTime": seconds(now),
    });
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|known| known.get("type") != condition.get("type"));
        conditions.push(condition);
    }
}

/// Keeps what matters, then one of each kind and namespace, then the first ones. Returns how many are gone.
fn keep(entries: &mut Vec<Value>, matters: impl Fn(&Value) -> bool) -> usize {
    let before = entries.len();
    let mut places = BTreeSet::new();
    let mut ranked: Vec<(u8, usize)> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let part = |pointer| text(entry, pointer).unwrap_or_default().to_owned();
            let is_first = places.insert((part("/group"), part("/kind"), part("/namespace")));
            let rank = match (is_first, matters(entry)) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            };
            (rank, index)
        })
        .collect();
    ranked.sort_unstable();
    let kept: BTreeSet<usize> = ranked.iter().take(MOST).map(|(_, index)| *index).collect();
    let mut index = 0;
    entries.retain(|_| {
        index += 1;
        kept.contains(&(index - 1))
    });
    before.saturating_sub(entries.len())
}

fn shorten(entries: &mut [Value], pointer: &str) {
    for entry in entries {
        if let Some(Value::String(message)) = entry.pointer_mut(pointer) {
            let mut end = LONGEST.min(message.len());
            while !message.is_char_boundary(end) {
                end = end.saturating_sub(1);
            }
            message.truncate(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_stays_and_of_the_rest_what_matters() {
        let resource = |n: usize| {
            let kind = if n == 4_000 { "Secret" } else { "ConfigMap" };
            let health = if n == 4_500 { "Degraded" } else { "Healthy" };
            json!({"kind": kind, "namespace": "shop", "name": n.to_string(), "status": "Synced",
                "health": {"status": health, "message": "\u{e9}".repeat(1_000)}})
        };
        let result = |n: usize| {
            let status = if n == 4_999 { "SyncFailed" } else { "Synced" };
            json!({"kind": "ConfigMap", "name": n.to_string(), "status": status, "message": "m".repeat(1_000)})
        };
        let status = json!({
            "sync": {"status": "Synced"}, "conditions": [{"type": "SyncError"}],
            "resources": (0..5_000).map(resource).collect::<Vec<_>>(),
            "operationState": {"phase": "Failed", "syncResult": {"resources": (0..5_000).map(result).collect::<Vec<_>>()}},
        });
        let Value::Object(mut status) = status else {
            panic!("a status is an object")
        };
        shrink(&mut status, Timestamp::UNIX_EPOCH);
        let status = Value::Object(status);
        assert!(status.to_string().len() < 500_000);
        assert_eq!(text(&status, "/sync/status"), Some("Synced"));
        assert_eq!(text(&status, "/operationState/phase"), Some("Failed"));
        let names = |pointer: &str| -> Vec<String> {
            let listed = at(&status, pointer).and_then(Value::as_array).cloned();
            let names = listed.unwrap_or_default();
            names
                .iter()
                .filter_map(|entry| text(entry, "/name").map(str::to_owned))
                .collect()
        };
        let resources = names("/resources");
        assert_eq!(resources.len(), MOST);
        for name in ["0", "4000", "4500"] {
            assert!(resources.contains(&name.to_owned()), "{name}");
        }
        assert!(names("/operationState/syncResult/resources").contains(&"4999".to_owned()));
        assert_eq!(text(&status, "/conditions/0/type"), Some("SyncError"));
        assert_eq!(
            text(&status, "/conditions/1/message"),
            Some(
                "the status is larger than the API server takes: of its resources 4500 are not shown, and not all results of the last sync"
            )
        );
    }
}
