//! AtlasSchema, AtlasMigration and AtlasDriftCheck (`db.atlasgo.io/v1alpha1`): what Tidegate reads of them, and the status it writes.
//!
//! Field names and defaults follow the custom resource definitions of the Atlas operator 0.7. Mind its spelling: the status of an AtlasSchema is in
//! snake case, that of an AtlasMigration in camel case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

mod drift_check;
mod status;

pub use drift_check::{AtlasDriftCheck, AtlasDriftCheckSpec, AtlasDriftCheckStatus, DriftSummary};
pub use status::{Condition, Progress, Reason, StatusUpdate, conditions};

use crate::object::{ViewError, view};
use crate::url::DatabaseUrl;

/// What every view needs of `metadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: Option<String>,
    /// Grows by one with each change of the spec; 0 in a manifest that no API server has seen.
    pub generation: i64,
    /// Changes with each write.
    #[serde(rename = "resourceVersion")]
    pub resource_version: Option<String>,
}

/// A schema that a database is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtlasSchema {
    /// Name and generation.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: AtlasSchemaSpec,
    /// What was seen last.
    pub status: AtlasSchemaStatus,
}

impl AtlasSchema {
    /// Reads the view.
    ///
    /// # Errors
    /// A field has another type than the definition gives it; the error quotes no value.
    pub fn from_object(object: &Value) -> Result<Self, ViewError> {
        view(object)
    }
}

/// `spec` of an AtlasSchema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtlasSchemaSpec {
    /// Where the database is.
    #[serde(flatten)]
    pub target: Target,
    /// What Atlas' own programs would need.
    #[serde(flatten)]
    pub project: Project,
    /// What it should look like.
    pub schema: Schema,
    /// What may not happen on the way there.
    pub policy: Policy,
    /// Names of the schemas (named databases) to manage; empty for the one in the url.
    pub schemas: Vec<String>,
    /// Glob patterns of what to leave alone, such as `atlas_schema_revisions` or `public.audit_*`.
    pub exclude: Vec<String>,
    /// `none`, `file` (the default) or `all`.
    #[serde(rename = "txMode")]
    pub transaction_mode: Option<String>,
    /// How many attempts may fail before the reconciler stops; 0 is without end.
    #[serde(rename = "backoffLimit")]
    pub backoff_limit: Option<u32>,
}

/// The part of `spec` that names the database. Where several are given, `urlFrom` wins over `url`, and `url` over `credentials`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Target {
    /// The url itself. It may hold a password; it prints masked.
    pub url: Option<DatabaseUrl>,
    /// The Secret that holds the url.
    #[serde(rename = "urlFrom")]
    pub url_from: Option<ValueFrom>,
    /// The url in parts.
    pub credentials: Option<Credentials>,
}

/// The part of `spec` that is about Atlas' project file, its Cloud, and the database that a wanted schema is tried out in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Project {
    /// An empty database to try out a wanted schema in. It may hold a password; it prints masked.
    #[serde(rename = "devURL")]
    pub dev_url: Option<DatabaseUrl>,
    /// The Secret that holds it.
    #[serde(rename = "devURLFrom")]
    pub dev_url_from: Option<ValueFrom>,
    /// A pod to run that database in, which Tidegate does not start. The url beside it is that pod's.
    #[serde(rename = "devDB")]
    pub dev_db: Option<Value>,
    /// A project file, `atlas.hcl`, which Tidegate does not read.
    pub config: Option<String>,
    /// The Secret that holds it.
    pub config_from: Option<ValueFrom>,
    /// Values for the project file.
    pub vars: Vec<Value>,
    /// Atlas Cloud, which Tidegate does not ask.
    pub cloud: BTreeMap<String, Value>,
}

/// A value held elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ValueFrom {
    /// A key of a Secret in the same namespace.
    pub secret_key_ref: Option<KeyRef>,
}

/// A key of a Secret or a `ConfigMap`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KeyRef {
    /// Name of the Secret or `ConfigMap`.
    pub name: String,
    /// Key in its data.
    pub key: String,
    /// Whether it may be missing.
    pub optional: Option<bool>,
}

