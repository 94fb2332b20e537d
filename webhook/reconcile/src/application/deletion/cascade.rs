//! Which objects of an Application that is being deleted go next: the last wave, and nothing before it is gone. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tidegate_model::application::Application;
use tidegate_model::hook::Hook;
use tidegate_model::object::{annotation, annotation_words, at, group, kind, text};
use tidegate_model::words::{
    API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, DELETION_APPROVED, SYNC_OPTIONS,
};
use tidegate_model::{ObjectKey, wave};
use tidegate_syncplan::task::HOOK_FINALIZER;

use super::super::finalizers::{finalizers, is_hook};

/// What a deletion does next.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Turn<'a> {
    pub(super) delete: Vec<&'a Value>,
    /// Hooks of a sync that their finalizer keeps.
    pub(super) release: Vec<&'a Value>,
    pub(super) is_done: bool,
    /// What a person has to do.
    pub(super) message: Option<String>,
}

/// Decides what goes next of the live objects that carry the Application's mark.
pub(super) fn next_turn<'a>(live: &'a [Value], application: &Value) -> Turn<'a> {
    let going: Vec<&Value> = live.iter().filter(|object| is_going(object)).collect();
    if !going.is_empty() {
        let is_held = |object: &&Value| finalizers(object).any(|word| word == HOOK_FINALIZER);
        return Turn {
            release: going.into_iter().filter(is_held).collect(),
            ..Turn::default()
        };
    }
    let mut waves: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
    let goes =
        |object: &&Value| !is_hook(object, Hook::PostDelete) && !is_kept(object, application);
    for object in live.iter().filter(goes) {
        waves.entry(wave::of(object)).or_default().push(object);
    }
    let Some((_, last)) = waves.pop_last() else {
        return Turn {
            is_done: true,
            ..Turn::default()
        };
    };
    let asks: Vec<&&Value> = last
        .iter()
        .filter(|object| says(object, application, "Delete=confirm"))
        .collect();
    if let (Some(first), false) = (asks.first(), is_approved(application)) {
        return Turn {
            message: Some(format!(
                "{} waits for somebody to agree to its deletion, with {} more: annotate the Application with {DELETION_APPROVED} and the time of now",
                ObjectKey::of(first),
                asks.len() - 1
            )),
            ..Turn::default()
        };
    }
    Turn {
        delete: last,
        ..Turn::default()
    }
}

fn is_going(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Whether an object outlives its Application.
fn is_kept(object: &Value, application: &Value) -> bool {
    (group(object) == API_EXTENSIONS_GROUP && kind(object) == CUSTOM_RESOURCE_DEFINITION)
        || annotation(object, "helm.sh/resource-policy") == Some("keep")
        || says(object, application, "Delete=false")
}

/// The object's own word about deletion, else the Application's.
fn says(object: &Value, application: &Value, option: &str) -> bool {
    let own = annotation_words(object, SYNC_OPTIONS);
    if own.iter().any(|word| word.starts_with("Delete=")) {
        return own.contains(&option);
    }
    Application(application)
        .sync_options()
        .any(|word| word == option)
}

/// Whether somebody agreed, not before the deletion was asked for.
fn is_approved(application: &Value) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let approved = annotation(application, DELETION_APPROVED).and_then(time);
    let asked = text(application, "/metadata/deletionTimestamp").and_then(time);
    approved.is_some() && approved >= asked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An object: its name, its wave, sync options, and whether it is being deleted, and held by a hook's finalizer.
    fn object(name: &str, wave: &str, options: &str, state: &str) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": {
            "argocd.argoproj.io/sync-wave": wave, SYNC_OPTIONS: options}}});
        if !state.is_empty() {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        if state == "held" {
            object["metadata"]["finalizers"] = json!([HOOK_FINALIZER]);
        }
        object
    }

    #[track_caller]
    fn check(live: &[Value], approved: Option<&str>, expected: &str) {
        let application = json!({"metadata": {
            "deletionTimestamp": "2026-01-01T12:00:00Z",
            "annotations": approved.map_or_else(|| json!({}), |time| json!({DELETION_APPROVED: time})),
        }});
        let turn = next_turn(live, &application);
        let names = |objects: &[&Value]| {
            let names: Vec<&str> = objects
                .iter()
                .map(|object| tidegate_model::object::name(object))
                .collect();
            names.join(" ")
        };
        let shown = format!(
            "delete [{}] release [{}] done {} asks {}",
            names(&turn.delete),
            names(&turn.release),
            turn.is_done,
            turn.message.is_some()
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_last_wave_goes_first_and_the_next_when_nothing_of_it_is_left() {
        let (a, b, c) = (
            object("a", "0", "", ""),
            object("b", "2", "", ""),
            object("c", "2", "", ""),
        );
        check(
            &[a.clone(), b, c],
            None,
            "delete [b c] release [] done false asks false",
        );
        check(
            &[a.clone(), object("b", "2", "", "going")],
            None,
            "delete [] release [] done false asks false",
        );
        check(
            &[a.clone(), object("b", "2", "", "held")],
            None,
            "delete [] release [b] done false asks false",
        );
        check(&[a], None, "delete [a] release [] done false asks false");
        check(&[], None, "delete [] release [] done true asks false");
    }

    #[test]
    fn what_is_kept_stays_and_what_asks_waits_for_an_answer() {
        check(
            &[object("a", "0", "Delete=false", "")],
            None,
            "delete [] release [] done true asks false",
        );
        let asks = [object("a", "0", "Delete=confirm", "")];
        check(&asks, None, "delete [] release [] done false asks true");
        check(
            &asks,
            Some("2026-01-01T11:00:00Z"),
            "delete [] release [] done false asks true",
        );
        check(
            &asks,
            Some("2026-01-01T12:00:01Z"),
            "delete [a] release [] done false asks false",
        );
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "d"}});
        check(
            &[definition],
            None,
            "delete [] release [] done true asks false",
        );
    }
}
