//! The hooks of a deletion: which are made, which are waited for, which go. Pure.
//!
//! Follows `controller/hook.go` of Argo CD: all of one kind at once, without waves; one that failed goes, so that the next try makes it anew, perhaps
//! from a mended manifest; what ran goes by its policies, and `BeforeHookCreation`, the default, leaves it where it is.

use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::health::HealthStatus;
use tidegate_model::hook::{DeletePolicy, Hook, delete_policies};
use tidegate_model::object::{at, name, text};
use tidegate_syncplan::health::Health;

use super::super::finalizers::is_hook;

/// What happens next.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Turn<'a> {
    /// Hooks to make, named.
    pub(super) create: Vec<Value>,
    /// Hooks to delete.
    pub(super) delete: Vec<&'a Value>,
    /// What a person has to know.
    pub(super) problem: Option<String>,
    /// Whether nothing is left to do or to wait for.
    pub(super) is_done: bool,
}

type Judge<'j> = &'j dyn Fn(&Value) -> Option<Health>;

/// Runs the hooks: makes those that are not there, then waits for all.
pub(super) fn run<'a>(
    hook: Hook,
    application: &Value,
    targets: &[Value],
    live: &'a [Value],
    judge: Judge,
) -> Turn<'a> {
    let there: Vec<&Value> = live.iter().filter(|live| is_hook(live, hook)).collect();
    let create: Vec<Value> = targets
        .iter()
        .filter(|target| is_hook(target, hook))
        .map(|target| named(target, application))
        .filter(|target| {
            let key = ObjectKey::of(target);
            !there.iter().any(|live| ObjectKey::of(live) == key)
        })
        .collect();
    if !create.is_empty() {
        return Turn {
            create,
            ..Turn::default()
        };
    }
    let is = |live: &Value, status: HealthStatus| {
        judge(live).is_some_and(|health| health.status == status)
    };
    let failed: Vec<&Value> = there
        .iter()
        .copied()
        .filter(|live| is(live, HealthStatus::Degraded))
        .collect();
    if !failed.is_empty() {
        let names: Vec<String> = failed.iter().map(|live| place(live)).collect();
        return Turn {
            problem: Some(format!(
                "{} hook(s) failed: {}",
                word(hook),
                names.join(", ")
            )),
            delete: failed,
            ..Turn::default()
        };
    }
    Turn {
        is_done: !there
            .iter()
            .any(|live| is_going(live) || is(live, HealthStatus::Progressing)),
        ..Turn::default()
    }
}

/// Takes the hooks away whose policies say so of how all of them ended.
pub(super) fn clear<'a>(hook: Hook, live: &'a [Value], judge: Judge) -> Turn<'a> {
    let there: Vec<&Value> = live.iter().filter(|live| is_hook(live, hook)).collect();
    let worst = there
        .iter()
        .filter_map(|live| judge(live))
        .map(|health| health.status)
        .max()
        .unwrap_or(HealthStatus::Healthy);
    let leaving: Vec<&Value> = there
        .into_iter()
        .filter(|live| {
            delete_policies(live).iter().any(|policy| match policy {
                DeletePolicy::HookSucceeded => worst == HealthStatus::Healthy,
                DeletePolicy::HookFailed => worst == HealthStatus::Degraded,
                DeletePolicy::BeforeHookCreation | DeletePolicy::Never => false,
            })
        })
        .collect();
    Turn {
        is_done: leaving.is_empty(),
        delete: leaving.into_iter().filter(|live| !is_going(live)).collect(),
        ..Turn::default()
    }
}

/// The hook with a name: one that leaves it open has the same in each look at this deletion.
fn named(target: &Value, application: &Value) -> Value {
    let mut target = target.clone();
    if name(&target).is_empty() {
        let prefix = text(&target, "/metadata/generateName").unwrap_or_default();
        let uid = text(application, "/metadata/uid").unwrap_or_default();
        let named = format!("{prefix}{}", uid.get(..8).unwrap_or(uid));
        if let Some(metadata) = target.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("name".to_owned(), json!(named));
        }
    }
    target
}

