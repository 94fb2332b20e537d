//! Does a live object still say what its manifest says?
//!
//! Only what the manifest says is compared, and what it said when it was applied last and does not say now: the three-way comparison of `kubectl
//! apply`, which is Argo CD's default. What was said last is read from `kubectl.kubernetes.io/last-applied-configuration`, else from what the
//! manager of a server-side apply owns ([`Comparing::manager`]). What others added to the live object is theirs. Lists of Kubernetes' own
//! kinds that are maps in disguise (containers by name, ports by number) are compared as such; other lists element by element.
//!
//! The answer is the places that differ, never their values: a difference may be a password.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tidegate_model::object::{annotation, group, kind};
use tidegate_model::words::LAST_APPLIED;

use crate::fields;
use crate::normalize::{normalized, stored};
use crate::quantity::nanos;
use crate::schema::{
    counts_when_empty, is_built_in, is_default, is_empty, is_left_out, is_quantity, is_set,
    merge_key,
};

/// How objects are compared.
#[derive(Debug, Clone, Copy)]
pub struct Comparing<'a> {
    /// Whether `status` never counts; Argo CD's default (`ignoreResourceStatusField: all`).
    pub ignores_status: bool,
    /// The field manager of our own server-side applies: what it owns and the manifest no longer has is a difference.
    pub manager: &'a str,
}

impl Default for Comparing<'_> {
    fn default() -> Self {
        Self {
            ignores_status: true,
            manager: "argocd-controller",
        }
    }
}

/// The JSON pointers at which `live` is not what `target` says, sorted; none where applying `target` would change nothing.
pub fn differences(target: &Value, live: &Value, comparing: Comparing) -> Vec<String> {
    let schema = Schema::of(target);
    let last = last_applied(live, comparing.manager);
    let last = last.map(|last| normalized(&last, comparing.ignores_status));
    let target = normalized(target, comparing.ignores_status);
    let live = normalized(live, comparing.ignores_status);
    let mut found = BTreeSet::new();
    let root = Place::default();
    schema.compare(&root, Some(&target), Some(&live), last.as_ref(), &mut found);
    found.into_iter().collect()
}

/// The live object as it will be once `target` was applied to it: where a plan that is played through on paper goes on.
pub fn applied(target: &Value, live: &Value, comparing: Comparing) -> Value {
    let last = last_applied(live, comparing.manager);
    let target = stored(target);
    let mut predicted = Schema::of(&target)
        .merge(&Place::default(), Some(&target), Some(live), last.as_ref())
        .unwrap_or(Value::Null);
    if let Some(Value::Array(managed)) = predicted.pointer_mut("/metadata/managedFields") {
        managed.retain(|entry| !fields::is_managed_by(entry, comparing.manager));
    }
    if annotation(live, LAST_APPLIED).is_some()
        && let Some(annotations) = predicted
            .pointer_mut("/metadata/annotations")
            .and_then(Value::as_object_mut)
    {
        annotations.insert(LAST_APPLIED.to_owned(), Value::String(target.to_string()));
    }
    predicted
}

/// What was applied last, as far as the live object tells.
fn last_applied(live: &Value, manager: &str) -> Option<Value> {
    let written = annotation(live, LAST_APPLIED).and_then(|text| serde_json::from_str(text).ok());
    written
        .map(|last| stored(&last))
        .or_else(|| fields::owned_by(live, manager))
}

/// Where in an object.
#[derive(Debug, Clone, Default)]
struct Place {
    pointer: String,
    parent: String,
    field: String,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        Self {
            pointer: format!("{}/{escaped}", self.pointer),
            parent: self.field.clone(),
            field: key.to_owned(),
        }
    }

    /// An element of a list goes by the list's name.
    fn element(&self, index: usize) -> Self {
        Self {
            pointer: format!("{}/{index}", self.pointer),
            parent: self.parent.clone(),
            field: self.field.clone(),
        }
    }
}

/// What is known of the kind.
#[derive(Debug, Clone, Copy)]
struct Schema<'k> {
    kind: &'k str,
    built_in: bool,
}

impl<'k> Schema<'k> {
    fn of(target: &'k Value) -> Self {
        Self {
            kind: kind(target),
            built_in: is_built_in(group(target)),
        }
    }

