//! Cases run natively: the blocks of a rule's Markdown page (see the crate `tidegate-cases` for the format), or one request.
//!
//! ```text
//! #[test]
//! fn the_page_is_right() {
//!     testing::check_markdown::<MyPolicy>(include_str!("rule.md"));
//! }
//! ```

use serde_json::{Value, json};
use tidegate_cases as cases;

use crate::native::{self, wit};
use crate::{Policy, Severity};

/// Runs every case of a Markdown page, and that the settings of each are accepted.
///
/// # Panics
/// With every difference, when the page is not valid, has no case, or a case is not as the policy judges.
#[track_caller]
pub fn check_markdown<P: Policy>(page: &str) {
    check_file::<P>("page.md", page);
}

/// As [`check_markdown`] with the file's name in the differences: Markdown or, by its ending, one case in YAML.
///
/// # Panics
/// As [`check_markdown`].
#[track_caller]
#[expect(clippy::panic, reason = "an assertion of a test")]
pub fn check_file<P: Policy>(name: &str, text: &str) {
    let cases = match cases::parse(name, text) {
        Ok(cases) => cases,
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"));
        }
    };
    assert!(
        !cases.is_empty(),
        "{name} has no case: write a ```sql or ```yaml block"
    );
    let differences: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, check::<P>(case).err()?)))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Judges one request. The JSON is `{"object": .., "oldObject": .., "settings": .., "dryRun": ..}`, all optional; the operation
/// follows from which objects there are unless `"operation"` says `CONNECT`.
///
/// # Panics
/// When the settings do not fit the policy's type.
#[track_caller]
pub fn review<P: Policy>(request: &Value) -> wit::Verdict {
    let part = |name: &str| request.get(name).filter(|part| !part.is_null()).cloned();
    let (object, old_object) = (part("object"), part("oldObject"));
    let operation = match (
        request.get("operation").and_then(Value::as_str),
        &object,
        &old_object,
    ) {
        (Some("CONNECT"), _, _) => wit::Operation::Connect,
        (_, None, Some(_)) => wit::Operation::Delete,
        (_, Some(_), Some(_)) => wit::Operation::Update,
        _ => wit::Operation::Create,
    };
    let settings = part("settings").unwrap_or_else(|| json!({}));
    let mut request = admission(operation, object.as_ref(), old_object.as_ref(), &settings);
    request.dry_run = part("dryRun") == Some(Value::Bool(true));
    native::review::<P>(wit::Request::Admission(request))
        .expect("the settings fit the policy's type")
}

/// Holds a policy to one case, as far as the policy is concerned: settings accepted, findings, patch.
fn check<P: Policy>(case: &cases::Case) -> Result<(), String> {
    native::check_settings::<P>(&case.settings.to_string())
        .map_err(|problems| format!("settings refused: {}", problems.join("; ")))?;
    let operation = match case.request.operation {
        cases::Operation::Create => wit::Operation::Create,
        cases::Operation::Update => wit::Operation::Update,
        cases::Operation::Delete => wit::Operation::Delete,
    };
    let object = case.request.object.as_ref();
    let judge = |object: Option<&Value>| {
        let old_object = case.request.old_object.as_ref();
        let request = admission(operation, object, old_object, &case.settings);
        native::review::<P>(wit::Request::Admission(request))
    };
    let verdict = judge(object)?;
    let reported: Vec<cases::Reported> = verdict.findings.iter().map(reported).collect();
    cases::compare(&case.expected, &reported)?;
    undeclared::<P>(&verdict)?;
    let patched = patched(object, verdict.patch.as_deref())?;
    match (&case.patched, &patched) {
        (Some(expected), actual) => {
            cases::compare_object(expected, actual.as_ref().unwrap_or(&Value::Null))
        }
        (None, _) => Ok(()),
    }?;
    // The API server may call again with the patched object: nothing may change then.
    let again = judge(patched.as_ref())?;
    let twice = self::patched(patched.as_ref(), again.patch.as_deref())?;
    match (patched, twice) {
        (Some(once), Some(twice)) => cases::compare_object(&once, &twice).map_err(|difference| {
            format!("reviewed again, the patched object changes again: {difference}")
        }),
        _ => Ok(()),
    }
}

/// What the host would refuse: a finding of no rule, a patch of a policy that does not mutate.
fn undeclared<P: Policy>(verdict: &wit::Verdict) -> Result<(), String> {
    let info = native::describe::<P>();
    for finding in &verdict.findings {
        if info.rules.iter().all(|rule| rule.id != finding.rule) {
            return Err(format!(
                "the policy's info does not name the rule `{}`",
                finding.rule
            ));
        }
    }
    if verdict.patch.is_some() && !info.mutates {
        return Err("the policy gives a patch, but its info does not say `.mutates()`".to_owned());
    }
    Ok(())
}

/// The object after the patch, which must apply, and applied twice give what it gives once.
fn patched(object: Option<&Value>, patch: Option<&str>) -> Result<Option<Value>, String> {
    let Some((object, patch)) = object.zip(patch) else {
        return Ok(object.cloned());
    };
    let operations: json_patch::Patch = serde_json::from_str(patch)
        .map_err(|problem| format!("the patch is not RFC 6902: {problem}"))?;
    let mut patched = object.clone();
    json_patch::patch(&mut patched, &operations)
        .map_err(|problem| format!("the patch does not apply: {problem}"))?;
    Ok(Some(patched))
}

fn admission(
    operation: wit::Operation,
    object: Option<&Value>,
    old_object: Option<&Value>,
    settings: &Value,
) -> wit::Admission {
    let about = object.or(old_object);
    let text = |pointer| {
        about
            .and_then(|object| object.pointer(pointer))
            .and_then(Value::as_str)
    };
    let api_version = text("/apiVersion").unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let key = wit::ObjectKey {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("/kind").unwrap_or_default().to_owned(),
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
    };
    wit::Admission {
        operation,
        key,
        user: wit::UserInfo {
            username: "tester".to_owned(),
            uid: String::new(),
            groups: vec!["system:authenticated".to_owned()],
        },
        dry_run: false,
        day: cases::DAY.to_owned(),
        object: object.map(Value::to_string),
        old_object: old_object.map(Value::to_string),
        settings: settings.to_string(),
    }
}

fn reported(finding: &wit::Finding) -> cases::Reported {
    cases::Reported {
        rule: finding.rule.clone(),
        severity: match finding.severity {
            Severity::Error => cases::Severity::Error,
            Severity::Warning => cases::Severity::Warning,
            Severity::Info => cases::Severity::Info,
        },
        message: finding.message.clone(),
        path: finding.path.clone(),
        line: finding.position.map(|position| position.line),
    }
}
