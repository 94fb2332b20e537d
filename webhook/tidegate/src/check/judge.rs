//! From things read to verdicts, on the very path that the webhook takes: a [`Review`] for the policy set, then [`decide`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_admission::{
    Call, Decision, Evaluate, GroupVersionKind, JudgedFinding, Operation, Review, Selection, Stage,
    UserInfo, answer, decide, parse_review,
};

use super::Dialect;
use super::locations::{self, Locations, Place};
use super::source::{Content, Item};
use crate::policies::today;

/// How long one object may take; each policy has its own, shorter limits.
const BUDGET: Duration = Duration::from_secs(30);

/// What names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectName {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// One thing with its verdict.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Its place among what was read.
    pub(crate) item: usize,
    pub(crate) file: String,
    pub(crate) text: Arc<str>,
    pub(crate) start: Place,
    /// None for a file of SQL.
    pub(crate) object: Option<ObjectName>,
    /// The request's own, which the answer echoes.
    uid: String,
    /// What the validating webhook decides.
    pub(crate) decision: Decision,
    /// What the mutating webhook decides, and what it would change. None for a file of SQL.
    pub(crate) mutation: Option<Decision>,
    locations: Option<Locations>,
}

impl Judged {
    /// A file that was not judged by itself, with nothing found yet.
    pub(super) fn of_file(file: &str, text: &str) -> Self {
        Self {
            item: usize::MAX,
            file: file.to_owned(),
            text: text.into(),
            start: Place { line: 1, column: 1 },
            object: None,
            uid: "check".to_owned(),
            decision: Decision::default(),
            mutation: None,
            locations: None,
        }
    }

    /// The bodies that the two webhooks answer with, the mutating one only for an object.
    pub(crate) fn answers(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let mutation = self.mutation.as_ref();
        (
            answer(&self.uid, &self.decision),
            mutation.map(|decision| answer(&self.uid, decision)),
        )
    }

    /// Where in the file what a finding names stands.
    pub(crate) fn place(&self, finding: &JudgedFinding) -> Place {
        let path = finding.path.as_deref().unwrap_or_default();
        let inside = finding
            .position
            .map(|at| (at.line as usize, at.column as usize));
        let found = match (&self.object, &self.locations, inside) {
            (None, _, Some((line, column))) => Some(Place { line, column }),
            (Some(_), Some(locations), Some((line, column))) => {
                locations.inside(path, line, column)
            }
            (Some(_), Some(locations), None) => locations.of(path),
            _ => None,
        };
        found.unwrap_or(self.start)
    }

    /// The column behind what a finding at this place is about, as far as that is in the same line.
    pub(crate) fn end_column(&self, place: Place) -> usize {
        locations::end_column(&self.text, place)
    }
}

/// The previous version of what is judged.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    objects: BTreeMap<ObjectName, Value>,
    /// By path below what was named, and the one text when a single file was named.
    sql: BTreeMap<String, String>,
}

impl Previous {
    /// Of the items below `--old`; `root` is what was named there.
    pub(crate) fn of(items: Vec<Item>, root: &str) -> Self {
        let mut previous = Self::default();
        for item in items {
            match item.content {
                Content::Manifest { object, .. } => {
                    previous.objects.insert(object_name(&object), object);
                }
                Content::Sql(text) => {
                    previous.sql.insert(below(&item.file, root), text);
                }
                Content::Review(_) | Content::WayBack => {}
            }
        }
        previous
    }
}

/// Judges everything, in order. `root` is what was named on the command line, for finding a SQL file's previous version.
pub(crate) async fn judge(
    items: Vec<Item>,
    previous: Option<&Previous>,
    roots: &[String],
    dialect: Option<Dialect>,
    policies: &impl Evaluate,
) -> Result<Vec<Judged>> {
    let mut judged = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let Some((review, object)) = review_of(&item, previous, roots, dialect)? else {
            continue;
        };
        let review = Arc::new(review);
        let decision = ask(policies, Stage::Validate, &review).await;
        let mutation = match object {
            Some(_) => Some(ask(policies, Stage::Mutate, &review).await),
            None => None,
        };
        let locations = match item.content {
            Content::Manifest { locations, .. } => Some(locations),
            Content::Sql(_) | Content::WayBack | Content::Review(_) => None,
        };
        judged.push(Judged {
            item: index,
            file: item.file,
            text: item.text,
            start: item.start,
            object,
            uid: review.uid.clone(),
            decision,
            mutation,
            locations,
        });
    }
    Ok(judged)
}

/// What the policies say of a folder of migrations as the one object that would carry it.
pub(super) async fn judge_folder(
    files: &[(String, String)],
    old: Option<&[(String, String)]>,
    dialect: Option<Dialect>,
    policies: &impl Evaluate,
) -> Decision {
    let object = |files: &[(String, String)]| {
        let texts: serde_json::Map<String, Value> = files
            .iter()
            .map(|(name, text)| (name.clone(), json!(text)))
            .collect();
        carrier("AtlasMigration", json!({"dir": {"local": texts}}), dialect)
    };
    let (new, old) = (object(files), old.map(object));
    let review = Arc::new(review(&object_name(&new), &new, old.as_ref()));
    ask(policies, Stage::Validate, &review).await
}

async fn ask(policies: &impl Evaluate, stage: Stage, review: &Arc<Review>) -> Decision {
    let call = Call {
        stage,
        selection: Selection::Matching,
        review: review.clone(),
        budget: BUDGET,
        day: today(),
    };
    decide(review, stage, &policies.evaluate(call).await)
}

