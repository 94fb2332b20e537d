//! What an operator may set.

use tidegate_policy_sdk::prelude::*;

/// Settings of `wave-order`. Without any, it only reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    /// Moves `spec.syncOptions` of an Application to `spec.syncPolicy.syncOptions`, where Argo CD reads it. Off by default: Git still says
    /// otherwise, and an Application that another Application manages would differ from its manifest.
    pub move_sync_options: bool,
    /// Gives this wave to an AtlasSchema or AtlasMigration that has none and is no hook. Off by default. Argo CD orders a sync by the
    /// manifest in Git, so this helps only where the live object is read: when resources are pruned or deleted.
    pub default_wave: Option<i32>,
    /// Gives an Application that prunes automatically the finalizer `resources-finalizer.argocd.argoproj.io`. Off by default: an Application that is in Git
    /// differs from its manifest until Git has it too.
    pub add_finalizer: bool,
    /// Writes Argo CD's own retry defaults into an Application that syncs automatically and has none. Off by default, for the same reason.
    pub default_retry: bool,
    /// Gives an Application that syncs automatically and names a namespace the option `CreateNamespace=true`, unless it says anything about it. Off by
    /// default, for the same reason, and because a misspelt namespace is then made instead of refused.
    pub create_namespace: bool,
    /// Gives an Application the option `ServerSideApply=true`, unless it says anything about that or about `Replace`: objects larger than 256 KiB can be
    /// applied then. Off by default, for the same reason as the others.
    pub server_side_apply: bool,
    /// Names by which Argo CD and this gate go: of an Application, a folder in its path, or a chart.
    pub control_plane_names: Vec<String>,
    /// Namespaces that Argo CD and this gate run in.
    pub control_plane_namespaces: Vec<String>,
    /// Words in the name of a project that make it a production project, such as `prod` in `shop-prod`.
    pub production_words: Vec<String>,
    /// Refuses Applications of the project `default`, which permits everything. Off by default.
    pub forbid_default_project: bool,
    /// Says that `argocd-cm` has a health check for Application, so that waves of Applications do wait.
    pub applications_have_health: bool,
    /// The share of an application's objects, in percent, that one sync may delete.
    pub most_pruned_percent: u8,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            move_sync_options: false,
            default_wave: None,
            add_finalizer: false,
            default_retry: false,
            create_namespace: false,
            server_side_apply: false,
            control_plane_names: texts(&["argocd", "argo-cd", "tidegate"]),
            control_plane_namespaces: texts(&["argocd", "argo-cd", "tidegate", "tidegate-system"]),
            production_words: texts(&["prod", "production", "prd", "live"]),
            forbid_default_project: false,
            applications_have_health: false,
            most_pruned_percent: 50,
        }
    }
}

impl Settings {
    /// Whether a project is a production project, by the words of its name.
    pub(crate) fn is_production(&self, project: &str) -> bool {
        project.split(['-', '_', '.']).any(|word| {
            self.production_words
                .iter()
                .any(|own| own.eq_ignore_ascii_case(word))
        })
    }

    /// What the types cannot say: a name that is empty would match what nobody means.
    pub(crate) fn problems(&self) -> Vec<String> {
        [
            ("controlPlaneNames", &self.control_plane_names),
            ("controlPlaneNamespaces", &self.control_plane_namespaces),
            ("productionWords", &self.production_words),
        ]
        .into_iter()
        .flat_map(|(field, names)| {
            names
                .iter()
                .enumerate()
                .map(move |(index, name)| (field, index, name))
        })
        .filter(|(_, _, name)| name.trim().is_empty())
        .map(|(field, index, _)| {
            format!("/{field}/{index}: is empty; name something or leave it out")
        })
        .collect()
    }
}