    fn compare(
        self,
        place: &Place,
        target: Option<&Value>,
        live: Option<&Value>,
        last: Option<&Value>,
        found: &mut BTreeSet<String>,
    ) {
        let live = live.filter(|live| !live.is_null());
        let target = target.filter(|target| !target.is_null());
        let mut differ = || {
            found.insert(place.pointer.clone());
        };
        match (target, live) {
            (None, None) => {}
            (None, Some(live)) => {
                if self.is_taken_back(place, live, last) {
                    differ();
                }
            }
            (Some(target), None) => {
                if !self.is_nothing(place, target) {
                    differ();
                }
            }
            (Some(Value::Object(target)), Some(Value::Object(live))) => {
                let last = last.and_then(Value::as_object);
                for key in keys(target, last) {
                    self.compare(
                        &place.key(key),
                        target.get(key),
                        live.get(key),
                        last.and_then(|last| last.get(key)),
                        found,
                    );
                }
            }
            (Some(Value::Array(target)), Some(Value::Array(live))) => {
                let last = last.and_then(Value::as_array).map(Vec::as_slice);
                self.compare_lists(place, target, live, last, found);
            }
            (Some(target), Some(live)) => {
                let both_nothing = self.is_nothing(place, target) && self.is_nothing(place, live);
                // An empty text leaves a field to its default.
                let is_defaulted = self.built_in && target == "" && is_default(&place.field, live);
                if !both_nothing && !is_defaulted && !is_same(place, target, live) {
                    differ();
                }
            }
        }
    }

    fn compare_lists(
        self,
        place: &Place,
        target: &[Value],
        live: &[Value],
        last: Option<&[Value]>,
        found: &mut BTreeSet<String>,
    ) {
        let taken_back = |element: &Value| last.is_some_and(|last| last.contains(element));
        if is_set(&place.field) {
            let missing = target.iter().any(|word| !live.contains(word));
            let extra = live
                .iter()
                .any(|word| !target.contains(word) && taken_back(word));
            if missing || extra {
                found.insert(place.pointer.clone());
            }
            return;
        }
        if let Some(key) = self.key_of(place, target, live) {
            let at = |list: &[Value], value: &Value| {
                list.iter()
                    .position(|element| element.get(key) == value.get(key))
            };
            let mut order = Vec::new();
            for (index, element) in target.iter().enumerate() {
                let there = at(live, element);
                order.extend(there);
                let live = there.and_then(|there| live.get(there));
                let last = last.and_then(|last| last.get(at(last, element)?));
                let place = place.element(index);
                self.compare(&place, Some(element), live, last, found);
            }
            let extra = live.iter().any(|element| {
                at(target, element).is_none()
                    && last.is_some_and(|last| at(last, element).is_some())
            });
            if extra || !order.is_sorted() {
                found.insert(place.pointer.clone());
            }
            return;
        }
        if target.len() != live.len() {
            found.insert(place.pointer.clone());
            return;
        }
        let last = last.filter(|last| last.len() == target.len());
        for (index, (target, live)) in target.iter().zip(live).enumerate() {
            let last = last.and_then(|last| last.get(index));
            self.compare(&place.element(index), Some(target), Some(live), last, found);
        }
    }

