//! Which events about live objects are news to the Application that has them. Pure.
//!
//! Every object that an Application has was listed or written by us, in some version. An event about that version, or an older one, tells nothing: it is
//! the echo of our own apply, or was on its way while we listed. So a sync of a thousand objects wakes nobody a thousand times, and drift, or a
//! Deployment that becomes healthy, wakes its Application at once.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::object::text;

/// Something happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveEvent {
    /// The Application that has it, by its mark.
    pub(crate) application: ObjectKey,
    /// The object.
    pub(crate) object: ObjectKey,
    /// Its version then.
    pub(crate) resource_version: String,
    /// Whether it is gone.
    pub(crate) is_gone: bool,
}

/// The versions in which objects were seen last, by Application.
#[derive(Debug, Default)]
pub(crate) struct News {
    seen: BTreeMap<ObjectKey, HashMap<ObjectKey, u64>>,
}

impl News {
    /// These are all live objects of the Application.
    pub(crate) fn saw(&mut self, application: &ObjectKey, live: &[Value]) {
        let versions = live.iter().filter_map(|object| {
            let version = text(object, "/metadata/resourceVersion")?;
            Some((ObjectKey::of(object), number(version)?))
        });
        self.seen.insert(application.clone(), versions.collect());
    }

    /// Whether an event tells something that was not seen.
    pub(crate) fn is_news(&self, event: &LiveEvent) -> bool {
        let Some(objects) = self.seen.get(&event.application) else {
            return false; // its first look is still to come
        };
        let seen = objects.get(&event.object);
        if event.is_gone {
            return seen.is_some();
        }
        match (seen, number(&event.resource_version)) {
            (Some(seen), Some(version)) => version > *seen,
            _ => true,
        }
    }

    /// The Application is gone.
    pub(crate) fn forget(&mut self, application: &ObjectKey) {
        self.seen.remove(application);
    }
}

/// Versions of one object can be compared as numbers (Kubernetes 1.35 says so of all; etcd always did).
fn number(resource_version: &str) -> Option<u64> {
    resource_version.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_not_seen_is_news() {
        let key = |kind: &str, name: &str| ObjectKey {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        };
        let mut news = News::default();
        let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop", "resourceVersion": "10"}});
        news.saw(&key("Application", "web"), &[live]);
        let check =
            |application: &str, object: &str, version: &str, is_gone: bool, expected: bool| {
                let event = LiveEvent {
                    application: key("Application", application),
                    object: key("ConfigMap", object),
                    resource_version: version.to_owned(),
                    is_gone,
                };
                assert_eq!(news.is_news(&event), expected, "{event:?}");
            };
        check("web", "a", "10", false, false);
        check("web", "a", "9", false, false);
        check("web", "a", "11", false, true);
        check("web", "a", "11", true, true);
        check("web", "b", "3", false, true);
        check("web", "b", "3", true, false);
        check("other", "a", "11", false, false);
    }
}
