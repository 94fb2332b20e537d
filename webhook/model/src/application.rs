//! An Argo CD Application as far as rules and plans look at it, and the table of its fields.
//!
//! The view borrows the JSON and reads by pointer, so that one field of a wrong type does not hide the others from a rule.

use serde_json::Value;

use crate::object::{at, text};
use crate::words::{IN_CLUSTER_NAME, IN_CLUSTER_SERVER};

/// An Application.
#[derive(Debug, Clone, Copy)]
pub struct Application<'a>(pub &'a Value);

impl<'a> Application<'a> {
    /// The sources, each with the JSON pointer at which it is written: `spec.sources` where it is not empty, else `spec.source`.
    pub fn sources(self) -> Vec<(String, &'a Value)> {
        match at(self.0, "/spec/sources").and_then(Value::as_array) {
            Some(sources) if !sources.is_empty() => sources
                .iter()
                .enumerate()
                .map(|(index, source)| (format!("/spec/sources/{index}"), source))
                .collect(),
            _ => at(self.0, "/spec/source")
                .map(|source| ("/spec/source".to_owned(), source))
                .into_iter()
                .collect(),
        }
    }

    /// `spec.destination.server`; none when empty.
    pub fn server(self) -> Option<&'a str> {
        text(self.0, "/spec/destination/server").filter(|server| !server.is_empty())
    }

    /// `spec.destination.name`; none when empty.
    pub fn cluster_name(self) -> Option<&'a str> {
        text(self.0, "/spec/destination/name").filter(|name| !name.is_empty())
    }

    /// `spec.destination.namespace`: the namespace of namespaced manifests that name none themselves; none when empty.
    pub fn namespace(self) -> Option<&'a str> {
        text(self.0, "/spec/destination/namespace").filter(|namespace| !namespace.is_empty())
    }

    /// Whether the destination is the cluster that Argo CD runs in.
    pub fn is_in_cluster(self) -> bool {
        match (self.server(), self.cluster_name()) {
            (Some(server), _) => server.trim_end_matches('/') == IN_CLUSTER_SERVER,
            (None, Some(name)) => name == IN_CLUSTER_NAME,
            (None, None) => true,
        }
    }

    /// Whether Argo CD syncs on its own: `automated` is there, even as `{}`, and does not say `enabled: false`.
    pub fn is_automated(self) -> bool {
        at(self.0, "/spec/syncPolicy/automated").is_some_and(|automated| {
            !automated.is_null() && automated.get("enabled").and_then(Value::as_bool) != Some(false)
        })
    }

    /// Whether automated syncs delete what Git no longer has.
    pub fn prunes(self) -> bool {
        self.is_automated()
            && at(self.0, "/spec/syncPolicy/automated/prune").and_then(Value::as_bool) == Some(true)
    }

    /// `spec.syncPolicy.syncOptions`, those entries that are text.
    pub fn sync_options(self) -> impl Iterator<Item = &'a str> {
        at(self.0, "/spec/syncPolicy/syncOptions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }
}

/// An object inside an Application and the fields that its definition gives it.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    /// JSON pointer of the object; `/spec/sources/*` is each element.
    pub pointer: &'static str,
    /// The field names. Anything else is dropped by the API server without a word.
    pub fields: &'static [&'static str],
}

/// The levels at which people misplace fields (CRD of Argo CD 3.5), in the order in which the home of a misplaced field is
/// looked for. `source.helm` and its siblings are not here: they are not ours to judge.
pub const LEVELS: [Level; 9] = [
    Level {
        pointer: "/spec/syncPolicy/automated",
        fields: &["prune", "selfHeal", "allowEmpty", "enabled"],
    },
    Level {
        pointer: "/spec/syncPolicy/retry/backoff",
        fields: &["duration", "factor", "maxDuration"],
    },
    Level {
        pointer: "/spec/syncPolicy/retry",
        fields: &["limit", "backoff", "refresh"],
    },
    Level {
        pointer: "/spec/syncPolicy",
        fields: &[
            "automated",
            "syncOptions",
            "retry",
            "managedNamespaceMetadata",
        ],
    },
    Level {
        pointer: "/spec/destination",
        fields: &["server", "name", "namespace"],
    },
    Level {
        pointer: "/spec",
        fields: &[
            "project",
            "source",
            "sources",
            "sourceHydrator",
            "destination",
            "syncPolicy",
            "ignoreDifferences",
            "info",
            "revisionHistoryLimit",
        ],
    },
    Level {
        pointer: "/spec/source",
        fields: SOURCE,
    },
    Level {
        pointer: "",
        fields: &[
            "apiVersion",
            "kind",
            "metadata",
            "spec",
            "status",
            "operation",
        ],
    },
    Level {
        pointer: "/spec/sources/*",
        fields: SOURCE,
    },
];

const SOURCE: &[&str] = &[
    "repoURL",
    "path",
    "targetRevision",
    "chart",
    "ref",
    "name",
    "tagPrefix",
    "helm",
    "kustomize",
    "directory",
    "plugin",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn automation_follows_the_presence_of_the_field() {
        for (policy, automated, prunes) in [
            (json!({}), false, false),
            (json!({"automated": null}), false, false),
            (json!({"automated": {}}), true, false),
            (json!({"automated": {"prune": true}}), true, true),
            (
                json!({"automated": {"prune": true, "enabled": false}}),
                false,
                false,
            ),
        ] {
            let object = json!({"spec": {"syncPolicy": policy}});
            let application = Application(&object);
            assert_eq!(
                (application.is_automated(), application.prunes()),
                (automated, prunes),
                "{object}"
            );
        }
    }

    #[test]
    fn the_destination_says_which_cluster() {
        for (destination, in_cluster) in [
            (json!({}), true),
            (json!({"server": "https://kubernetes.default.svc"}), true),
            (json!({"server": "https://other:6443"}), false),
            (json!({"name": "in-cluster"}), true),
            (json!({"name": "prod"}), false),
        ] {
            let object = json!({"spec": {"destination": destination}});
            assert_eq!(Application(&object).is_in_cluster(), in_cluster, "{object}");
        }
    }

    #[test]
    fn several_sources_win_over_one() {
        let object =
            json!({"spec": {"source": {"path": "a"}, "sources": [{"path": "b"}, {"path": "c"}]}});
        let pointers: Vec<_> = Application(&object)
            .sources()
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        assert_eq!(pointers, ["/spec/sources/0", "/spec/sources/1"]);
        let object = json!({"spec": {"source": {"path": "a"}, "sources": []}});
        assert_eq!(Application(&object).sources().len(), 1);
    }
}
