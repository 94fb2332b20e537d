//! The pages of the rules, and what no page can show: updates, deletions, plans.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, option, sample};
use tidegate_policy_sdk::native::{self, wit};
use tidegate_policy_sdk::prelude::*;
use tidegate_policy_sdk::testing;

use super::{WaveOrder, rules};

/// Stems of the files in the rules' folder that have this ending.
fn stems(ending: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    fs::read_dir(folder)
        .expect("the rules' folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == ending)
        })
        .map(|path| {
            path.file_stem()
                .expect("a stem")
                .to_string_lossy()
                .into_owned()
        })
        .filter(|stem| stem != "mod")
        .collect()
}

#[test]
fn every_rule_has_a_file_a_page_and_a_row() {
    let rows: BTreeSet<String> = rules::RULES
        .iter()
        .map(|rule| rule.id.replace('-', "_"))
        .collect();
    assert_eq!(rows.len(), rules::RULES.len(), "an id is there twice");
    assert_eq!(stems("rs"), rows);
    assert_eq!(stems("md"), rows);
}

#[test]
fn every_page_is_right() {
    // Every page is tried, so that one run shows all that is wrong.
    let wrong: Vec<&str> = rules::RULES
        .iter()
        .map(|rule| (rule.id, rule.documentation))
        .filter(|(id, page)| {
            let check = || testing::check_file::<WaveOrder>(&format!("{id}.md"), page);
            std::panic::catch_unwind(check).is_err()
        })
        .map(|(id, _)| id)
        .collect();
    assert_eq!(wrong, Vec::<&str>::new());
}

/// A block of a page with a whole set: the objects, whether each is deleted, and what must be found.
struct SetCase {
    line: usize,
    plan: wit::Plan,
    expected: Vec<String>,
}

/// The blocks that begin with "yaml example set".
fn set_cases(page: &str) -> Vec<SetCase> {
    let mut cases = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in page.lines().enumerate() {
        match &mut open {
            None if text.starts_with("```yaml example set") => {
                open = Some((line + 1, String::new()));
            }
            None => {}
            Some((from, block)) if text == "```" => {
                cases.push(set_case(*from, block));
                open = None;
            }
            Some((_, block)) => {
                block.push_str(text);
                block.push('\n');
            }
        }
    }
    cases
}

fn set_case(line: usize, block: &str) -> SetCase {
    let changes = block
        .split("\n---\n")
        .map(|document| {
            let object: Value = serde_saphyr::from_str(document).expect("YAML");
            if document.contains("# deleted") {
                wit::Change::DeleteObject(object.to_string())
            } else {
                wit::Change::ApplyObject(object.to_string())
            }
        })
        .collect();
    let expected = block
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with("error: ") || line.starts_with("warning: "))
        .map(str::to_owned)
        .collect();
    let plan = wit::Plan {
        subject: json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "shop"}}).to_string(),
        changes,
        dialect: None,
        day: "2026-06-01".to_owned(),
        settings: "{}".to_owned(),
    };
    SetCase {
        line,
        plan,
        expected,
    }
}

/// `error: rule [/path] ["part of the message"]` against a finding.
fn fits(expected: &str, finding: &Finding) -> bool {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => return false,
    };
    let (head, part) = expected
        .split_once(" \"")
        .map_or((expected, ""), |(head, part)| {
            (head, part.trim_end_matches('"'))
        });
    let mut words = head.split(' ');
    let is_rule =
        words.next() == Some(&format!("{severity}:")) && words.next() == Some(&finding.rule);
    let path = words.next().unwrap_or_default();
    is_rule
        && finding
            .path
            .as_deref()
            .unwrap_or_default()
            .starts_with(path)
        && finding.message.contains(part)
}

