//! Why health could not be found out.

/// The health of an object could not be found out. Argo CD shows the object as `Unknown` with this as message, and the application with a
/// `ComparisonError`; [`Health::from`](crate::Health) does the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HealthError {
    /// The kind is known, this version of it is not.
    #[error("unsupported {kind} GVK: {version}, Kind={full_kind}")]
    Version {
        /// The kind, as messages shorten it.
        kind: &'static str,
        /// Group and version.
        version: String,
        /// The kind in full.
        full_kind: String,
    },
    /// A field has another type than the API gives it.
    #[error("failed to convert unstructured {kind} to typed: {field}: expected {wanted}")]
    Field {
        /// The kind, as messages shorten it.
        kind: &'static str,
        /// Path of the field. Its value is never quoted.
        field: String,
        /// The type that it should have.
        wanted: &'static str,
    },
    /// The annotation that carries the conditions of an autoscaler in version 1 is not a list of conditions.
    #[error("failed to convert conditions annotation to typed: {problem}")]
    Annotation {
        /// What is wrong with it.
        problem: String,
    },
    /// A script failed, or was stopped. The message is Lua's, or says which limit was reached.
    #[error("{0}")]
    Script(String),
    /// A script returned something else than a table.
    #[error("expect table output from Lua script, not {0}")]
    ReturnType(&'static str),
    /// A script returned a table that cannot be written as JSON, which is how Argo CD reads it.
    #[error("{0}")]
    Unencodable(String),
}
