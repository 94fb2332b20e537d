//! Kinds that are nobody's business: `resource.exclusions` and `resource.inclusions` of `argocd-cm`. Pure.
//!
//! As in Argo CD (`util/settings/resources_filter.go`): each is a list of entries with `apiGroups`, `kinds` and `clusters`, globs, where an empty list means
//! everything. Where there are inclusions, nothing else takes part; exclusions always win. Events, Leases and metrics never take part.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidegate_model::words::{IN_CLUSTER_NAME, IN_CLUSTER_SERVER};

use super::project::matches;

/// The settings' keys.
const EXCLUSIONS: &str = "resource.exclusions";
const INCLUSIONS: &str = "resource.inclusions";

/// One entry.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    api_groups: Vec<String>,
    kinds: Vec<String>,
    clusters: Vec<String>,
}

/// What takes no part.
#[derive(Debug, Clone, Default)]
pub(super) struct Excluded {
    exclusions: Vec<Filter>,
    inclusions: Vec<Filter>,
}

impl Excluded {
    /// Reads the settings; what cannot be read filters nothing, and is named.
    pub(super) fn of(settings: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut unread = Vec::new();
        let mut read = |key: &str| {
            let text = settings.get(key).filter(|text| !text.trim().is_empty());
            let parsed = text.map(|text| serde_saphyr::from_str::<Vec<Filter>>(text));
            parsed.transpose().unwrap_or_else(|error| {
                unread.push(format!("argocd-cm: {key} filters nothing: {error}"));
                None
            })
        };
        let excluded = Self {
            exclusions: read(EXCLUSIONS).unwrap_or_default(),
            inclusions: read(INCLUSIONS).unwrap_or_default(),
        };
        (excluded, unread)
    }

    /// Whether objects of this kind take no part.
    pub(super) fn has(&self, group: &str, kind: &str) -> bool {
        let never = matches!(group, "events.k8s.io" | "metrics.k8s.io")
            || (group.is_empty() && kind == "Event")
            || (group == "coordination.k8s.io" && kind == "Lease");
        let any = |filters: &[Filter]| filters.iter().any(|filter| filter.is_about(group, kind));
        never || any(&self.exclusions) || !(self.inclusions.is_empty() || any(&self.inclusions))
    }
}

impl Filter {
    fn is_about(&self, group: &str, kind: &str) -> bool {
        let any = |globs: &[String], values: &[&str]| {
            globs.is_empty()
                || globs
                    .iter()
                    .any(|glob| values.iter().any(|value| matches(glob, value)))
        };
        any(&self.api_groups, &[group])
            && any(&self.kinds, &[kind])
            && any(&self.clusters, &[IN_CLUSTER_SERVER, IN_CLUSTER_NAME])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(exclusions: &str, inclusions: &str, excluded: &[&str], included: &[&str]) {
        let settings = [(EXCLUSIONS, exclusions), (INCLUSIONS, inclusions)];
        let settings = settings.map(|(key, text)| (key.to_owned(), text.to_owned()));
        let (filter, unread) = Excluded::of(&settings.into());
        assert_eq!(unread, Vec::<String>::new());
        for (kinds, expected) in [(excluded, true), (included, false)] {
            for of in kinds {
                let (group, kind) = of.split_once('/').expect("GROUP/KIND");
                assert_eq!(filter.has(group, kind), expected, "{of}");
            }
        }
    }

    #[test]
    fn exclusions_win_over_inclusions_and_empty_lists_mean_everything() {
        check(
            "",
            "",
            &[
                "/Event",
                "coordination.k8s.io/Lease",
                "metrics.k8s.io/PodMetrics",
            ],
            &["/Pod", "apps/Deployment"],
        );
        check(
            "- apiGroups: ['*.cilium.io', '']\n  kinds: [CiliumIdentity, Endpoints]\n  clusters: ['*']\n- kinds: [Sealed*]",
            "",
            &[
                "a.cilium.io/CiliumIdentity",
                "/Endpoints",
                "bitnami.com/SealedSecret",
            ],
            &["a.cilium.io/CiliumNode", "apps/Deployment"],
        );
        check("- clusters: [https://elsewhere]", "", &[], &["/Pod"]);
        check(
            "- kinds: [Secret]",
            "- apiGroups: ['', apps]",
            &["/Secret", "batch/Job"],
            &["/ConfigMap", "apps/Deployment"],
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let settings = [(EXCLUSIONS.to_owned(), "- kinds: {".to_owned())];
        let (filter, unread) = Excluded::of(&settings.into());
        assert!(!filter.has("", "Pod"));
        assert!(
            unread[0].starts_with("argocd-cm: resource.exclusions filters nothing: "),
            "{unread:?}"
        );
    }
}
