//! From specs to a set of policies. Never fails as a whole: what is wrong with one policy becomes its state, and the others stand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tidegate_admission::{
    Date, GroupVersionKind, GroupVersionResource, Operation, PolicyFailure, PolicyInfo, Review,
    UserInfo,
};
use tokio::sync::OnceCell;

use crate::call::Caller;
use crate::compile::compile;
use crate::engine::{MOST_CORE_INSTANCES, MOST_TABLE_ELEMENTS};
use crate::host::{Host, Shared};
use crate::log::{LogGate, clean};
use crate::sandbox::{Answer, Exports, Question, Sandbox};
use crate::set::{PolicySet, Slot, SlotState};
use crate::source::{self, ComponentDigest, PolicySpec};
use crate::translate;

/// How long a policy may take for each of the questions at load, whatever its limit says: the machine is busy compiling others. The limit of CPU
/// time holds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Problems of a policy's settings that are shown.
const MOST_PROBLEMS: usize = 20;

/// A policy that answers.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) caller: Arc<Caller>,
    pub(crate) info: Arc<PolicyInfo>,
    pub(crate) digest: ComponentDigest,
}

/// Components of this load, each compiled once however many policies are made of it.
#[derive(Default)]
struct Compiled(Mutex<BTreeMap<ComponentDigest, Compiling>>);

/// One component, compiled by the first who asks; the others wait.
type Compiling = Arc<OnceCell<Result<Arc<Exports>, String>>>;

/// Why a policy does not answer, and what is known of it all the same.
struct Failed {
    reason: String,
    digest: Option<ComponentDigest>,
    info: Option<Arc<PolicyInfo>>,
}

impl Host {
    /// Loads the policies, several at once. A policy of `previous` whose bytes, settings and limits are the same goes on as it is. Each has answered,
    /// before this ends, a self-test: it described itself, found its settings good and judged a harmless object. Needs a tokio runtime with time.
    pub async fn load(&self, specs: Vec<PolicySpec>, previous: Option<&PolicySet>) -> PolicySet {
        let compiled = Compiled::default();
        let at_once = available_parallelism().map_or(1, usize::from);
        let mut slots: Vec<Slot> = futures::stream::iter(specs)
            .map(|spec| {
                load_slot(
                    Arc::clone(&self.shared),
                    Arc::new(spec),
                    previous,
                    &compiled,
                )
            })
            .buffered(at_once)
            .collect()
            .await;
        for index in 1..slots.len() {
            let (earlier, rest) = slots.split_at_mut(index);
            if let Some(slot) = rest.first_mut()
                && earlier
                    .iter()
                    .any(|other| other.spec.name == slot.spec.name)
            {
                slot.state = SlotState::Failed("another policy has the same name".into());
            }
        }
        for slot in &slots {
            if let SlotState::Failed(reason) = &slot.state {
                tracing::error!(
                    policy = &*slot.spec.name,
                    reason,
                    "a policy could not be loaded"
                );
            }
        }
        PolicySet::new(slots)
    }
}

async fn load_slot(
    shared: Arc<Shared>,
    spec: Arc<PolicySpec>,
    previous: Option<&PolicySet>,
    compiled: &Compiled,
) -> Slot {
    let before = previous.and_then(|set| set.slot(&spec.name));
    if spec.is_off() {
        return Slot {
            info: before.and_then(|slot| slot.info.clone()),
            digest: None,
            spec,
            state: SlotState::Off,
        };
    }
    match load(shared, &spec, before, compiled).await {
        Ok(ready) => Slot {
            info: Some(Arc::clone(&ready.info)),
            digest: Some(ready.digest),
            spec,
            state: SlotState::Ready(ready.caller),
        },
        Err(failed) => Slot {
            info: failed
                .info
                .or_else(|| before.and_then(|slot| slot.info.clone())),
            digest: failed.digest,
            spec,
            state: SlotState::Failed(failed.reason),
        },
    }
}

async fn load(
    shared: Arc<Shared>,
    spec: &Arc<PolicySpec>,
    before: Option<&Slot>,
    compiled: &Compiled,
) -> Result<Ready, Failed> {
    let unread = |reason| Failed {
        reason,
        digest: None,
        info: None,
    };
    let largest = shared.settings.largest_component;
    let for_read = Arc::clone(spec);
    let (bytes, digest) = blocking(move || source::read(&for_read.source, largest))
        .await
        .map_err(unread)?;
    let failed = |reason| Failed {
        reason,
        digest: Some(digest),
        info: None,
    };
    if let Some(ready) = before.and_then(|slot| slot.unchanged(spec, &digest)) {
        return Ok(ready);
    }
    check_limits(&shared, spec).map_err(failed)?;
    let cell = compiled.cell(digest);
    let exports = cell
        .get_or_init(|| async {
            let shared = Arc::clone(&shared);
            blocking(move || compile(&shared, &bytes, &digest))
                .await
                .map(Arc::new)
        })
        .await;
    let exports = exports.clone().map_err(failed)?;
    let sandbox = Sandbox {
        engine: shared.engine.clone(),
        exports,
        policy: Arc::clone(&spec.name),
        limits: spec.limits.clone(),
        settings: Arc::clone(&spec.settings),
        log: Arc::new(LogGate::new(Arc::clone(&spec.name))),
    };
    let caller = Arc::new(Caller::new(shared, sandbox));
    let info = Arc::new(describe(&caller, spec).await.map_err(failed)?);
    self_test(&caller, &info).await.map_err(|reason| Failed {
        reason,
        digest: Some(digest),
        info: Some(Arc::clone(&info)),
    })?;
    Ok(Ready {
        caller,
        info,
        digest,
    })
}

