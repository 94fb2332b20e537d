//! One policy twice: as a plain function of this program, and as a component in its sandbox.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_admission::{
    ByteSize, Call, Date, Evaluate as _, Evaluated, Operation, Review, Selection, Stage,
};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};
use tidegate_policy_sdk::native::{self, wit};
use unsafe_sql::UnsafeSql;

/// The component that `make policies` builds.
pub(crate) fn component() -> PathBuf {
    let folder = std::env::var("TIDEGATE_POLICIES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies"),
        PathBuf::from,
    );
    folder.join("unsafe-sql.wasm")
}

/// It, compiled, with the memory that `policies/policies.yaml` gives it and a time that a busy machine does not reach.
pub(crate) async fn load(host: &Host) -> PolicySet {
    let mut spec = PolicySpec::new("unsafe-sql", component());
    spec.limits.memory = ByteSize(256 << 20);
    spec.limits.cpu = Duration::from_secs(20);
    spec.limits.time = Duration::from_mins(1);
    host.load(vec![spec], None).await
}

/// A host as `serve` has it.
pub(crate) fn host() -> Arc<Host> {
    Host::new(HostSettings::default()).expect("a host starts")
}

/// What the component says.
pub(crate) async fn sandboxed(set: &PolicySet, review: &Arc<Review>) -> Evaluated {
    let call = Call {
        stage: Stage::Validate,
        selection: Selection::Matching,
        review: Arc::clone(review),
        budget: Duration::from_mins(1),
        day: Date::constant(2026, 6, 1),
    };
    set.evaluate(call).await.remove(0)
}

/// What the function says, with the copies of the texts that the host makes into the guest's memory.
pub(crate) fn natively(review: &Review) -> wit::Verdict {
    let request = wit::Admission {
        operation: match review.operation {
            Operation::Update => wit::Operation::Update,
            _ => wit::Operation::Create,
        },
        key: wit::ObjectKey {
            group: review.kind.group.clone(),
            version: review.kind.version.clone(),
            kind: review.kind.kind.clone(),
            namespace: review.namespace.clone(),
            name: review.name.clone(),
        },
        user: wit::UserInfo {
            username: review.user.username.clone(),
            uid: review.user.uid.clone(),
            groups: review.user.groups.clone(),
        },
        dry_run: review.dry_run,
        day: "2026-06-01".to_owned(),
        object: review.object.as_deref().map(str::to_owned),
        old_object: review.old_object.as_deref().map(str::to_owned),
        settings: "{}".to_owned(),
    };
    native::review::<UnsafeSql>(wit::Request::Admission(request)).expect("settings are good")
}
