//! The finalizers by which an Application says what has to happen before it goes, in the order in which it happens. Pure.
//!
//! `resources-finalizer...` is the user's: with it the objects go along. The others are ours to put on and take off, as Argo CD's are
//! (`controller/appcontroller.go`): an Application whose manifests have hooks of a deletion must not go before they ran.

use serde_json::Value;
use tidegate_model::hook::{Hook, Role, role};
use tidegate_model::object::at;

/// With it the objects go first; behind it may stand how their dependents go.
const RESOURCES: &str = "resources-finalizer.argocd.argoproj.io";
const PRE_DELETE: &str = "pre-delete-finalizer.argocd.argoproj.io";
const POST_DELETE: &str = "post-delete-finalizer.argocd.argoproj.io";

/// What has to happen next to an Application that is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Hooks run: `PreDelete` before the objects go, `PostDelete` after.
    Run(Hook),
    /// Hooks that ran go by their policies.
    Clear(Hook),
    /// The objects go; whether their dependents go later.
    Objects {
        /// Whether they do.
        background: bool,
    },
}

impl Stage {
    /// The next one; none where nothing of ours holds the Application.
    pub(super) fn of(application: &Value) -> Option<Self> {
        [Hook::PreDelete, Hook::PostDelete]
            .into_iter()
            .flat_map(|hook| {
                let objects = [false, true].map(|background| Self::Objects { background });
                let before = (hook == Hook::PostDelete).then_some(objects);
                let hooks = [Self::Run(hook), Self::Clear(hook)];
                before.into_iter().flatten().chain(hooks)
            })
            .find(|stage| finalizers(application).any(|word| stage.is_held_by(word)))
    }

    /// Whether a finalizer stands for this stage.
    pub(super) fn is_held_by(self, finalizer: &str) -> bool {
        match self {
            Self::Run(hook) => Some(finalizer) == word(hook),
            Self::Clear(hook) => {
                word(hook).and_then(|word| finalizer.strip_prefix(word)) == Some("/cleanup")
            }
            Self::Objects { background } => {
                finalizer
                    .strip_prefix(RESOURCES)
                    .is_some_and(|rest| match rest {
                        "/background" => background,
                        "" | "/foreground" => !background,
                        _ => false,
                    })
            }
        }
    }
}

/// Whether a finalizer is one that we know what to do for.
pub(super) fn is_ours(finalizer: &str) -> bool {
    let hooks = [Hook::PreDelete, Hook::PostDelete];
    let hooks = hooks.map(|hook| [Stage::Run(hook), Stage::Clear(hook)]);
    let objects = [false, true].map(|background| Stage::Objects { background });
    let mut stages = hooks.into_iter().flatten().chain(objects);
    stages.any(|stage| stage.is_held_by(finalizer))
}

/// An object's finalizers.
pub(super) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let listed = at(object, "/metadata/finalizers").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str)
}

/// The finalizers that an Application of these manifests should have; none where it has them.
pub(super) fn wanted(application: &Value, manifests: &[Value]) -> Option<Vec<String>> {
    let known: Vec<&str> = finalizers(application).collect();
    let mut wanted: Vec<String> = known.iter().map(|word| (*word).to_owned()).collect();
    for hook in [Hook::PreDelete, Hook::PostDelete] {
        let is_there = manifests.iter().any(|manifest| is_hook(manifest, hook));
        for stage in [Stage::Run(hook), Stage::Clear(hook)] {
            let has = known.iter().any(|word| stage.is_held_by(word));
            match (is_there, has, word(hook)) {
                (true, false, Some(word)) => wanted.push(match stage {
                    Stage::Clear(_) => format!("{word}/cleanup"),
                    _ => word.to_owned(),
                }),
                (false, true, _) => wanted.retain(|word| !stage.is_held_by(word)),
                _ => {}
            }
        }
    }
    (wanted != known).then_some(wanted)
}

/// Whether an object is such a hook of a deletion.
pub(super) fn is_hook(object: &Value, hook: Hook) -> bool {
    matches!(role(object), Role::AtDeletion(hooks) if hooks.contains(&hook))
}

const fn word(hook: Hook) -> Option<&'static str> {
    match hook {
        Hook::PreDelete => Some(PRE_DELETE),
        Hook::PostDelete => Some(POST_DELETE),
        Hook::Phase(_) | Hook::Skip => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_model::words::HOOK;

    use super::*;

    fn application(finalizers: &[&str]) -> Value {
        json!({"metadata": {"finalizers": finalizers}})
    }

    #[test]
    fn what_holds_an_application_goes_in_order() {
        let check = |finalizers: &[&str], expected: Option<Stage>| {
            assert_eq!(
                Stage::of(&application(finalizers)),
                expected,
                "{finalizers:?}"
            );
        };
        let objects = |background| Some(Stage::Objects { background });
        check(&[], None);
        check(&["example.org/held"], None);
        check(&["resources-finalizer.argocd.argoproj.io/other"], None);
        check(&[RESOURCES], objects(false));
        check(
            &["resources-finalizer.argocd.argoproj.io/background"],
            objects(true),
        );
        let (pre, post) = (
            format!("{PRE_DELETE}/cleanup"),
            format!("{POST_DELETE}/cleanup"),
        );
        let mut all = vec![
            POST_DELETE,
            post.as_str(),
            RESOURCES,
            PRE_DELETE,
            pre.as_str(),
        ];
        let mut seen = Vec::new();
        while let Some(stage) = Stage::of(&application(&all)) {
            all.retain(|word| !stage.is_held_by(word));
            seen.push(stage);
        }
        assert_eq!(
            seen,
            [
                Stage::Run(Hook::PreDelete),
                Stage::Clear(Hook::PreDelete),
                Stage::Objects { background: false },
                Stage::Run(Hook::PostDelete),
                Stage::Clear(Hook::PostDelete),
            ]
        );
        assert!(all.is_empty());
    }

    #[test]
    fn an_application_is_held_as_long_as_its_manifests_have_hooks_of_a_deletion() {
        let hook = |words: &str| json!({"metadata": {"name": "h", "annotations": {HOOK: words}}});
        let check = |known: &[&str], hooks: &[&str], expected: Option<&[&str]>| {
            let manifests: Vec<Value> = hooks.iter().map(|words| hook(words)).collect();
            let wanted = wanted(&application(known), &manifests);
            let expected = expected.map(|words| words.iter().map(ToString::to_string).collect());
            assert_eq!(wanted, expected, "{known:?} {hooks:?}");
        };
        let cleanup = format!("{POST_DELETE}/cleanup");
        let held = ["a.b/c", POST_DELETE, cleanup.as_str()];
        check(&["a.b/c"], &["PreSync", "Sync"], None);
        check(&["a.b/c"], &["PostDelete"], Some(&held));
        check(&held, &["PostDelete"], None);
        check(&held, &[], Some(&["a.b/c"]));
        check(
            &[],
            &["PreDelete"],
            Some(&[
                PRE_DELETE,
                "pre-delete-finalizer.argocd.argoproj.io/cleanup",
            ]),
        );
        // As a hook of a sync it runs there, and only there.
        check(&[], &["PreSync,PostDelete"], None);
    }
}