fn review_of(
    item: &Item,
    previous: Option<&Previous>,
    roots: &[String],
    dialect: Option<Dialect>,
) -> Result<Option<(Review, Option<ObjectName>)>> {
    Ok(match &item.content {
        Content::Manifest { object, .. } => {
            let name = object_name(object);
            let old = previous.and_then(|previous| previous.objects.get(&name));
            Some((review(&name, object, old), Some(name)))
        }
        Content::Review(body) => {
            let review = parse_review(body)
                .with_context(|| format!("{}: line {}", item.file, item.start.line))?;
            let name = ObjectName {
                api_version: api_version(&review.kind),
                kind: review.kind.kind.clone(),
                namespace: review.namespace.clone(),
                name: review.name.clone(),
            };
            Some((review, Some(name)))
        }
        Content::WayBack => None,
        Content::Sql(text) => {
            let old = previous.and_then(|previous| previous_sql(previous, &item.file, roots));
            sql_review(&item.file, text, old.as_ref(), dialect).map(|review| (review, None))
        }
    })
}

/// Two files are two desired states of one schema; in a folder, files with a previous version are migrations that were edited, or not.
enum PreviousSql<'p> {
    Schema(&'p str),
    Migration(&'p str),
}

fn previous_sql<'p>(
    previous: &'p Previous,
    file: &str,
    roots: &[String],
) -> Option<PreviousSql<'p>> {
    let root = roots.iter().find(|root| file.starts_with(root.as_str()))?;
    if root == file {
        return previous.sql.get("").map(|text| PreviousSql::Schema(text));
    }
    previous
        .sql
        .get(&below(file, root))
        .map(|text| PreviousSql::Migration(text))
}

/// A file of SQL as the object that would carry it. None when there is nothing to say: an unchanged migration.
fn sql_review(
    file: &str,
    text: &str,
    old: Option<&PreviousSql<'_>>,
    dialect: Option<Dialect>,
) -> Option<Review> {
    let object = |kind: &str, spec: Value| carrier(kind, spec, dialect);
    let name = file.rsplit('/').next().unwrap_or(file);
    let schema = |text: &str| object("AtlasSchema", json!({"schema": {"sql": text}}));
    let (new, old) = match old {
        Some(PreviousSql::Schema(old)) => (schema(text), Some(schema(old))),
        Some(PreviousSql::Migration(old)) if *old == text => return None,
        Some(PreviousSql::Migration(_)) | None => (
            object("AtlasMigration", json!({"dir": {"local": {name: text}}})),
            None,
        ),
    };
    Some(review(&object_name(&new), &new, old.as_ref()))
}

/// An object of Atlas with this specification, for a database of this dialect or of one that is not known.
fn carrier(kind: &str, mut spec: Value, dialect: Option<Dialect>) -> Value {
    if let Some(fields) = spec.as_object_mut() {
        match dialect {
            Some(dialect) => fields.insert(
                "url".into(),
                json!(format!("{}://check/check", dialect.url_scheme())),
            ),
            None => fields.insert(
                "urlFrom".into(),
                json!({"secretKeyRef": {"name": "unknown", "key": "url"}}),
            ),
        };
    }
    json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": kind, "metadata": {"name": "check", "namespace": "default"}, "spec": spec})
}

fn review(name: &ObjectName, object: &Value, old: Option<&Value>) -> Review {
    let (group, version) = name
        .api_version
        .split_once('/')
        .unwrap_or(("", &name.api_version));
    let kind = GroupVersionKind {
        group: group.into(),
        version: version.into(),
        kind: name.kind.clone(),
    };
    Review {
        uid: "check".into(),
        operation: if old.is_some() {
            Operation::Update
        } else {
            Operation::Create
        },
        kind,
        resource: tidegate_admission::GroupVersionResource::default(),
        sub_resource: None,
        name: name.name.clone(),
        namespace: name.namespace.clone(),
        user: UserInfo {
            username: "tidegate:check".into(),
            ..UserInfo::default()
        },
        dry_run: true,
        object: Some(object.to_string().into()),
        old_object: old.map(|old| old.to_string().into()),
    }
}

fn api_version(kind: &GroupVersionKind) -> String {
    if kind.group.is_empty() {
        kind.version.clone()
    } else {
        format!("{}/{}", kind.group, kind.version)
    }
}

/// What names an object; the prefix of its name where the API server makes one up.
pub(crate) fn object_name(object: &Value) -> ObjectName {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    ObjectName {
        api_version: text("/apiVersion").unwrap_or_default(),
        kind: text("/kind").unwrap_or_default(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name")
            .or_else(|| text("/metadata/generateName"))
            .unwrap_or_default(),
    }
}

fn below(file: &str, root: &str) -> String {
    file.strip_prefix(root)
        .unwrap_or(file)
        .trim_start_matches('/')
        .to_owned()
}

/// A report of one finding, for tests of how reports are drawn.
#[cfg(test)]
pub(crate) fn dropped() -> super::report::Report {
    let mut judged = Judged::of_file("a.sql", "SELECT 1;\n  DROP TABLE t; SELECT 2;\n");
    judged.decision.findings.push(JudgedFinding {
        policy: "unsafe-sql".into(),
        rule: "drop-table".to_owned(),
        severity: tidegate_admission::Severity::Error,
        action: tidegate_admission::Action::Deny,
        message: "it is lost".to_owned(),
        path: None,
        position: Some(tidegate_admission::Position { line: 2, column: 3 }),
        suggestion: None,
    });
    super::report::Report::new(vec![judged], None, Vec::new())
}
