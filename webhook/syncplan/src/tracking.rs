//! Which Application an object belongs to.
//!
//! Argo CD 3 writes an annotation that names the Application *and the object itself*, so that a copy of the annotation onto another object (an
//! operator that copies labels and annotations to its children) does not make that object the Application's. Older installations, and those
//! that choose so, use a label that names the Application only (`util/argo/resource_tracking.go`).

use std::fmt;

use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::object::{annotation, group, kind, label};
use tidegate_model::words::{
    API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, INSTALLATION_ID, INSTANCE_LABEL, TRACKING_ID,
};

/// `application.resourceTrackingMethod` of `argocd-cm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The tracking annotation; the default.
    #[default]
    Annotation,
    /// The instance label.
    Label,
    /// The annotation decides; the label is written for others.
    AnnotationAndLabel,
}

impl Method {
    /// Reads Argo CD's word; unknown words mean the default, as there.
    pub fn parse(word: &str) -> Self {
        match word {
            "label" => Self::Label,
            "annotation+label" => Self::AnnotationAndLabel,
            _ => Self::Annotation,
        }
    }
}

/// How one Application marks what is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// The Application's name; outside Argo CD's own namespace `namespace_name`.
    pub application: String,
    /// By what.
    pub method: Method,
    /// The label of the label methods: `application.instanceLabelKey`.
    pub label_key: String,
    /// `installationID`: where several installations share a cluster, those of another are not ours, whatever they are called. Empty is an installation of its
    /// own. Labels cannot tell.
    pub installation: String,
}

impl Tracking {
    /// By annotation, as Argo CD 3 does unless told otherwise.
    pub fn by_annotation(application: impl Into<String>) -> Self {
        Self {
            application: application.into(),
            method: Method::Annotation,
            label_key: INSTANCE_LABEL.to_owned(),
            installation: String::new(),
        }
    }

    /// Whether a live object says that it belongs to the Application.
    pub fn owns(&self, live: &Value) -> bool {
        match self.method {
            Method::Label => label(live, &self.label_key) == Some(self.application.as_str()),
            Method::Annotation | Method::AnnotationAndLabel => {
                annotation(live, INSTALLATION_ID).unwrap_or_default() == self.installation
                    && TrackingId::of(live).is_some_and(|id| id.application == self.application)
            }
        }
    }

    /// Whether a live object's mark means that very object, not one that the mark was copied from. With labels nobody can tell, so it does.
    pub fn is_self_referenced(&self, live: &Value) -> bool {
        self.method == Method::Label
            || TrackingId::of(live).is_none_or(|id| {
                let key = ObjectKey::of(live);
                id.key.kind == key.kind
                    && id.key.group == key.group
                    && id.key.name == key.name
                    // Cluster-scoped objects are marked with the destination's namespace.
                    && (key.namespace.is_none() || id.key.namespace == key.namespace)
            })
    }

    /// Marks a manifest as the Application's. Definitions of kinds are never marked, so they are never pruned either.
    pub fn mark(&self, target: &mut Value, namespace: Option<&str>) {
        if group(target) == API_EXTENSIONS_GROUP && kind(target) == CUSTOM_RESOURCE_DEFINITION {
            return;
        }
        let mut key = ObjectKey::of(target);
        if key.namespace.is_none() {
            key.namespace = namespace.map(str::to_owned);
        }
        let id = TrackingId {
            application: self.application.clone(),
            key,
        };
        let Some(metadata) = target.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        let mut put = |map: &str, name: &str, value: String| {
            let map = metadata.entry(map).or_insert_with(|| json!({}));
            if map.is_null() {
                *map = json!({});
            }
            if let Some(map) = map.as_object_mut() {
                map.insert(name.to_owned(), Value::String(value));
            }
        };
        if self.method != Method::Label {
            put("annotations", TRACKING_ID, id.to_string());
            if !self.installation.is_empty() {
                put("annotations", INSTALLATION_ID, self.installation.clone());
            }
        }
        if self.method != Method::Annotation {
            put("labels", &self.label_key, self.application.clone());
        }
    }
}

/// The value of the tracking annotation: `<application>:<group>/<kind>:<namespace>/<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingId {
    /// The Application.
    pub application: String,
    /// The object that was marked.
    pub key: ObjectKey,
}

impl TrackingId {
    /// The mark of an object; none where it has none, or one that cannot be read.
    pub fn of(object: &Value) -> Option<Self> {
        Self::parse(annotation(object, TRACKING_ID)?)
    }

    /// Reads the annotation's text. Only the last two parts have a form; names may hold colons, as those of roles do.
    pub fn parse(text: &str) -> Option<Self> {
        let (application, rest) = text.split_once(':')?;
        let (kind, place) = rest.split_once(':')?;
        let (group, kind) = kind.split_once('/')?;
        let (namespace, name) = place.split_once('/')?;
        Some(Self {
            application: application.to_owned(),
            key: ObjectKey {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
                name: name.to_owned(),
            },
        })
    }
}

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, key } = self;
        let namespace = key.namespace.as_deref().unwrap_or_default();
        write!(
            f,
            "{application}:{}/{}:{namespace}/{}",
            key.group, key.kind, key.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_installation_marked_is_not_ours() {
        let of = |installation: &str| Tracking {
            installation: installation.to_owned(),
            ..Tracking::by_annotation("web")
        };
        let marked = |installation: &str| {
            let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}});
            of(installation).mark(&mut object, None);
            object
        };
        assert_eq!(
            marked("blue").pointer("/metadata/annotations"),
            Some(&json!({TRACKING_ID: "web:/ConfigMap:shop/a", INSTALLATION_ID: "blue"}))
        );
        for (own, other, expected) in [
            ("", "", true),
            ("blue", "blue", true),
            ("blue", "green", false),
            ("blue", "", false),
            ("", "green", false),
        ] {
            assert_eq!(of(own).owns(&marked(other)), expected, "{own} {other}");
        }
    }
}
