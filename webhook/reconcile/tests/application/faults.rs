//! What may go wrong between a reconciler and its API server, at every place where it can: nothing is lost, no hook runs twice, and what is applied again is the same.
//!
//! One story is told again and again: an Application is made, then changed and pruned, with a hook before and a hook after. Each time something else goes wrong
//! at another of its writes, so that what survives is every place and not a lucky one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tidegate_kit::Proxy;
use tidegate_kit::proxy::{Asked, Fault, Write};

use crate::common::{Place, Running};
use crate::place::config_map;

/// Stories told at once.
const AT_ONCE: usize = 4;

/// Longer than a sync of this size takes on the busiest machine.
const LONGEST_SYNC: Duration = Duration::from_secs(15);

/// A hook that is over as soon as it is there: a `ConfigMap` has no health to wait for.
fn hook(name: &str, phase: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {{argocd.argoproj.io/hook: {phase}}}}}\n"
    )
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// A namespace whose reconciler reaches the API server by way of a proxy.
struct Story {
    place: Place,
    /// One for each process so far.
    proxies: Vec<Proxy>,
}

impl Story {
    fn new(
        namespace: &str,
        rule: impl Fn(Asked<'_>) -> Option<Fault> + Send + Sync + 'static,
    ) -> Result<Self> {
        let place = Place::new(namespace)?;
        place.commit("web/pre.yaml", &hook("pre", "PreSync"))?;
        place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
        place.commit("web/b.yaml", &config_map("b", 1, "1"))?;
        place.commit("web/gone.yaml", &config_map("gone", 1, "1"))?;
        place.commit("web/post.yaml", &hook("post", "PostSync"))?;
        let mut story = Self {
            place,
            proxies: Vec::new(),
        };
        story.go_by_way_of(rule)?;
        Ok(story)
    }

    /// The next process has this proxy.
    fn go_by_way_of(
        &mut self,
        rule: impl Fn(Asked<'_>) -> Option<Fault> + Send + Sync + 'static,
    ) -> Result<&Proxy> {
        let proxy = Proxy::start(self.place.plane, rule)?;
        self.place.by_way_of = Some(proxy.kubeconfig().to_owned());
        self.proxies.push(proxy);
        self.proxies.last().context("it was just put there")
    }

    /// Has the Application, whose failed syncs are tried again soon.
    fn begin(&self) -> Result<()> {
        let mut application = self.place.application("web");
        let retry =
            json!({"limit": 20, "backoff": {"duration": "1s", "factor": 1, "maxDuration": "1s"}});
        *application
            .pointer_mut("/spec/syncPolicy/retry")
            .context("it has retries")? = retry;
        self.place.apply(&application)
    }

    fn change(&self) -> Result<()> {
        self.place.commit("web/a.yaml", &config_map("a", 0, "2"))?;
        self.place.remove("web/gone.yaml")?;
        self.place.refresh("web")
    }

    /// Waits until as many syncs have ended, and checks what there is then, and what was written on the way.
    fn end(&self, syncs: usize, hooks: Hooks) -> Result<()> {
        tokio::task::block_in_place(|| {
            if syncs > 1 {
                // Under way by then: that a sync runs is written before its first object.
                self.place.wait("configmap/a", ".data.key", "2")?;
            }
            // What the sync left is compared again behind it, and that may fail at first as well.
            self.place.wait_well("web")?;
            self.check(syncs, hooks)
        })
    }

    fn check(&self, syncs: usize, hooks: Hooks) -> Result<()> {
        // In one go, as each kubectl costs more than all it shows.
        let there = self.place.get("applications.argoproj.io,configmaps")?;
        let there = there.pointer("/items").and_then(Value::as_array);
        let named = |name: &str| {
            let mut all = there.into_iter().flatten();
            all.find(|object| text(object, "/metadata/name") == name)
        };
        let status = named("web").and_then(|web| web.get("status"));
        let status = status.context("the Application has a status")?;
        let shown = || format!("{status:#}");
        ensure!(text(status, "/sync/status") == "Synced", "{}", shown());
        let history = status.pointer("/history").and_then(Value::as_array);
        ensure!(history.map(Vec::len) == Some(syncs), "{}", shown());
        let results = status.pointer("/operationState/syncResult/resources");
        let results = results.and_then(Value::as_array).with_context(shown)?;
        let mut names: Vec<&str> = results.iter().map(|result| text(result, "/name")).collect();
        names.sort_unstable();
        let all = ["a", "b", "gone", "post", "pre"];
        // Who is killed right after a deletion cannot tell of it, and nobody else knows.
        let least = ["a", "b", "post", "pre"];
        ensure!(names == all || syncs > 1 && names == least, "{}", shown());

        for (name, value) in [("a", if syncs == 1 { "1" } else { "2" }), ("b", "1")] {
            let map = named(name).with_context(|| name.to_owned())?;
            ensure!(text(map, "/data/key") == value, "{map:#}");
        }
        ensure!(named("gone").is_some() == (syncs == 1));

        for (name, versions) in [("a", syncs), ("b", 1), ("gone", 1)] {
            let mut applied = self.applied(name);
            applied.dedup();
            ensure!(applied.len() == versions, "{name}: {applied:#?}");
        }
        ensure!(
            self.deleted("gone") == syncs - 1,
            "{}",
            self.deleted("gone")
        );
        if hooks == Hooks::RunOnce {
            for name in ["pre", "post"] {
                let (applied, deleted) = (self.applied(name).len(), self.deleted(name));
                ensure!(
                    (applied, deleted) == (syncs, syncs - 1),
                    "the hook {name} was made {applied} times and deleted {deleted} times\n{}",
                    shown()
                );
            }
        }
        Ok(())
    }

    /// What was written of an object, in order, by all processes.
    fn writes(&self, name: &str) -> Vec<Write> {
        let end = format!("/configmaps/{name}");
        let all = self.proxies.iter().flat_map(Proxy::writes);
        all.filter(|write| write.path.ends_with(&end)).collect()
    }

    /// The manifests of an object that were applied.
    fn applied(&self, name: &str) -> Vec<String> {
        let writes = self.writes(name).into_iter();
        writes
            .filter(|write| write.body.contains("\"apiVersion\""))
            .filter(|write| write.method == "PATCH")
            .map(|write| write.body)
            .collect()
    }

    fn deleted(&self, name: &str) -> usize {
        let writes = self.writes(name).into_iter();
        writes.filter(|write| write.method == "DELETE").count()
    }
}

/// How often a hook may have been made for a sync.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hooks {
    RunOnce,
    /// A sync that failed was tried again, and its hooks with it.
    RunAgain,
}

/// Whether a write counts: events are told in no certain order.
fn counts(path: &str) -> bool {
    !path.ends_with("/events")
}

/// How many writes the first sync has, and how many both, when nothing goes wrong.
async fn untroubled() -> Result<(usize, usize)> {
    let story = Story::new("untroubled", |_| None)?;
    let running = story.place.start().await?;
    let writes = || {
        let all = story.proxies.iter().flat_map(Proxy::writes);
        all.filter(|write| counts(&write.path)).count()
    };
    story.begin()?;
    story.end(1, Hooks::RunOnce)?;
    let first = writes();
    story.change()?;
    story.end(2, Hooks::RunOnce)?;
    let both = writes();
    running.stop().await?;
    Ok((first, both))
}

/// The process is gone right after the API server has done its n-th write; another goes on.
async fn killed_after(write: usize, is_in_second: bool) -> Result<()> {
    let asked = AtomicUsize::new(0);
    let rule = move |of: Asked<'_>| {
        let is_it = of.write.is_some()
            && counts(of.path)
            && asked.fetch_add(1, Ordering::Relaxed) + 1 == write;
        is_it.then_some(Fault::Frozen)
    };
    let mut story = Story::new(&format!("killed-after-{write}"), rule)?;
    let running: Running = story.place.start().await?;
    story.begin()?;
    if is_in_second {
        story.end(1, Hooks::RunOnce)?;
        story.change()?;
    }
    // Where two writes were one this time, the last is never made, and it is killed when all is done.
    let proxy = story.proxies.last().context("the first")?;
    let _ = tokio::time::timeout(LONGEST_SYNC, proxy.frozen()).await;
    running.kill().await;
    story.go_by_way_of(|_| None)?;
    let running = story.place.start().await?;
    story.end(1 + usize::from(is_in_second), Hooks::RunOnce)?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_process_that_is_killed_after_any_of_its_writes_is_gone_on_with() -> Result<()> {
    let (first, both) = untroubled().await?;
    stream::iter(1..=both)
        .map(|write| async move {
            // Each a task of its own: kubectl is waited for without yielding.
            let killed = tokio::spawn(killed_after(write, write > first)).await?;
            killed.with_context(|| format!("killed after write {write} of {first} and {both}"))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
}

/// Every eleventh question goes wrong, each time in another way; which one is the first is another each time the story is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_kind_of_fault_is_lived_through() -> Result<()> {
    const EACH: usize = 11;
    const FAULTS: [Fault; 6] = [
        Fault::Refused(409),
        Fault::Refused(429),
        Fault::Refused(503),
        Fault::Refused(500),
        Fault::Cut,
        Fault::Lost,
    ];
    let story = |begin: usize| async move {
        let asked = AtomicUsize::new(begin * EACH + begin);
        let rule = move |of: Asked<'_>| {
            if of.watch {
                return Some(Fault::Expired);
            }
            let number = asked.fetch_add(1, Ordering::Relaxed);
            let fault = FAULTS.get(number / EACH % FAULTS.len()).copied();
            // Optimistic locking is of changes only.
            let is_possible = fault != Some(Fault::Refused(409)) || of.method == "PATCH";
            fault.filter(|_| number.is_multiple_of(EACH) && is_possible)
        };
        let story = Story::new(&format!("troubled-{begin}"), rule)?;
        let running = story.place.start().await?;
        story.begin()?;
        story.end(1, Hooks::RunAgain)?;
        story.change()?;
        story.end(2, Hooks::RunAgain)?;
        running.stop().await
    };
    stream::iter((0..EACH).step_by(2))
        .map(|begin| async move {
            let told = tokio::spawn(story(begin)).await?;
            told.with_context(|| format!("beginning with fault {begin}"))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
}