/// A url in parts. The password prints masked.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Credentials {
    /// Such as `postgres`.
    pub scheme: Option<String>,
    /// User.
    pub user: Option<String>,
    /// Secret that holds the user.
    pub user_from: Option<ValueFrom>,
    /// Password, in plain text.
    pub password: Option<String>,
    /// Secret that holds the password.
    pub password_from: Option<ValueFrom>,
    /// Host.
    pub host: Option<String>,
    /// Secret that holds the host.
    pub host_from: Option<ValueFrom>,
    /// Port.
    pub port: Option<u16>,
    /// Database.
    pub database: Option<String>,
    /// Query of the url.
    pub parameters: BTreeMap<String, String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

/// The wanted schema. Where several are given, `configMapKeyRef` wins over `hcl`, `hcl` over `sql`, and `sql` over `url`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// As SQL statements.
    pub sql: Option<String>,
    /// As Atlas HCL, which Tidegate does not apply.
    pub hcl: Option<String>,
    /// As a schema in Atlas Cloud, which Tidegate does not apply.
    pub url: Option<String>,
    /// As a key of a `ConfigMap`, ending in `.sql` or `.hcl`.
    #[serde(rename = "configMapKeyRef")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// What may not happen when a schema is applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// What is refused.
    pub lint: Lint,
    /// What is left out of the plan.
    pub diff: Diff,
}

/// Checks of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Lint {
    /// The check for destructive changes.
    pub destructive: Destructive,
    /// `ALWAYS`, `WARNING` or `ERROR`.
    pub review: Option<String>,
}

/// The check for destructive changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Destructive {
    /// Whether a destructive change fails the apply; none where nobody said.
    pub error: Option<bool>,
}

/// How the plan is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Diff {
    /// Kinds of change to leave out: keys such as `drop_table`, `drop_column`, `modify_index`.
    pub skip: BTreeMap<String, bool>,
    /// Whether indexes are made and dropped concurrently (PostgreSQL): keys `create`, `drop`.
    pub concurrent_index: BTreeMap<String, bool>,
}

impl Diff {
    /// Whether a kind of change, such as `drop_table`, is left out of the plan.
    pub fn skips(&self, change: &str) -> bool {
        self.skip.get(change).copied().unwrap_or_default()
    }
}

/// `status` of an AtlasSchema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtlasSchemaStatus {
    /// Generation that the conditions speak of; 0 here and -1 on an API server where there is none yet.
    #[serde(rename = "observedGeneration")]
    pub observed_generation: i64,
    /// Ready, Reconciling, Stalled.
    pub conditions: Vec<Condition>,
    /// Hash of the schema applied last.
    pub observed_hash: String,
    /// When it was applied, in seconds since 1970.
    pub last_applied: i64,
    /// Failures in a row.
    pub failed: u32,
}

/// Versioned migrations that a database is to have run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtlasMigration {
    /// Name and generation.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: AtlasMigrationSpec,
    /// What was seen last.
    pub status: AtlasMigrationStatus,
}

impl AtlasMigration {
    /// Reads the view.
    ///
    /// # Errors
    /// A field has another type than the definition gives it; the error quotes no value.
    pub fn from_object(object: &Value) -> Result<Self, ViewError> {
        view(object)
    }
}

/// `spec` of an AtlasMigration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AtlasMigrationSpec {
    /// Where the database is.
    #[serde(flatten)]
    pub target: Target,
    /// What Atlas' own programs would need.
    #[serde(flatten)]
    pub project: Project,
    /// Where the files are.
    pub dir: Directory,
    /// Schema that holds the revision table.
    pub revisions_schema: Option<String>,
    /// Version to start from: files up to it count as applied.
    pub baseline: Option<String>,
    /// `linear` (the default), `linear-skip` or `non-linear`.
    pub exec_order: Option<String>,
    /// How many attempts may fail before the reconciler stops; 0 is without end.
    pub backoff_limit: Option<u32>,
    /// What may be done about files that were taken away.
    pub protected_flows: ProtectedFlows,
    /// What is looked for before anything runs.
    pub policy: MigrationPolicy,
}

/// What is looked for before a migration runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MigrationPolicy {
    /// Whether somebody changed the database beside the files; not looked for where there is none.
    pub drift: Option<DriftPolicy>,
}

/// The check for changes beside the files (Atlas operator 0.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DriftPolicy {
    /// `FAIL` (the default): nothing runs then. `CONTINUE`: it is said, and what is pending runs.
    pub on_error: Option<String>,
    /// Glob patterns of what may differ.
    pub exclude: Vec<String>,
}

/// Guards around dangerous flows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProtectedFlows {
    /// Going back to an older version.
    pub migrate_down: MigrateDown,
}