#[test]
fn every_set_of_every_page_is_right() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for rule in rules::RULES {
        for case in set_cases(rule.documentation) {
            seen += 1;
            let verdict = native::review::<WaveOrder>(wit::Request::Plan(case.plan))
                .expect("the settings fit");
            let mut left: Vec<&Finding> = verdict
                .findings
                .iter()
                .filter(|finding| finding.severity != Severity::Info)
                .collect();
            for expected in &case.expected {
                match left.iter().position(|finding| fits(expected, finding)) {
                    Some(place) => drop(left.remove(place)),
                    None => {
                        wrong.push(format!("{}.md:{}: missing: {expected}", rule.id, case.line));
                    }
                }
            }
            wrong.extend(left.iter().map(|finding| {
                format!(
                    "{}.md:{}: not expected: {} {:?} {}",
                    rule.id, case.line, finding.rule, finding.path, finding.message
                )
            }));
        }
    }
    assert!(seen > 30, "only {seen} sets were found");
    assert_eq!(wrong, Vec::<String>::new(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_page_has_the_same_parts() {
    for rule in rules::RULES {
        let page = rule.documentation;
        assert!(page.starts_with(&format!("# {}\n", rule.id)), "{}", rule.id);
        for part in ["**What.**", "**Why.**", "**Example**", "**Use instead**"] {
            assert!(page.contains(part), "{} lacks {part}", rule.id);
        }
    }
}

/// Findings as `severity rule path`.
fn shown(verdict: &wit::Verdict) -> Vec<String> {
    verdict
        .findings
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            let mended = if finding.mended { " mended" } else { "" };
            format!(
                "{severity} {} {}{mended}",
                finding.rule,
                finding.path.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

#[track_caller]
fn check(request: &Value, expected: &[&str]) {
    assert_eq!(
        shown(&testing::review::<WaveOrder>(request)),
        expected,
        "{request}"
    );
}

fn config(wave: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": {"argocd.argoproj.io/sync-wave": wave}}})
}

const WAVE: &str = "wave-not-integer /metadata/annotations/argocd.argoproj.io~1sync-wave";

#[test]
fn what_was_wrong_before_only_warns() {
    check(&json!({"object": config("x")}), &[&format!("error {WAVE}")]);
    check(
        &json!({"object": config("x"), "oldObject": config("1")}),
        &[&format!("error {WAVE}")],
    );
    check(
        &json!({"object": config("x"), "oldObject": config("x")}),
        &[&format!("warning {WAVE}")],
    );
    check(
        &json!({"object": config("x"), "oldObject": config("y")}),
        &[&format!("error {WAVE}")],
    );
}

#[test]
fn what_goes_away_is_let_go() {
    check(&json!({"oldObject": config("x")}), &[]);
    let mut leaving = config("x");
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    check(&json!({"object": leaving, "oldObject": config("1")}), &[]);
}

#[test]
fn a_mended_finding_says_so() {
    let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"},
        "spec": {"project": "a", "source": {"repoURL": "https://git.example.com/a.git", "path": "a", "targetRevision": "v1.0.0"},
            "destination": {"name": "in-cluster", "namespace": "a"}, "syncOptions": ["CreateNamespace=true"], "prune": true}});
    check(
        &json!({"object": application, "settings": {"moveSyncOptions": true}}),
        &[
            "error field-misplaced /spec/prune",
            "error field-misplaced /spec/syncOptions mended",
        ],
    );
    check(
        &json!({"object": application}),
        &[
            "error field-misplaced /spec/prune",
            "error field-misplaced /spec/syncOptions",
        ],
    );
}

#[test]
fn what_no_annotation_can_hold_is_applied_by_the_server() {
    /// What a plan of one object finds, when the Application has these sync options.
    #[track_caller]
    fn check(object: &Value, options: &[&str], expected: &[&str]) {
        let plan = wit::Plan {
            subject: json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"},
                "spec": {"syncPolicy": {"syncOptions": options}}})
            .to_string(),
            changes: vec![wit::Change::ApplyObject(object.to_string())],
            dialect: None,
            day: "2026-06-01".to_owned(),
            settings: "{}".to_owned(),
        };
        let verdict =
            native::review::<WaveOrder>(wit::Request::Plan(plan)).expect("the settings fit");
        assert_eq!(shown(&verdict), expected, "{options:?}");
    }
    let object = |bytes: usize, options: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "c", "annotations": {"argocd.argoproj.io/sync-options": options}},
            "data": {"file": "x".repeat(bytes)}})
    };
    let found =
        ["warning object-too-large /changes/0/metadata/annotations/argocd.argoproj.io~1sync-wave"];
    let (small, large) = (250 << 10, 256 << 10);
    check(&object(small, "Prune=false"), &[], &[]);
    check(&object(large, "Prune=false"), &[], &found);
    check(&object(large, "ServerSideApply=true"), &[], &[]);
    check(
        &object(large, "Prune=false"),
        &["ServerSideApply=true"],
        &[],
    );
    check(
        &object(large, "ServerSideApply=false"),
        &["ServerSideApply=true"],
        &found,
    );
}

