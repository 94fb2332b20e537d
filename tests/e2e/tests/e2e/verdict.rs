//! The webhook and `tidegate check` say the same, bit for bit, about every case of the policies' pages.
//!
//! Both are asked about the same reviews, and their answers are compared as bytes: verdict, message, causes, warnings, audit annotations
//! and patch. Whether an answer is right is the cases' own business, where the pages are run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tidegate_cases::{Case, Operation};
use tidegate_load::client::Target;

use crate::tidegate::{Start, Tidegate, components, program};

/// In the order in which they are asked.
const POLICIES: &[&str] = &["unsafe-sql", "wave-order"];

#[test]
fn check_and_webhook_answer_alike() {
    let mut by_settings: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for policy in POLICIES {
        for case in cases(policy) {
            let policies = policies_file(policy, &case.settings);
            by_settings.entry(policies).or_default().push(case);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut compared = 0;
    for (policies, cases) in &by_settings {
        let start = Start {
            policies,
            ..Start::default()
        };
        let tidegate = Tidegate::start(&start).unwrap();
        let reviews: Vec<Value> = cases.iter().map(review).collect();
        let checked = check(&tidegate, &reviews);
        let served = runtime.block_on(serve(&tidegate, &reviews));
        assert_eq!(checked.len(), cases.len());
        for ((case, checked), served) in cases.iter().zip(&checked).zip(&served) {
            assert_eq!(checked, served, "{}", case.name);
            compared += 1;
        }
    }
    assert!(compared > 200, "only {compared} cases were found");
}

/// Every page's cases hold in the sandbox too, with the components that ship.
#[test]
fn the_pages_hold_in_the_sandbox() {
    for policy in POLICIES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let component = components().unwrap().join(format!("{policy}.wasm"));
        let output = Command::new(program().unwrap())
            .args(["policy", "test", "--component"])
            .args([&component, &folder.join(policy)])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{policy}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// What the webhooks answer, in the form of `tidegate check -o review`.
async fn serve(tidegate: &Tidegate, reviews: &[Value]) -> Vec<String> {
    let ca = tidegate.folder.path().join("ca/ca.crt");
    let target = Target::new(tidegate.webhook.parse().unwrap(), &ca).unwrap();
    let mut caller = target.caller().await.unwrap();
    let mut answers = Vec::new();
    for review in reviews {
        let mut both = Vec::new();
        for path in ["/validate", "/mutate"] {
            // A budget of its own size, as `check` has one: neither must decide.
            let path = format!("{path}?timeout=30s");
            let answer = caller.post(&path, review.to_string().into()).await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.excerpt());
            both.push(String::from_utf8(answer.body.to_vec()).unwrap());
        }
        let [validate, mutate] = both.as_slice() else {
            panic!("two webhooks were asked");
        };
        answers.push(format!("{{\"validate\":{validate},\"mutate\":{mutate}}}"));
    }
    answers
}

fn check(tidegate: &Tidegate, reviews: &[Value]) -> Vec<String> {
    let folder = tidegate.folder.path().join("reviews");
    std::fs::create_dir(&folder).unwrap();
    let mut command = Command::new(program().unwrap());
    command.args(["check", "-o", "review", "--policies"]);
    command.arg(tidegate.policies_file());
    for (index, review) in reviews.iter().enumerate() {
        let file = folder.join(format!("{index:04}.json"));
        std::fs::write(&file, review.to_string()).unwrap();
        command.arg(file);
    }
    let output = command.output().unwrap();
    let denied_some = output.status.code() == Some(1);
    assert!(
        output.status.success() || denied_some,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A case as the API server would send it.
fn review(case: &Case) -> Value {
    let request = &case.request;
    let key = &request.key;
    let operation = match request.operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
    };
    let resource = format!("{}s", key.kind.to_lowercase());
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": case.name,
            "kind": {"group": key.group, "version": key.version, "kind": key.kind},
            "resource": {"group": key.group, "version": key.version, "resource": resource},
            "name": key.name,
            "namespace": key.namespace,
            "operation": operation,
            "userInfo": {"username": "developer"},
            "object": request.object,
            "oldObject": request.old_object,
            "dryRun": false,
        },
    })
}

/// Both policies, one of them with a case's settings, and enough time that a busy machine decides nothing.
fn policies_file(policy: &str, settings: &Value) -> String {
    let entries = POLICIES.iter().map(|name| {
        let settings = if *name == policy {
            settings.clone()
        } else {
            json!({})
        };
        json!({
            "name": name,
            "file": format!("FOLDER/{name}.wasm"),
            "settings": settings,
            "limits": {"memory": "256MiB", "cpu": "20s", "time": "30s"},
        })
    });
    json!({"policies": entries.collect::<Vec<_>>()}).to_string()
}

/// The cases of a policy's pages, which are beside its rules.
fn cases(policy: &str) -> Vec<Case> {
    assert!(
        components()
            .unwrap()
            .join(format!("{policy}.wasm"))
            .is_file()
    );
    let pages = tidegate_kit::pages(policy).unwrap();
    pages
        .iter()
        .flat_map(|(name, text)| tidegate_cases::parse(name, text).unwrap())
        .collect()
}