/// Going back to an older version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MigrateDown {
    /// Whether it may be done.
    pub allow: bool,
    /// Whether nobody has to approve it.
    pub auto_approve: bool,
}

/// The migration directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Directory {
    /// File name to content, inside the object.
    pub local: BTreeMap<String, String>,
    /// A `ConfigMap` whose keys are file names.
    #[serde(rename = "configMapRef")]
    pub config_map_ref: Option<NameRef>,
    /// A directory somewhere else.
    pub remote: Option<RemoteDirectory>,
}

/// A migration directory somewhere else. The Atlas operator means one in Atlas Cloud, which Tidegate does not ask; Tidegate one in a Git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RemoteDirectory {
    /// Where: `git::ADDRESS//FOLDER`.
    pub name: String,
    /// Which version: a branch, a tag or a commit.
    pub tag: String,
}

/// A thing in the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NameRef {
    /// Its name.
    pub name: String,
}

/// `status` of an AtlasMigration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AtlasMigrationStatus {
    /// Generation that the conditions speak of; 0 here and -1 on an API server where there is none yet.
    pub observed_generation: i64,
    /// Ready, Reconciling, Stalled.
    pub conditions: Vec<Condition>,
    /// Version of the file applied last.
    pub last_applied_version: String,
    /// Hash of what was applied last.
    #[serde(rename = "observed_hash")]
    pub observed_hash: String,
    /// When it was applied, in seconds since 1970.
    pub last_applied: i64,
    /// Failures in a row.
    pub failed: u32,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_of_the_guide_is_read() {
        let object = json!({
            "apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema",
            "metadata": {"name": "myapp", "generation": 3, "annotations": {"argocd.argoproj.io/sync-wave": "1"}},
            "spec": {
                "url": "mysql://root:pass@mysql:3306/example",
                "urlFrom": {"secretKeyRef": {"name": "db", "key": "url"}},
                "schema": {"sql": "create table users (id int);"},
                "policy": {"lint": {"destructive": {"error": true}}, "diff": {"skip": {"drop_column": true}}},
                "devURL": "mysql://root:pass@dev/",
            },
            "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Applied", "message": "", "lastTransitionTime": "t"}],
                       "observed_hash": "h", "last_applied": 7, "failed": 1, "observedGeneration": 2},
        });
        let schema = AtlasSchema::from_object(&object).expect("the guide's own object");
        assert_eq!(schema.metadata.generation, 3);
        assert_eq!(
            schema.spec.schema.sql.as_deref(),
            Some("create table users (id int);")
        );
        assert_eq!(
            schema
                .spec
                .target
                .url
                .as_ref()
                .and_then(DatabaseUrl::scheme)
                .as_deref(),
            Some("mysql")
        );
        assert_eq!(
            schema
                .spec
                .target
                .url_from
                .as_ref()
                .and_then(|from| from.secret_key_ref.as_ref())
                .map(|key| key.name.as_str()),
            Some("db")
        );
        assert!(
            schema.spec.policy.lint.destructive.error == Some(true)
                && schema.spec.policy.diff.skips("drop_column")
        );
        assert_eq!(
            (
                schema.status.observed_generation,
                schema.status.failed,
                schema.status.last_applied
            ),
            (2, 1, 7)
        );
        assert!(!format!("{schema:?}").contains("root:pass"));
    }

    #[test]
    fn a_migration_is_read() {
        let object = json!({"kind": "AtlasMigration", "spec": {
            "credentials": {"scheme": "postgres", "host": "h", "password": "hunter2", "passwordFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            "dir": {"local": {"1.sql": "select 1;"}}, "execOrder": "linear", "backoffLimit": 4},
            "status": {"lastAppliedVersion": "1", "observed_hash": "h"}});
        let migration = AtlasMigration::from_object(&object).expect("well formed");
        assert_eq!(migration.spec.dir.local.len(), 1);
        assert_eq!(migration.spec.backoff_limit, Some(4));
        assert_eq!(
            (
                migration.status.last_applied_version.as_str(),
                migration.status.observed_hash.as_str()
            ),
            ("1", "h")
        );
        assert!(!format!("{migration:?}").contains("hunter2"));
    }

    #[test]
    fn an_empty_object_has_an_empty_view() {
        assert_eq!(
            AtlasSchema::from_object(&json!({})),
            Ok(AtlasSchema::default())
        );
    }
}