#[test]
fn a_plan_is_judged_object_by_object_and_all_of_it_is_managed() {
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web"}]}}}});
    let schema = json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema", "metadata": {"name": "s", "namespace": "shop"}});
    let plan = wit::Plan {
        subject: json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}}).to_string(),
        changes: vec![
            wit::Change::ApplyObject(schema.to_string()),
            wit::Change::DeleteObject(config("x").to_string()),
            wit::Change::ApplyObject(config("x").to_string()),
            wit::Change::ApplyObject(web.to_string()),
        ],
        dialect: None,
        day: "2026-06-01".to_owned(),
        settings: r#"{"defaultWave": 1}"#.to_owned(),
    };
    let verdict = native::review::<WaveOrder>(wit::Request::Plan(plan)).expect("the settings fit");
    assert_eq!(
        shown(&verdict),
        [
            "warning atlas-without-wave /changes/0/metadata",
            "error wave-not-integer /changes/2/metadata/annotations/argocd.argoproj.io~1sync-wave",
        ]
    );
    assert!(
        verdict.findings[0]
            .message
            .starts_with("AtlasSchema shop/s: "),
        "{}",
        verdict.findings[0].message
    );
    assert_eq!(verdict.patch, None, "a plan is not patched");
}

#[test]
fn the_guides_objects_are_good() {
    let workload = |wave: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"argocd.argoproj.io/sync-wave": wave}}})
    };
    let schema = json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema",
        "metadata": {"name": "app",
                     "annotations": {"argocd.argoproj.io/sync-wave": "1",
                                     "argocd.argoproj.io/tracking-id": "app:db.atlasgo.io/AtlasSchema:default/app"},
                     "labels": {"app.kubernetes.io/instance": "app"}},
        "spec": {"url": "mysql://root:pass@mysql:3306/example", "schema": {"sql": "create table users (id int);"}}});
    let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "atlas-argocd-demo", "namespace": "argocd", "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
        "spec": {"project": "default",
            "source": {"repoURL": "https://git.example.com/atlas-argocd-demo.git", "path": "manifests", "targetRevision": "HEAD"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true},
                "retry": {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m0s"}},
                "syncOptions": ["CreateNamespace=true"]}}});
    for object in [workload("0"), schema, workload("2"), application] {
        let verdict = testing::review::<WaveOrder>(&json!({"object": object}));
        let loud: Vec<String> = shown(&verdict)
            .into_iter()
            .filter(|line| !line.starts_with("info"))
            .collect();
        assert_eq!(loud, Vec::<String>::new(), "{object}");
    }
}

/// No object may make a rule panic, whatever is where.
#[test]
fn odd_shapes_are_no_reason_to_fall() {
    for odd in [
        json!(null),
        json!(7),
        json!("x"),
        json!([]),
        json!([null]),
        json!({}),
    ] {
        for pointer in ["metadata", "spec"] {
            let mut object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {}, "spec": {}});
            object[pointer] = odd.clone();
            testing::review::<WaveOrder>(
                &json!({"object": object, "settings": {"moveSyncOptions": true, "defaultWave": 3}}),
            );
        }
        for field in [
            "syncPolicy",
            "syncOptions",
            "source",
            "sources",
            "destination",
        ] {
            let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"annotations": odd}, "spec": {field: odd}});
            testing::review::<WaveOrder>(
                &json!({"object": object, "settings": {"moveSyncOptions": true}}),
            );
        }
    }
}

/// The answer stays small whatever is in the object.
#[test]
fn a_hostile_object_gets_a_short_answer() {
    let many: Vec<String> = (0..20_000)
        .map(|index| format!("Nonsense{index}={}", "x".repeat(100)))
        .collect();
    let fields: serde_json::Map<_, _> = (0..20_000)
        .map(|index| (format!("stray{index}"), json!(0)))
        .collect();
    let mut spec = fields.clone();
    spec.insert(
        "syncPolicy".to_owned(),
        json!({"syncOptions": many, "automated": fields}),
    );
    spec.insert("syncOptions".to_owned(), json!(many));
    let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": spec, "metadata": {"annotations": {
        "argocd.argoproj.io/hook": many.join(","), "argocd.argoproj.io/sync-options": many.join(","),
        "argocd.argoproj.io/sync-wave": "x".repeat(200_000)}}});
    let verdict = testing::review::<WaveOrder>(
        &json!({"object": object, "settings": {"moveSyncOptions": true}}),
    );
    let size: usize = verdict
        .findings
        .iter()
        .map(|finding| finding.message.len() + finding.suggestion.as_deref().map_or(0, str::len))
        .sum();
    assert!(
        size < 200_000,
        "{size} bytes in {} findings",
        verdict.findings.len()
    );
    assert_eq!(verdict.patch, None, "such a list is not moved");
}

