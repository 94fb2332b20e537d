//! A sync as it was asked for, and how far it is: the data that crosses between the planner and whoever acts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::hook::Phase;
use tidegate_model::object::annotation_words;
use tidegate_model::words::SYNC_OPTIONS;

use crate::ignore::matches;

/// Where an operation, or one hook of it, stands (`status.operationState.phase`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationPhase {
    /// Under way.
    Running,
    /// Asked to stop.
    Terminating,
    /// Ended: something could not be applied, or turned out badly.
    Failed,
    /// Ended: something unexpected.
    Error,
    /// Ended well.
    Succeeded,
}

impl OperationPhase {
    /// Whether it ended, well or not.
    pub const fn is_completed(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::Succeeded)
    }
}

/// What became of one object (`syncResult.resources[].status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultCode {
    /// Applied.
    Synced,
    /// Could not be applied or deleted.
    SyncFailed,
    /// Deleted.
    Pruned,
    /// Should have been deleted, but may not.
    PruneSkipped,
}

/// What became of one task so far (`syncResult.resources[]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    /// The object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// The API version without its group.
    pub version: String,
    /// What became of it; none while a task could not even be tried.
    pub status: Option<ResultCode>,
    /// The API server's words, or the object's own about its health.
    pub message: String,
    /// The hook's phase; none for a resource.
    pub hook_type: Option<Phase>,
    /// How far it is.
    pub hook_phase: Option<OperationPhase>,
    /// The phase that the task is part of.
    pub sync_phase: Phase,
    /// Images of the object's containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// Everything that must be remembered from one turn to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// In the order in which things happened.
    pub results: Vec<TaskResult>,
    /// Whether the dry run of everything has passed.
    pub dry_run_passed: bool,
    /// The waves of the deletions as they were first: they depend on each other, and must not move when some are done.
    pub prune_waves: Vec<(ObjectKey, i64)>,
}

/// Where the whole operation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// How far it is.
    pub phase: OperationPhase,
    /// In words, Argo CD's exactly: people's scripts read them.
    pub message: String,
}

impl State {
    pub(crate) fn new(phase: OperationPhase, message: impl Into<String>) -> Self {
        Self {
            phase,
            message: message.into(),
        }
    }
}

/// How pruned objects' dependents go (`PrunePropagationPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Propagation {
    /// First the dependents. The default.
    #[default]
    Foreground,
    /// The dependents later.
    Background,
    /// The dependents stay.
    Orphan,
}

/// Sync options of the Application and of the operation, read as Argo CD reads them: exact words, all others mean nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
}

impl Options {
    /// These words.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        Self {
            words: words.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Whether the word is there.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// What to do with the dependents of what is pruned.
    pub fn propagation(&self) -> Propagation {
        let value = self
            .words
            .iter()
            .find_map(|word| word.strip_prefix("PrunePropagationPolicy="));
        match value {
            Some("background") => Propagation::Background,
            Some("orphan") => Propagation::Orphan,
            _ => Propagation::Foreground,
        }
    }

    /// The value of an option for one object: its annotation's, else the Application's.
    pub(crate) fn value_for<'o>(&'o self, key: &str, object: Option<&'o Value>) -> Option<&'o str> {
        let value = |word: &'o str| word.strip_prefix(key)?.strip_prefix('=');
        object
            .and_then(|object| {
                annotation_words(object, SYNC_OPTIONS)
                    .into_iter()
                    .find_map(value)
            })
            .or_else(|| self.words.iter().map(String::as_str).find_map(value))
    }
}

/// Whether an object's annotation has a word.
pub(crate) fn has_word(object: Option<&Value>, word: &str) -> bool {
    object.is_some_and(|object| annotation_words(object, SYNC_OPTIONS).contains(&word))
}

/// One selected resource of a selective sync. Globs; an empty namespace is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `!`: everything but this.
    pub exclude: bool,
}

impl Selector {
    /// Reads `[!]GROUP:KIND:[NAMESPACE/]NAME`, the form of `--resource`; none where it has another.
    pub fn parse(text: &str) -> Option<Self> {
        let (exclude, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (group, rest) = text.split_once(':')?;
        let (kind, place) = rest.split_once(':')?;
        let (namespace, name) = place.split_once('/').unwrap_or(("", place));
        Some(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            exclude,
        })
    }

    fn names(&self, key: &ObjectKey) -> bool {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        matches(&self.group, &key.group)
            && matches(&self.kind, &key.kind)
            && matches(&self.name, &key.name)
            && (self.namespace.is_empty() || matches(&self.namespace, namespace))
    }
}

/// Whether a selection means an object. An exclusion alone means all others.
pub fn selects(selection: &[Selector], key: &ObjectKey) -> bool {
    let (excluded, included): (Vec<_>, Vec<_>) =
        selection.iter().partition(|selector| selector.exclude);
    let is_in = |selectors: &[&Selector]| selectors.iter().any(|selector| selector.names(key));
    !is_in(&excluded) && (included.is_empty() || is_in(&included))
}

/// A sync as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// The commit that is applied; part of the names of hooks that leave theirs open.
    pub revision: String,
    /// When it started; part of the same names.
    pub started_at: Timestamp,
    /// Whether superfluous objects are deleted.
    pub prune: bool,
    /// Whether a person agreed to the deletions that ask for it (`Prune=confirm`).
    pub prune_confirmed: bool,
    /// Whether nothing is to be changed.
    pub dry_run: bool,
    /// `apply --force`: what cannot be changed is deleted and made again.
    pub force: bool,
    /// Strategy `apply`: no hooks.
    pub skip_hooks: bool,
    /// Only these; empty is everything. A selective sync runs no hooks.
    pub selected: Vec<Selector>,
    /// Options of the Application, and of the operation.
    pub options: Options,
    /// Whether the Application says what the destination's namespace is labelled and annotated with (`managedNamespaceMetadata`).
    pub manages_namespace: bool,
    /// Whether unchanged objects are written too, as Argo CD does unless told `ApplyOutOfSyncOnly=true`.
    pub write_unchanged: bool,
}
