//! Keys, groups and kinds, written once.

/// API group of Argo CD's own kinds.
pub const ARGO_GROUP: &str = "argoproj.io";
/// API version of Application and AppProject.
pub const ARGO_API_VERSION: &str = "argoproj.io/v1alpha1";
/// Kind of an Argo CD application.
pub const APPLICATION: &str = "Application";
/// Kind of an Argo CD project.
pub const APP_PROJECT: &str = "AppProject";

/// API group of the Atlas operator's kinds.
pub const ATLAS_GROUP: &str = "db.atlasgo.io";
/// API version of AtlasSchema and AtlasMigration.
pub const ATLAS_API_VERSION: &str = "db.atlasgo.io/v1alpha1";
/// Kind of a declarative schema.
pub const ATLAS_SCHEMA: &str = "AtlasSchema";
/// Kind of a versioned migration.
pub const ATLAS_MIGRATION: &str = "AtlasMigration";
/// Kind of a repeated check of a migrated database.
pub const ATLAS_DRIFT_CHECK: &str = "AtlasDriftCheck";

/// Annotation: the hash of the one plan that may run although it loses data.
pub const APPROVE: &str = "gate.tidegate.dev/approve";
/// Annotation: what a person found of a statement whose end a crash hid, as `FILE:NUMBER done` or `FILE:NUMBER again`.
pub const IN_DOUBT: &str = "gate.tidegate.dev/in-doubt";
/// Annotation: the first line of the one `atlas.sum` whose files count as applied though some were edited since.
pub const EDITED: &str = "gate.tidegate.dev/edited";
/// Annotation: which try of which sync made a hook. Written by the reconciler, for whoever goes on after it was killed.
pub const HOOK_OF: &str = "gate.tidegate.dev/hook-of";
/// Annotation: `repair` or `report`, what is done about a database that somebody else changed.
pub const DRIFT: &str = "gate.tidegate.dev/drift";

/// API group of `CustomResourceDefinition`.
pub const API_EXTENSIONS_GROUP: &str = "apiextensions.k8s.io";
/// Kind that defines other kinds.
pub const CUSTOM_RESOURCE_DEFINITION: &str = "CustomResourceDefinition";
/// Kind of a namespace (core group).
pub const NAMESPACE: &str = "Namespace";

/// Position of a resource within its phase: an integer, lower first, 0 when absent.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Comma-separated hook words; makes a resource a hook of those phases.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// Comma-separated words saying when a finished hook is deleted.
pub const HOOK_DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// Comma-separated sync options of one resource.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Annotation: words about the comparison of one object, comma-separated.
pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
/// Says which application tracks a resource: `<app>:<group>/<kind>:<namespace>/<name>` (the default tracking since Argo CD 3).
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The label by which Argo CD tracked resources before version 3, and still may.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// The recommended label naming the tool that manages an object. Helm writes it on everything it renders.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Which of several installations on one cluster marked an object (`installationID` of `argocd-cm`).
pub const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
/// Asks the controller for a comparison: `normal` or `hard`.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";
/// A person's agreement to deletions that ask for it: a time that is not before the operation.
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";
/// The annotation in which `kubectl apply` keeps what it was given last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Helm's hook words, which Argo CD maps to its own.
pub const HELM_HOOK: &str = "helm.sh/hook";
/// Helm's order among hooks; Argo CD takes it as the wave where the wave annotation does not parse.
pub const HELM_HOOK_WEIGHT: &str = "helm.sh/hook-weight";
/// Helm's words for when a hook is deleted.
pub const HELM_HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// The namespace Argo CD is installed in unless somebody chose another.
pub const ARGO_CD_NAMESPACE: &str = "argocd";
/// The address of the cluster that Argo CD itself runs in.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// The name of the cluster that Argo CD itself runs in.
pub const IN_CLUSTER_NAME: &str = "in-cluster";