    /// The field by which two lists' elements are told apart; none where they are compared in order.
    fn key_of(self, place: &Place, target: &[Value], live: &[Value]) -> Option<&'static str> {
        let key = merge_key(self.kind, &place.field).filter(|_| self.built_in)?;
        let is_unique = |list: &[Value]| {
            let keys: BTreeSet<String> = list
                .iter()
                .filter_map(|element| element.get(key).map(Value::to_string))
                .collect();
            keys.len() == list.len()
        };
        (is_unique(target) && is_unique(live)).then_some(key)
    }

    /// Whether a live value is still there only because it was applied before: it goes when the manifest is applied again.
    fn is_taken_back(self, place: &Place, live: &Value, last: Option<&Value>) -> bool {
        match (live, last) {
            (_, None | Some(Value::Null)) => false,
            (Value::Object(live), Some(Value::Object(last))) if !last.is_empty() => {
                last.iter().any(|(key, last)| {
                    live.get(key)
                        .is_some_and(|live| self.is_taken_back(&place.key(key), live, Some(last)))
                })
            }
            _ => !(is_empty(live) || self.built_in && is_default(&place.field, live)),
        }
    }

    /// Whether writing a value is the same as not writing it.
    fn is_nothing(self, place: &Place, value: &Value) -> bool {
        let is_metadata = matches!(
            place.pointer.as_str(),
            "/metadata/labels" | "/metadata/annotations" | "/metadata/finalizers"
        );
        if is_empty(value) {
            return (self.built_in && !counts_when_empty(&place.field)) || is_metadata;
        }
        if !self.built_in {
            return false;
        }
        match value {
            Value::Object(map) => map
                .iter()
                .all(|(key, value)| self.is_nothing(&place.key(key), value)),
            _ => is_left_out(&place.field, value),
        }
    }

    fn merge(
        self,
        place: &Place,
        target: Option<&Value>,
        live: Option<&Value>,
        last: Option<&Value>,
    ) -> Option<Value> {
        let target = target.filter(|target| !target.is_null());
        match (target, live) {
            (None, None) => None,
            (None, Some(live)) => without(live, last),
            (Some(Value::Object(target)), Some(Value::Object(live))) => {
                let mut merged = live.clone();
                let last = last.and_then(Value::as_object);
                for key in keys(target, last) {
                    let last = last.and_then(|last| last.get(key));
                    match self.merge(&place.key(key), target.get(key), live.get(key), last) {
                        Some(value) => merged.insert(key.to_owned(), value),
                        None => merged.remove(key),
                    };
                }
                Some(Value::Object(merged))
            }
            (Some(Value::Array(target)), Some(Value::Array(live))) => {
                let last = last.and_then(Value::as_array).map(Vec::as_slice);
                Some(Value::Array(self.merge_lists(place, target, live, last)))
            }
            (Some(target), Some(live)) if is_same(place, target, live) => Some(live.clone()),
            (Some(target), _) => Some(target.clone()),
        }
    }

    fn merge_lists(
        self,
        place: &Place,
        target: &[Value],
        live: &[Value],
        last: Option<&[Value]>,
    ) -> Vec<Value> {
        let same = |one: &Value, other: &Value| match self.key_of(place, target, live) {
            Some(key) => one.get(key) == other.get(key),
            None => one == other,
        };
        if !is_set(&place.field) && self.key_of(place, target, live).is_none() {
            return target.to_vec();
        }
        let find = |list: &[Value], element: &Value| {
            list.iter().find(|other| same(other, element)).cloned()
        };
        let mut merged: Vec<Value> = target
            .iter()
            .filter_map(|element| {
                let last = last.and_then(|last| find(last, element));
                let live = find(live, element);
                self.merge(place, Some(element), live.as_ref(), last.as_ref())
            })
            .collect();
        merged.extend(
            live.iter()
                .filter(|element| find(target, element).is_none())
                .filter(|element| last.and_then(|last| find(last, element)).is_none())
                .cloned(),
        );
        merged
    }
}

/// A live value without what was applied before.
fn without(live: &Value, last: Option<&Value>) -> Option<Value> {
    match (live, last) {
        (_, None | Some(Value::Null)) => Some(live.clone()),
        (Value::Object(live), Some(Value::Object(last))) if !last.is_empty() => {
            let kept: Map<String, Value> = live
                .iter()
                .filter_map(|(key, live)| Some((key.clone(), without(live, last.get(key))?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        _ => None,
    }
}

/// The keys of the manifest, and of the one before it.
fn keys<'v>(
    target: &'v Map<String, Value>,
    last: Option<&'v Map<String, Value>>,
) -> BTreeSet<&'v str> {
    let last = last.into_iter().flat_map(Map::keys);
    target.keys().chain(last).map(String::as_str).collect()
}

/// Whether two values that are no two maps and no two lists mean the same.
fn is_same(place: &Place, target: &Value, live: &Value) -> bool {
    if target == live {
        return true;
    }
    if let (Value::Number(target), Value::Number(live)) = (target, live) {
        return target.as_f64() == live.as_f64();
    }
    is_quantity(&place.parent, &place.field)
        && nanos(target).is_some_and(|amount| nanos(live) == Some(amount))
}

#[cfg(test)]
mod tests;
