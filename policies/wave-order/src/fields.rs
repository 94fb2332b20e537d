//! Fields of an Application that its definition does not have where they are written.
//!
//! The API server prunes such a field before any webhook sees it, so with Argo CD's own definitions it shows in `tidegate check` and in a plan;
//! Tidegate's definitions keep unknown fields, so that it shows at admission as well.

use tidegate_model::application::{LEVELS, Level};
use tidegate_model::object::at;
use tidegate_model::sync_option::{self, SyncOption};
use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::rules::MOST;
use crate::subject::Subject;

/// A field that is not read where it is.
#[derive(Debug)]
pub(crate) struct Stray {
    /// Where it is.
    pub(crate) pointer: String,
    /// What was probably meant.
    pub(crate) meant: Meant,
}

/// What a stray field was probably meant to be.
#[derive(Debug)]
pub(crate) enum Meant {
    /// The field of this pointer: the name is right, the place is wrong.
    Field(String),
    /// A sync option, which is no field but a text in a list.
    Option(&'static SyncOption),
    /// The field of this pointer: the name is nearly right.
    Similar(String),
    /// Nobody knows.
    Unknown,
}

/// The stray fields of an Application, level by level, up to [`MOST`].
pub(crate) fn strays(subject: &Subject) -> Vec<Stray> {
    if subject.application().is_none() {
        return Vec::new();
    }
    let all = LEVELS.iter().flat_map(|level| {
        let places = places(subject.object, level);
        places
            .into_iter()
            .flat_map(move |(place, object)| stray_fields(level, &place, object))
    });
    all.take(MOST).collect()
}

fn stray_fields(level: &Level, place: &str, object: &Value) -> Vec<Stray> {
    let fields = object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, _)| field.as_str());
    fields
        .filter(|field| !level.fields.contains(field))
        .take(MOST)
        .map(|field| Stray {
            pointer: pointer::join(place, field),
            meant: meaning(field, level, place),
        })
        .collect()
}

/// A pointer as people write it: `spec.syncPolicy.syncOptions`.
pub(crate) fn dotted(pointer: &str) -> String {
    pointer
        .trim_start_matches('/')
        .replace('/', ".")
        .replace("~1", "/")
        .replace("~0", "~")
}

/// The objects of a level with their pointers: one, or each source.
fn places<'a>(object: &'a Value, level: &Level) -> Vec<(String, &'a Value)> {
    match level.pointer.strip_suffix("/*") {
        None => at(object, level.pointer)
            .map(|at| (level.pointer.to_owned(), at))
            .into_iter()
            .collect(),
        Some(list) => at(object, list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, at)| (format!("{list}/{index}"), at))
            .collect(),
    }
}

fn meaning(field: &str, level: &Level, place: &str) -> Meant {
    let others = || LEVELS.iter().filter(|other| other.pointer != level.pointer);
    if let Some(home) = others().find(|other| other.fields.contains(&field)) {
        return Meant::Field(format!("{}/{field}", home.pointer));
    }
    if let Some(similar) = nearest(field, level.fields.iter().copied()) {
        return Meant::Similar(format!("{place}/{similar}"));
    }
    if let Some(option) = sync_option::find(field) {
        return Meant::Option(option);
    }
    let same_letters = |other: &&'static str| other.eq_ignore_ascii_case(field);
    match others().find_map(|other| Some((other, other.fields.iter().copied().find(same_letters)?)))
    {
        Some((home, name)) => Meant::Similar(format!("{}/{name}", home.pointer)),
        None => Meant::Unknown,
    }
}
