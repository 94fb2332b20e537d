//! Which schema an AtlasSchema wants, by which way, and whether everything that it wants beside it can be had. Pure.

use serde::Deserialize as _;
use serde_json::Value;
use sha2::Digest as _;
use tidegate_database::TransactionMode;
use tidegate_model::atlas::{AtlasSchemaSpec, Diff, KeyRef, Project, Reason};
use tidegate_schemaplan::{Settings, Skip};

use super::snapshot::{Review, Wish};
use super::text::Gist;
use crate::problem::Problem;
use crate::standing::BACKOFF_LIMIT;

/// Where the wanted schema is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// In the object.
    Sql(&'a str),
    /// In a `ConfigMap`.
    ConfigMap(&'a KeyRef),
}

/// The operator's fifteen words for kinds of changes.
const SKIPS: &[&str] = &["schema", "table", "column", "index", "foreign_key"];

/// Reads both; an error names everything that cannot be had, so that it is said once.
pub(super) fn read(spec: &AtlasSchemaSpec) -> Result<(Source<'_>, Wish), Problem> {
    match (source(spec), wish(spec)) {
        (Ok(source), Ok(wish)) => Ok((source, wish)),
        (Err(source), Err(wish)) => refuse(format!("{}; {}", wish.message, source.message)),
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// Reads the source, by the Atlas operator's precedence: `configMapKeyRef`, `hcl`, `sql`, `url`.
fn source(spec: &AtlasSchemaSpec) -> Result<Source<'_>, Problem> {
    if let Some(reference) = &spec.schema.config_map_key_ref {
        let is_sql = reference
            .key
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension == "sql");
        return if is_sql {
            Ok(Source::ConfigMap(reference))
        } else {
            refuse(format!(
                "spec.schema.configMapKeyRef.key must be ending with .sql, received {:?}; schemas in Atlas HCL cannot be \
                 applied: write the schema as SQL",
                reference.key
            ))
        };
    }
    if spec.schema.hcl.is_some() {
        return refuse(
            "spec.schema.hcl cannot be applied: write the schema as SQL into spec.schema.sql",
        );
    }
    match (&spec.schema.sql, &spec.schema.url) {
        (Some(sql), _) => Ok(Source::Sql(sql)),
        (None, Some(_)) => refuse(
            "spec.schema.url names a schema in Atlas Cloud, which cannot be applied: write it as SQL into spec.schema.sql",
        ),
        (None, None) => refuse("there is no schema: write SQL into spec.schema.sql"),
    }
}

/// Reads what is wanted of the way there; [`Wish::hash`] is still to come.
///
/// A setting that cannot be followed is refused with the whole object: whoever wrote it counts on it, and to leave it out in silence would do what
/// they forbade.
fn wish(spec: &AtlasSchemaSpec) -> Result<Wish, Problem> {
    let diff = &spec.policy.diff;
    let mut unknown = without_cloud(&spec.project);
    if let Some(word) = diff.skip.keys().find(|word| !is_skip(word)) {
        unknown.push(format!("spec.policy.diff.skip.{word}"));
    }
    let review = spec.policy.lint.review.as_deref();
    if !unknown.is_empty() {
        return refuse(cannot_follow(&unknown));
    }
    Ok(Wish {
        hash: String::new(),
        settings: Settings {
            exclude: spec.exclude.clone(),
            skip: skips(diff),
            concurrent_index_create: is_set(diff, "create"),
            concurrent_index_drop: is_set(diff, "drop"),
            renames: Vec::new(),
        },
        schemas: spec.schemas.clone(),
        transaction: transaction(spec.transaction_mode.as_deref())?,
        // Whoever wants to see errors or warnings wants to see what loses data.
        may_lose: spec.policy.lint.destructive.error == Some(false)
            && !matches!(review, Some("ERROR" | "WARNING")),
        review: match review {
            Some("ALWAYS") => Review::All,
            Some("WARNING") => Review::Warned,
            _ => Review::None,
        },
        backoff_limit: spec.backoff_limit.unwrap_or(BACKOFF_LIMIT),
    })
}

/// What of a project cannot be had without Atlas' own programs.
pub(crate) fn without_cloud(project: &Project) -> Vec<String> {
    let is_asked = |value: &Value| !value.is_null() && value.as_str() != Some("");
    [
        (
            project.config.is_some() || project.config_from.is_some(),
            "spec.config (a project file of Atlas)",
        ),
        (
            !project.vars.is_empty(),
            "spec.vars (they are for a project file)",
        ),
        (
            project.cloud.values().any(is_asked),
            "spec.cloud (nothing is asked of Atlas Cloud)",
        ),
    ]
    .into_iter()
    .filter(|(is_set, _)| *is_set)
    .map(|(_, name)| name.to_owned())
    .collect()
}

/// The refusal of settings by their names.
pub(crate) fn cannot_follow(names: &[String]) -> String {
    format!(
        "this version cannot follow {}: remove it, or nothing is applied",
        names.join(", ")
    )
}

/// What tells a wanted schema from others: its statements, whatever comments are between them, and what narrows it.
pub(super) fn hash(gist: &Gist, wish: &Wish) -> String {
    use base64::Engine as _;
    let mut digest = gist.statements();
    if wish.settings != Settings::default() || !wish.schemas.is_empty() {
        digest.update([0]);
        let narrowed = (&wish.settings, &wish.schemas);
        digest.update(serde_json::to_vec(&narrowed).unwrap_or_default());
    }
    base64::engine::general_purpose::STANDARD.encode(digest.finalize())
}

fn transaction(mode: Option<&str>) -> Result<TransactionMode, Problem> {
    match mode {
        None | Some("" | "file") => Ok(TransactionMode::File),
        Some("all") => Ok(TransactionMode::All),
        Some("none") => Ok(TransactionMode::None),
        Some(other) => refuse(format!(
            "spec.txMode is {other:?}; it can be file, all or none"
        )),
    }
}

fn is_skip(word: &str) -> bool {
    let of_what = ["add_", "drop_", "modify_"]
        .into_iter()
        .find_map(|doing| word.strip_prefix(doing));
    of_what.is_some_and(|what| SKIPS.contains(&what))
}

fn skips(diff: &Diff) -> Skip {
    let words = diff.skip.iter();
    let words = words.map(|(word, skip)| (word.clone(), Value::Bool(*skip)));
    Skip::deserialize(Value::Object(words.collect())).unwrap_or_default()
}

fn is_set(diff: &Diff, doing: &str) -> bool {
    diff.concurrent_index
        .get(doing)
        .copied()
        .unwrap_or_default()
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::new(Reason::ReadSchema, message))
}

#[cfg(test)]
mod tests;