fn is_going(live: &Value) -> bool {
    at(live, "/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

fn place(live: &Value) -> String {
    let namespace = text(live, "/metadata/namespace").unwrap_or_default();
    format!("{namespace}/{}", name(live))
}

const fn word(hook: Hook) -> &'static str {
    match hook {
        Hook::PreDelete => "PreDelete",
        _ => "PostDelete",
    }
}

#[cfg(test)]
mod tests {
    use tidegate_model::words::{HOOK, HOOK_DELETE_POLICY};

    use super::*;

    /// `NAME [policy]`, of `PostDelete`.
    fn job(words: &str) -> Value {
        let (name, policy) = words.split_once(' ').unwrap_or((words, ""));
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "shop",
            "annotations": {HOOK: "PostDelete", HOOK_DELETE_POLICY: policy}}})
    }

    /// Jobs whose names end so are healthy (`h`), progressing (`p`) or degraded (`d`); `g` is healthy and going.
    fn judge(live: &Value) -> Option<Health> {
        let status = match name(live).chars().last()? {
            'h' | 'g' => HealthStatus::Healthy,
            'p' => HealthStatus::Progressing,
            _ => HealthStatus::Degraded,
        };
        Some(Health::new(status, ""))
    }

    fn shown(turn: &Turn) -> String {
        let names = |objects: &mut dyn Iterator<Item = &Value>| {
            objects.map(name).collect::<Vec<_>>().join(" ")
        };
        format!(
            "create [{}] delete [{}] {} {}",
            names(&mut turn.create.iter()),
            names(&mut turn.delete.iter().copied()),
            turn.is_done,
            turn.problem.as_deref().unwrap_or("-"),
        )
    }

    fn live(words: &[&str]) -> Vec<Value> {
        let mut jobs: Vec<Value> = words.iter().map(|words| job(words)).collect();
        for job in &mut jobs {
            if name(job).ends_with('g') {
                job["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            }
        }
        jobs
    }

    #[test]
    fn hooks_are_made_and_waited_for_and_those_that_failed_made_anew() {
        let check = |targets: &[&str], there: &[&str], expected: &str| {
            let targets: Vec<Value> = targets.iter().map(|words| job(words)).collect();
            let there = live(there);
            let turn = run(Hook::PostDelete, &Value::Null, &targets, &there, &judge);
            assert_eq!(shown(&turn), expected, "{targets:?}");
        };
        check(&[], &[], "create [] delete [] true -");
        check(&["a-h"], &[], "create [a-h] delete [] false -");
        check(&["a-h", "b-p"], &["a-h"], "create [b-p] delete [] false -");
        check(&["a-p"], &["a-p"], "create [] delete [] false -");
        check(&["a-h"], &["a-h"], "create [] delete [] true -");
        check(&["a-g"], &["a-g"], "create [] delete [] false -");
        check(
            &["a-h", "b-d"],
            &["a-h", "b-d"],
            "create [] delete [b-d] false PostDelete hook(s) failed: shop/b-d",
        );
        // Of the other kind.
        let other = run(Hook::PreDelete, &Value::Null, &[job("a-h")], &[], &judge);
        assert_eq!(shown(&other), "create [] delete [] true -");
    }

    #[test]
    fn hooks_go_by_their_policies_when_all_have_ended() {
        let check = |there: &[&str], expected: &str| {
            let there = live(there);
            assert_eq!(shown(&clear(Hook::PostDelete, &there, &judge)), expected);
        };
        check(&[], "create [] delete [] true -");
        check(&["a-h"], "create [] delete [] true -");
        check(&["a-h HookSucceeded"], "create [] delete [a-h] false -");
        check(&["a-g HookSucceeded"], "create [] delete [] false -");
        check(&["a-h HookFailed"], "create [] delete [] true -");
        check(
            &["a-h HookSucceeded", "b-d HookFailed"],
            "create [] delete [b-d] false -",
        );
    }

    #[test]
    fn a_hook_without_a_name_has_one_for_the_whole_deletion() {
        let target = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "bye-", "annotations": {HOOK: "PostDelete"}}});
        let application = json!({"metadata": {"uid": "01234567-89ab"}});
        let turn = run(Hook::PostDelete, &application, &[target], &[], &judge);
        assert_eq!(shown(&turn), "create [bye-01234567] delete [] false -");
    }
}
