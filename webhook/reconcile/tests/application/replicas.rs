//! Several replicas of the reconciler: each object has one at a time, whoever comes and goes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::common::{Place, WordGate};
use crate::place::config_map;

/// Of these names each of the replicas `a`, `b` and `c` has some.
const APPLICATIONS: usize = 12;

impl WordGate {
    /// How often a sync of each Application was judged: once a sync.
    fn syncs(&self) -> BTreeMap<String, usize> {
        let mut syncs = BTreeMap::new();
        for plan in self.asked.lock().expect("no panic while held").iter() {
            let subject: Value = serde_json::from_str(&plan.subject).unwrap_or_default();
            let name = subject.pointer("/metadata/name").and_then(Value::as_str);
            *syncs
                .entry(name.unwrap_or_default().to_owned())
                .or_default() += 1;
        }
        syncs
    }
}

fn names() -> Vec<String> {
    (0..APPLICATIONS).map(|n| format!("app-{n}")).collect()
}

/// Changes every Application's folder and waits until all are synced; each was synced once, by one of the replicas. Returns how many each of them synced.
fn round(place: &Place, value: &str, replicas: &[&WordGate]) -> Result<Vec<usize>> {
    for gate in replicas {
        gate.asked.lock().expect("no panic while held").clear();
    }
    let mut applications = Vec::new();
    for name in names() {
        place.commit(&format!("{name}/a.yaml"), &config_map(&name, 0, value))?;
        applications.push(place.application(&name).to_string());
    }
    place.plane.apply(&applications.join("\n---\n"))?;
    let refresh = [
        "annotate",
        "--overwrite",
        "--all",
        "applications.argoproj.io",
    ];
    place.kubectl(&[&refresh[..], &["argocd.argoproj.io/refresh=normal"]].concat())?;
    let names_of = |kind: &str| -> Vec<String> {
        names()
            .iter()
            .map(|name| format!("{kind}/{name}"))
            .collect()
    };
    place.wait_all(&names_of("configmap"), ".data.key", value)?;
    let applications = names_of("applications.argoproj.io");
    place.wait_all(&applications, ".status.sync.status", "Synced")?;
    place.wait_all(&applications, ".status.operationState.phase", "Succeeded")?;
    let syncs: Vec<BTreeMap<String, usize>> = replicas.iter().map(|gate| gate.syncs()).collect();
    for name in names() {
        let of_all: usize = syncs.iter().filter_map(|syncs| syncs.get(&name)).sum();
        anyhow::ensure!(of_all == 1, "{name} was synced {of_all} times: {syncs:?}");
    }
    Ok(syncs.iter().map(BTreeMap::len).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_applications_and_take_over_those_of_one_that_dies() -> Result<()> {
    let place = Place::new("replicas")?;
    let gates: [WordGate; 3] = Default::default();
    let [first, second, third] = &gates;
    let a = place.start_replica("a", first).await?;
    assert_eq!(round(&place, "1", &[first])?, [APPLICATIONS]);

    // Two come, and have their part without anybody being looked after twice.
    let b = place.start_replica("b", second).await?;
    let c = place.start_replica("c", third).await?;
    for lease in ["a", "b", "c"] {
        place.wait(
            &format!("lease/{lease}"),
            ".metadata.annotations.gate\\.tidegate\\.dev/members",
            "a,b,c",
        )?;
    }
    let parts = round(&place, "2", &[first, second, third])?;
    assert!(parts.iter().all(|part| *part > 0), "{parts:?}");

    // One dies without a word; its Lease runs out, and the others have all.
    b.kill().await;
    place.wait_gone("lease/b")?;
    let parts = round(&place, "3", &[first, third])?;
    assert!(parts.iter().all(|part| *part > 0), "{parts:?}");

    // One leaves in good order.
    a.stop().await?;
    let leases = place.kubectl(&["get", "leases", "-o", "name"])?;
    assert_eq!(leases.trim(), "lease.coordination.k8s.io/c");
    assert_eq!(round(&place, "4", &[third])?, [APPLICATIONS]);
    c.stop().await.context("the last one")
}
