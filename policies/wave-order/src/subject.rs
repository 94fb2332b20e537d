//! The object under review, with what rules ask about it.

use std::fmt;

use tidegate_model::application::Application;
use tidegate_model::object::{annotation, at, group, kind, label, name, namespace};
use tidegate_model::project::AppProject;
use tidegate_model::words::{
    APP_PROJECT, APPLICATION, ARGO_GROUP, ATLAS_GROUP, ATLAS_MIGRATION, ATLAS_SCHEMA,
    INSTANCE_LABEL, TRACKING_ID,
};
use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::*;

use crate::Settings;

/// Written by Helm on what it installed itself, so that the instance label does not mean Argo CD.
const HELM_RELEASE: &str = "meta.helm.sh/release-name";

/// One object and the operator's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The whole object.
    pub(crate) object: &'a Value,
    /// The operator's settings.
    pub(crate) settings: &'a Settings,
    /// It comes from a plan, where everything is managed.
    rendered: bool,
}

impl<'a> Subject<'a> {
    /// An object on its own.
    pub(crate) fn new(object: &'a Object, settings: &'a Settings) -> Self {
        Self {
            object: object.value(),
            settings,
            rendered: false,
        }
    }

    /// An object of a plan.
    pub(crate) fn rendered(object: &'a Object, settings: &'a Settings) -> Self {
        Self {
            rendered: true,
            ..Self::new(object, settings)
        }
    }

    /// An object inside this one, judged under the same settings.
    pub(crate) fn of<'b>(&self, object: &'b Value) -> Subject<'b>
    where
        'a: 'b,
    {
        Subject {
            object,
            settings: self.settings,
            rendered: self.rendered,
        }
    }

    /// What is at a JSON pointer.
    pub(crate) fn at(&self, pointer: &str) -> Option<&'a Value> {
        at(self.object, pointer)
    }

    /// The Application, if it is one.
    pub(crate) fn application(&self) -> Option<Application<'a>> {
        (group(self.object) == ARGO_GROUP && kind(self.object) == APPLICATION)
            .then_some(Application(self.object))
    }

    /// The AppProject, if it is one.
    pub(crate) fn project(&self) -> Option<AppProject<'a>> {
        (group(self.object) == ARGO_GROUP && kind(self.object) == APP_PROJECT)
            .then_some(AppProject(self.object))
    }

    /// Whether it is an AtlasSchema or an AtlasMigration.
    pub(crate) fn is_atlas(&self) -> bool {
        group(self.object) == ATLAS_GROUP
            && [ATLAS_SCHEMA, ATLAS_MIGRATION].contains(&kind(self.object))
    }

    /// Whether an Argo CD application brings it: it is part of a plan, it is tracked by annotation, or by label where Helm did
    /// not install it.
    pub(crate) fn is_managed(&self) -> bool {
        let labelled = || {
            label(self.object, INSTANCE_LABEL).is_some()
                && annotation(self.object, HELM_RELEASE).is_none()
        };
        self.rendered || annotation(self.object, TRACKING_ID).is_some() || labelled()
    }

    /// Whether its deletion has begun.
    pub(crate) fn is_being_deleted(&self) -> bool {
        self.at("/metadata/deletionTimestamp")
            .is_some_and(|time| !time.is_null())
    }
}

/// As people name it: `Application argocd/shop`.
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", kind(self.object))?;
        if let Some(namespace) = namespace(self.object) {
            write!(f, "{namespace}/")?;
        }
        f.write_str(name(self.object))
    }
}

/// The JSON pointer of an annotation.
pub(crate) fn annotation_pointer(key: &str) -> String {
    pointer::join("/metadata/annotations", key)
}

/// What kind of value this is, for messages; never the value.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A text of the object in quotes for a message: cut where it is long, without line breaks.
pub(crate) fn quote(text: &str) -> String {
    /// In characters; what people write in these places is shorter.
    const LONGEST: usize = 80;
    let shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let more = if text.chars().nth(LONGEST).is_some() {
        "..."
    } else {
        ""
    };
    format!("\"{shown}{more}\"")
}