/// What the engine cannot give is not silently cut.
fn check_limits(shared: &Shared, spec: &PolicySpec) -> Result<(), String> {
    let (limits, settings) = (&spec.limits, &shared.settings);
    if limits.memory > settings.largest_memory {
        Err(format!(
            "its memory limit of {} is above the host's {}",
            limits.memory, settings.largest_memory
        ))
    } else if limits.stack > settings.stack {
        Err(format!(
            "its stack limit of {} is above the host's {}",
            limits.stack, settings.stack
        ))
    } else if limits.table_elements > MOST_TABLE_ELEMENTS {
        Err(format!(
            "its limit of {} table elements is above the host's {MOST_TABLE_ELEMENTS}",
            limits.table_elements
        ))
    } else if limits.instances > MOST_CORE_INSTANCES {
        Err(format!(
            "its limit of {} core instances is above the host's {MOST_CORE_INSTANCES}",
            limits.instances
        ))
    } else {
        Ok(())
    }
}

async fn describe(caller: &Caller, spec: &PolicySpec) -> Result<PolicyInfo, String> {
    let Answer::Info(info) = ask(caller, "describe", Question::Describe).await? else {
        return Err("it did not describe itself".into());
    };
    let info = translate::info(*info)?;
    let missing: Vec<_> = info
        .capabilities
        .iter()
        .filter(|wanted| !spec.capabilities.contains(*wanted))
        .collect();
    if !missing.is_empty() {
        let names = missing
            .iter()
            .map(|name| format!("`{}`", clean(name)))
            .collect::<Vec<_>>();
        return Err(format!(
            "it needs {}, which is not granted: name it under `capabilities`",
            names.join(", ")
        ));
    }
    Ok(info)
}

async fn self_test(caller: &Caller, info: &Arc<PolicyInfo>) -> Result<(), String> {
    if let Answer::Settings(Err(problems)) =
        ask(caller, "check-settings", Question::CheckSettings).await?
    {
        let shown: Vec<_> = problems
            .iter()
            .take(MOST_PROBLEMS)
            .map(|problem| clean(problem))
            .collect();
        return Err(format!("its settings are not good: {}", shown.join("; ")));
    }
    let review = Arc::new(harmless(info));
    // Any day: nothing is kept of the answer.
    let day = Date::constant(2026, 1, 1);
    ask(
        caller,
        "review",
        Question::Review(review, day, Arc::clone(info)),
    )
    .await
    .map(drop)
}

async fn ask(caller: &Caller, name: &str, question: Question) -> Result<Answer, String> {
    let called = caller.call(question, Instant::now() + PATIENCE).await;
    called
        .outcome
        .map_err(|failure: PolicyFailure| format!("it failed its self-test in `{name}`: {failure}"))
}

/// An object of the first kind that the policy wants, with nothing in it. What the policy finds in it does not matter, only that it answers.
fn harmless(info: &PolicyInfo) -> Review {
    let first = |list: Option<&Vec<String>>, any: &str| {
        list.and_then(|list| list.first())
            .filter(|value| *value != "*")
            .map_or_else(|| any.to_owned(), Clone::clone)
    };
    let rule = info.matches.first();
    let group = first(rule.map(|rule| &rule.groups), "");
    let version = if group.is_empty() { "v1" } else { "v1alpha1" };
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let kind = first(rule.map(|rule| &rule.kinds), "ConfigMap");
    let kind = GroupVersionKind {
        group,
        version: version.into(),
        kind,
    };
    let object = serde_json::json!({
        "apiVersion": api_version,
        "kind": kind.kind,
        "metadata": {"name": "tidegate-self-test", "namespace": "default"},
        "spec": {},
    });
    Review {
        uid: "tidegate-self-test".into(),
        operation: Operation::Create,
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: "tidegate-self-test".into(),
        namespace: Some("default".into()),
        user: UserInfo {
            username: "tidegate:self-test".into(),
            ..UserInfo::default()
        },
        dry_run: true,
        object: Some(object.to_string().into()),
        old_object: None,
        kind,
    }
}

/// Reading and compiling are not for the threads that answer.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err("the compiler failed on it; see the log".into()))
}

impl Compiled {
    fn cell(&self, digest: ComponentDigest) -> Compiling {
        Arc::clone(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(digest)
                .or_default(),
        )
    }
}
