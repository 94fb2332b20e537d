//! Deleting Applications: what goes along, in which order, and what runs before and after.

use anyhow::Result;
use serde_json::{Value, json};

use crate::common::Place;
use crate::place::{config_map, hook};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_application_takes_its_objects_along_in_reverse_waves_if_it_says_so() -> Result<()>
{
    let place = Place::new("deletion")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    let mut held: Value = serde_saphyr::from_str(&config_map("b", 1, "1"))?;
    held["metadata"]["finalizers"] = json!(["example.org/held"]);
    place.commit("web/b.yaml", &held.to_string())?;
    let mut application = place.application("web");
    application["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    place.apply(&application)?;
    place.commit("other/other.yaml", &config_map("other", 0, "1"))?;
    place.apply(&place.application("other"))?;
    place.wait_well("web")?;
    place.wait_well("other")?;

    place.kubectl(&["delete", "--wait=false", "applications.argoproj.io/web"])?;
    place.kubectl(&["delete", "applications.argoproj.io/other"])?;
    place.kubectl(&[
        "wait",
        "--for=jsonpath={.metadata.deletionTimestamp}",
        "--timeout=30s",
        "configmap/b",
    ])?;
    assert!(place.is_there("configmap/a")?, "its wave has not come");
    place.patch("configmap/b", &json!({"metadata": {"finalizers": null}}))?;
    place.wait_gone("applications.argoproj.io/web")?;
    assert!(!place.is_there("configmap/a")? && !place.is_there("configmap/b")?);
    assert!(
        place.is_there("configmap/other")?,
        "without the finalizer only the Application goes"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_of_a_deletion_run_before_the_objects_go_and_after() -> Result<()> {
    let place = Place::new("farewell")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/before.yaml", &hook("before", "PreDelete"))?;
    let after = hook(
        "after",
        "PostDelete, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
    );
    place.commit("web/after.yaml", &after)?;
    let mut application = place.application("web");
    application["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    // A person's sync is the first that is seen of it, and nothing follows.
    application["spec"]["syncPolicy"] = json!({});
    application["operation"] = json!({"initiatedBy": {"username": "ada"}, "sync": {}});
    place.apply(&application)?;
    place.wait_well("web")?;
    assert!(!place.is_there("job/before")? && !place.is_there("job/after")?);
    let held = place.get("applications.argoproj.io/web")?;
    assert_eq!(
        held["metadata"]["finalizers"].as_array().map(Vec::len),
        Some(5),
        "{held:#}"
    );

    place.kubectl(&["delete", "--wait=false", "applications.argoproj.io/web"])?;
    place.kubectl(&["wait", "--for=create", "--timeout=30s", "job/before"])?;
    assert!(place.is_there("configmap/a")?, "the hook is not done");
    // One that failed is made anew, and somebody is told.
    let first = place.get("job/before")?["metadata"]["uid"].clone();
    place.fail_job("before")?;
    place.wait_app(
        "web",
        &[
            (".status.conditions[0].type", "DeletionError"),
            (
                ".status.conditions[0].message",
                "PreDelete hook(s) failed: farewell/before",
            ),
        ],
    )?;
    place.wait_other("job/before", &first)?;
    assert!(place.is_there("configmap/a")?);
    place.finish_job("before")?;
    place.kubectl(&["wait", "--for=create", "--timeout=30s", "job/after"])?;
    assert!(!place.is_there("configmap/a")?, "the objects went before");
    place.finish_job("after")?;
    place.wait_gone("applications.argoproj.io/web")?;
    assert!(!place.is_there("job/after")?, "its policy says so");
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_of_a_deletion_are_judged_and_no_longer_hold_what_no_longer_has_them() -> Result<()> {
    let place = Place::new("unheld")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/after.yaml", &hook("after", "PostDelete"))?;
    place.apply(&place.application("web"))?;
    place.wait_well("web")?;
    place.remove("web/after.yaml")?;
    place.commit("web/a.yaml", &config_map("a", 0, "2"))?;
    place.refresh("web")?;
    place.wait("configmap/a", ".data.key", "2")?;
    place.wait_well("web")?;
    let free = place.get("applications.argoproj.io/web")?;
    assert_eq!(free["metadata"].get("finalizers"), None, "{free:#}");

    place.commit("web/after.yaml", &hook("forbidden", "PostDelete"))?;
    place.refresh("web")?;
    place.wait(
        "applications.argoproj.io/web",
        ".metadata.finalizers[0]",
        "post-delete-finalizer.argocd.argoproj.io",
    )?;
    place.kubectl(&["delete", "--wait=false", "applications.argoproj.io/web"])?;
    place.wait_app(
        "web",
        &[(
            ".status.conditions[0].message",
            "the policies deny the deletion's hooks; nothing was changed; words/forbidden-word: the word is forbidden (write another)",
        )],
    )?;
    assert!(!place.is_there("job/forbidden")?);
    // The commit that mends it lets the Application go.
    place.remove("web/after.yaml")?;
    place.wait_gone("applications.argoproj.io/web")?;
    running.stop().await
}