#[test]
fn settings_are_judged() {
    for (settings, problem) in [
        (r#"{"moveSyncOption": true}"#, "moveSyncOption"),
        (r#"{"defaultWave": 4294967296}"#, "defaultWave"),
        (
            r#"{"controlPlaneNames": ["argocd", " "]}"#,
            "/controlPlaneNames/1: is empty",
        ),
    ] {
        let problems = native::check_settings::<WaveOrder>(settings).expect_err(settings);
        assert!(
            problems.iter().any(|found| found.contains(problem)),
            "{problems:?}"
        );
    }
    assert_eq!(native::check_settings::<WaveOrder>("{}"), Ok(()));
}

/// Options as people write them, some at odds with each other.
fn options() -> impl Strategy<Value = Vec<&'static str>> {
    let words = [
        "CreateNamespace=true",
        "CreateNamespace=false",
        "Prune=false",
        "PruneLast=true",
        "ServerSideApply=true",
        "oops",
    ];
    collection::vec(sample::select(words.to_vec()), 0..5)
}

proptest! {
    /// With every switch on, what Argo CD brings from Git is only added to: nothing that Git says is changed, removed or made longer.
    #[test]
    fn what_git_says_stays(misplaced in option::of(options()), placed in option::of(options()), finalizers in any::<bool>(), retry in any::<bool>()) {
        let mut object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a", "annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/a"}},
            "spec": {"project": "p", "destination": {"namespace": "a"}, "syncPolicy": {"automated": {"prune": true}}}});
        if let Some(misplaced) = misplaced {
            object["spec"]["syncOptions"] = json!(misplaced);
        }
        if let Some(placed) = placed {
            object["spec"]["syncPolicy"]["syncOptions"] = json!(placed);
        }
        if finalizers {
            object["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        }
        if retry {
            object["spec"]["syncPolicy"]["retry"] = json!({"limit": 1});
        }
        let settings = json!({"moveSyncOptions": true, "createNamespace": true, "serverSideApply": true, "addFinalizer": true, "defaultRetry": true, "defaultWave": 1});
        let verdict = testing::review::<WaveOrder>(&json!({"object": object, "settings": settings}));
        let patch: Vec<serde_json::Value> = verdict
            .patch
            .map(|patch| serde_json::from_str(&patch).expect("RFC 6902"))
            .unwrap_or_default();
        for operation in patch {
            prop_assert_eq!(&operation["op"], "add");
            let path = operation["path"].as_str().expect("a path");
            prop_assert!(object.pointer(path).is_none() && !path.ends_with("/-"), "{}", path);
        }
    }

    /// Moving loses no option, keeps their order, doubles none, touches nothing else, says what it mended, and done again does
    /// nothing.
    #[test]
    fn moved_options_are_all_there(misplaced in options(), placed in option::of(options()), automated in any::<bool>()) {
        let mut spec = json!({"project": "default", "syncOptions": misplaced});
        if automated {
            spec["syncPolicy"] = json!({"automated": {"prune": false}});
        }
        if let Some(placed) = &placed {
            spec["syncPolicy"]["syncOptions"] = json!(placed);
        }
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "spec": spec});
        let settings = json!({"moveSyncOptions": true});
        let verdict = testing::review::<WaveOrder>(&json!({"object": object, "settings": settings}));
        let mended = verdict.findings.iter().any(|finding| finding.mended);
        prop_assert_eq!(mended, verdict.patch.is_some());
        let Some(patch) = verdict.patch else { return Ok(()) };

        let mut patched = object;
        let patch: json_patch::Patch = serde_json::from_str(&patch).expect("RFC 6902");
        json_patch::patch(&mut patched, &patch).expect("the patch applies");
        let mut expected = placed.unwrap_or_default();
        for option in misplaced {
            if !expected.contains(&option) {
                expected.push(option);
            }
        }
        prop_assert_eq!(&patched["spec"]["syncPolicy"]["syncOptions"], &json!(expected));
        prop_assert_eq!(patched["spec"].get("syncOptions"), None);
        prop_assert_eq!(patched["spec"]["syncPolicy"].get("automated").is_some(), automated);
        let again = testing::review::<WaveOrder>(&json!({"object": patched, "settings": settings}));
        prop_assert!(again.patch.is_none());
    }
}
