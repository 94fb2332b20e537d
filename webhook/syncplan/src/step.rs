//! One thing to do to the cluster, as plain data.

use serde::Serialize;
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::hook::Phase;
use tidegate_model::words::{API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE};

use crate::operation::{Operation, Propagation, has_word};
use crate::task::Task;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Asked of the API server with `dryRun=All`; changes nothing.
    DryRun,
    /// Applied, and not there yet.
    Create,
    /// Applied over what is there.
    Apply,
    /// `kubectl replace`: what is there is exchanged, not merged.
    Replace,
    /// An update of the whole object: what `Replace=true` means for definitions and namespaces, whose replacement would take everything in them
    /// along.
    Update,
    /// Nothing is written: live already says it. It takes part in waiting all the same.
    Keep,
    /// Deleted, because nothing desires it any more.
    Prune,
    /// Superfluous, but not deleted.
    SkipPrune,
    /// A hook is deleted by its policy.
    Delete,
    /// The finalizer is taken off a hook whose result is known.
    Release,
    /// Nothing happens until objects are healthy or gone. Only in plans on paper.
    Wait,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What.
    pub action: Action,
    /// In which phase.
    pub phase: Phase,
    /// In which wave of it.
    pub wave: i64,
    /// To which object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Whether it is a hook.
    pub hook: bool,
    /// `--force`: deleted and made again where it cannot be changed.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
    /// By server-side apply.
    #[serde(skip_serializing_if = "is_false")]
    pub server_side: bool,
    /// Without validation.
    #[serde(skip_serializing_if = "is_false")]
    pub unvalidated: bool,
    /// How dependents go; of deletions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// For people: what is waited for, why something is not deleted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Its task.
    #[serde(skip)]
    pub task: usize,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Step {
    pub(crate) fn of(action: Action, index: usize, task: &Task, operation: &Operation) -> Self {
        let target = task.target.as_deref();
        let either = |word: &str| has_word(target, word) || has_word(task.live, word);
        let is_write = matches!(action, Action::Create | Action::Apply | Action::Replace);
        let is_delete = matches!(action, Action::Prune | Action::Delete);
        Self {
            action,
            phase: task.phase,
            wave: task.wave,
            key: task.key.clone(),
            hook: task.hook,
            force: is_write && (operation.force || either("Force=true")),
            server_side: is_write
                && !replaces(task, operation)
                && !has_word(target, "ServerSideApply=false")
                && (operation.options.has("ServerSideApply=true")
                    || has_word(target, "ServerSideApply=true")),
            unvalidated: (is_write || action == Action::DryRun)
                && (operation.options.has("Validate=false") || has_word(target, "Validate=false")),
            propagation: is_delete.then(|| operation.options.propagation()),
            message: String::new(),
            task: index,
        }
    }

    /// How a task is written.
    pub(crate) fn write(index: usize, task: &Task, operation: &Operation) -> Self {
        let is_whole = (task.key.group.is_empty() && task.key.kind == NAMESPACE)
            || (task.key.group == API_EXTENSIONS_GROUP
                && task.key.kind == CUSTOM_RESOURCE_DEFINITION);
        let action = if task.live.is_none() {
            Action::Create
        } else if is_left_alone(task, operation) {
            Action::Keep
        } else if !replaces(task, operation) {
            Action::Apply
        } else if is_whole {
            Action::Update
        } else {
            Action::Replace
        };
        Self::of(action, index, task, operation)
    }
}

/// Whether nothing has to be written. What is replaced always is: it loses what others added. Fields whose differences are ignored are written as
/// everything else is, unless `RespectIgnoreDifferences=true` says otherwise (argo-cd `controller/sync.go`, `normalizeTargetResources`).
fn is_left_alone(task: &Task, operation: &Operation) -> bool {
    let respects = operation.options.has("RespectIgnoreDifferences=true");
    task.unchanged
        && (respects || !task.differs_where_ignored)
        && !operation.write_unchanged
        && !replaces(task, operation)
}

/// `Replace=true`, on the Application, the manifest or the live object. It beats server-side apply.
fn replaces(task: &Task, operation: &Operation) -> bool {
    let has = |object: Option<&Value>| has_word(object, "Replace=true");
    operation.options.has("Replace=true") || has(task.target.as_deref()) || has(task.live)
}
