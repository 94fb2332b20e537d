//! A host, a folder of guests, and the short forms of the questions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_admission::{
    Call, Date, Evaluate as _, Evaluated, GroupVersionKind, GroupVersionResource, Operation,
    PolicyFailure, PolicyState, Review, Selection, Stage, UserInfo, Verdict,
};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};

use crate::guest::Guest;

/// A host and a folder for its guests.
pub(crate) struct Bench {
    pub(crate) host: Arc<Host>,
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(HostSettings::default())
    }

    pub(crate) fn with(settings: HostSettings) -> Self {
        Self {
            host: Host::new(settings).unwrap(),
            folder: TempDir::new().unwrap(),
        }
    }

    /// A spec of a guest, which is written to the folder.
    pub(crate) fn spec(&self, name: &str, guest: &Guest) -> PolicySpec {
        self.spec_of(name, &guest.build())
    }

    /// A spec of any bytes.
    pub(crate) fn spec_of(&self, name: &str, bytes: &[u8]) -> PolicySpec {
        let path = self.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).unwrap();
        patient(PolicySpec::new(name, path))
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A set of one guest.
    pub(crate) async fn load(&self, guest: &Guest) -> PolicySet {
        self.host.load(vec![self.spec("guest", guest)], None).await
    }
}

/// Tests run on busy machines, where a call in the slow lane may wait long for its CPU time: only tests of wall time have a short limit of it.
pub(crate) fn patient(mut spec: PolicySpec) -> PolicySpec {
    spec.limits.time = PATIENCE;
    spec
}

const PATIENCE: Duration = Duration::from_mins(1);

/// What the only policy of a set answers about an AtlasSchema.
pub(crate) async fn ask(set: &PolicySet) -> Result<Verdict, PolicyFailure> {
    let mut evaluated = set.evaluate(call(Stage::Validate, review())).await;
    assert_eq!(evaluated.len(), 1, "{evaluated:?}");
    evaluated.remove(0).outcome
}

/// A guest that answers its self-test but misbehaves at every request after it: those have the operation `update`.
pub(crate) fn on_update(review: &str) -> Guest {
    // The request's pointer leads to the variant; the operation is at offset 4, after its tag and padding.
    Guest::reviewing(&format!(
        "{} (if (i32.ne (i32.load8_u offset=4 (local.get 0)) (i32.const 1)) (then (return (i32.const 3072)))) {}",
        locals(review),
        without_locals(review)
    ))
}

fn locals(body: &str) -> String {
    body.lines()
        .filter(|line| line.trim_start().starts_with("(local $"))
        .collect()
}

fn without_locals(body: &str) -> String {
    body.lines()
        .filter(|line| !line.trim_start().starts_with("(local $"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// An update of an AtlasSchema.
pub(crate) fn review() -> Review {
    let object: Arc<str> = r#"{"apiVersion":"db.atlasgo.io/v1alpha1","kind":"AtlasSchema","metadata":{"name":"shop"},"spec":{}}"#.into();
    Review {
        uid: "u".into(),
        operation: Operation::Update,
        kind: GroupVersionKind {
            group: "db.atlasgo.io".into(),
            version: "v1alpha1".into(),
            kind: "AtlasSchema".into(),
        },
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: "shop".into(),
        namespace: Some("default".into()),
        user: UserInfo::default(),
        dry_run: false,
        object: Some(Arc::clone(&object)),
        old_object: Some(object),
    }
}

pub(crate) fn call(stage: Stage, review: Review) -> Call {
    Call {
        stage,
        selection: Selection::Matching,
        review: Arc::new(review),
        budget: PATIENCE,
        day: Date::constant(2026, 6, 1),
    }
}

/// The state of a set's policies, each as its reason or `ready` or `off`.
pub(crate) fn states(set: &PolicySet) -> Vec<String> {
    set.policies()
        .into_iter()
        .map(|policy| match policy.state {
            PolicyState::Ready => "ready".to_owned(),
            PolicyState::Off => "off".to_owned(),
            PolicyState::Failed(reason) => reason,
        })
        .collect()
}

/// The names of who was asked.
pub(crate) fn names(evaluated: &[Evaluated]) -> Vec<&str> {
    evaluated.iter().map(|one| &*one.policy).collect()
}
