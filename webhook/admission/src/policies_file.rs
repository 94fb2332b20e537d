//! The policies file: which policies there are, where their components come from, and what the operator wants done with what they say.
//!
//! ```yaml
//! exemptNamespaces: [kube-system]
//! policies:
//! - name: unsafe-sql
//!   file: unsafe-sql.wasm          # beside this file; or `folder:` for every component in one
//!   sha256: 9f86d081...            # refused if the file is another one
//!   rules: {truncate: warn}
//!   limits: {memory: 256MiB}
//!   settings: {dialect: mysql}
//! ```
//!
//! A mistake must be found when the file is written, not when a request comes: unknown keys are refused, and every problem of the file is said at
//! once, each with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::fields::{Fields, expected_word, lookup, word_of};
use crate::{Action, ByteSize, Enforcement, FailurePolicy, Mode, Scope, parse_duration};

/// The largest policies file.
const LARGEST_FILE_BYTES: usize = 1 << 20;
/// The most policies in one file.
const MOST_POLICIES: usize = 256;
/// The most scopes of one policy.
const MOST_SCOPES: usize = 64;

/// What one call of a policy may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory. Default 64 MiB.
    pub memory: ByteSize,
    /// CPU time of the guest. Default 100 ms.
    pub cpu: Duration,
    /// Wall time, host calls and waiting included. Default 1 s.
    pub time: Duration,
    /// Call stack of the guest. Default 512 KiB; it can only be lowered, as the engine has one size for all.
    pub stack: ByteSize,
    /// Elements of all tables. Default 10,000.
    pub table_elements: u32,
    /// Core instances in the component. Default 16.
    pub instances: u32,
    /// The answer: findings, patch and annotations. Default 1 MiB.
    pub output: ByteSize,
    /// Calls at the same time. Default 16; more wait.
    pub concurrency: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize(64 << 20),
            cpu: Duration::from_millis(100),
            time: Duration::from_secs(1),
            stack: ByteSize(512 << 10),
            table_elements: 10_000,
            instances: 16,
            output: ByteSize(1 << 20),
            concurrency: 16,
        }
    }
}

/// Where components come from, relative to the policies file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// One component.
    File {
        /// Its path.
        path: String,
        /// In lower-case hex; another file is refused.
        sha256: Option<String>,
    },
    /// Every `*.wasm` of a folder; each is a policy of its file name's stem, with the entry's settings.
    Folder {
        /// Its path.
        path: String,
    },
}

/// One entry of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// Unique in the file; for a folder, a prefix that is only used in messages.
    pub name: String,
    /// Where it comes from.
    pub source: PolicySource,
    /// What is done with what it says.
    pub enforcement: Enforcement,
    /// What one call may use.
    pub limits: Limits,
    /// JSON text for the policy.
    pub settings: String,
    /// Interfaces that it may import beside `log`.
    pub capabilities: BTreeSet<String>,
}

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoliciesFile {
    /// In the order of evaluation.
    pub policies: Vec<PolicyEntry>,
}

/// Reads a policies file; or says everything that is wrong with it, a line for each problem.
pub fn parse_policies_file(text: &str) -> Result<PoliciesFile, Vec<String>> {
    if text.len() > LARGEST_FILE_BYTES {
        return Err(vec![format!(
            "the file is larger than {}",
            ByteSize(LARGEST_FILE_BYTES as u64)
        )]);
    }
    let value: Value =
        serde_saphyr::from_str(text).map_err(|error| vec![format!("not YAML: {error}")])?;
    let mut problems = Vec::new();
    let mut file = Fields::of(&value, "", &mut problems);
    let mode = file.word(
        "mode",
        &[("enforce", Mode::Enforce), ("monitor", Mode::Monitor)],
    );
    let exempt = file.strings("exemptNamespaces");
    let entries = match file.take("policies") {
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            file.problem("policies", "expected a list");
            vec![]
        }
        None => {
            file.problem(
                "policies",
                "is missing: list the policies, or write `policies: []` for none",
            );
            vec![]
        }
    };
    file.finish();
    if entries.len() > MOST_POLICIES {
        problems.push(format!(
            "policies: {} entries, at most {MOST_POLICIES} are allowed",
            entries.len()
        ));
    }
    let mut policies: Vec<PolicyEntry> = Vec::new();
    for (index, entry) in entries.iter().take(MOST_POLICIES).enumerate() {
        let Some(policy) = entry_of(
            entry,
            &format!("policies[{index}]"),
            mode,
            &exempt,
            &mut problems,
        ) else {
            continue;
        };
        if policies.iter().any(|other| other.name == policy.name) {
            problems.push(format!(
                "policies[{index}].name: `{}` is used twice",
                policy.name
            ));
        }
        policies.push(policy);
    }
    if problems.is_empty() {
        Ok(PoliciesFile { policies })
    } else {
        Err(problems)
    }
}

fn entry_of(
    entry: &Value,
    place: &str,
    mode: Option<Mode>,
    exempt: &[String],
    problems: &mut Vec<String>,
) -> Option<PolicyEntry> {
    let mut fields = Fields::of(entry, place, problems);
    let name = fields.text("name").unwrap_or_default();
    if !is_name(&name) {
        fields.problem(
            "name",
            "expected lower-case letters, digits and `-`, at most 63",
        );
    }
    let source = source_of(&mut fields);
    let mut enforcement = Enforcement {
        mode: fields
            .word(
                "mode",
                &[("enforce", Mode::Enforce), ("monitor", Mode::Monitor)],
            )
            .or(mode)
            .unwrap_or_default(),
        failure_policy: fields
            .word(
                "failurePolicy",
                &[
                    ("deny", FailurePolicy::Deny),
                    ("allow", FailurePolicy::Allow),
                ],
            )
            .unwrap_or_default(),
        action: fields.word("action", &ACTIONS).unwrap_or_default(),
        rules: rules_of(&mut fields),
        scopes: Vec::new(),
        exempt_namespaces: exempt.iter().cloned().collect(),
        mutate: fields.flag("mutate").unwrap_or(false),
    };
    enforcement
        .exempt_namespaces
        .extend(fields.strings("exemptNamespaces"));
    let capabilities = fields.strings("capabilities").into_iter().collect();
    let settings = match fields.take("settings") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(settings @ Value::Object(_)) => settings.to_string(),
        Some(_) => {
            fields.problem("settings", "expected a map");
            "{}".to_owned()
        }
    };
    let limits = fields.take("limits");
    let scopes = fields.list("scopes", MOST_SCOPES);
    fields.finish();
    for (index, scope) in scopes.iter().enumerate() {
        let scope = scope_of(scope, &format!("{place}.scopes[{index}]"), problems);
        enforcement.scopes.push(scope);
    }
    let limits = limits.map_or_else(Limits::default, |limits| {
        limits_of(&limits, &format!("{place}.limits"), problems)
    });
    Some(PolicyEntry {
        name,
        source: source?,
        enforcement,
        limits,
        settings,
        capabilities,
    })
}

fn source_of(fields: &mut Fields<'_>) -> Option<PolicySource> {
    let (file, folder, sha256) = (
        fields.text("file"),
        fields.text("folder"),
        fields.text("sha256"),
    );
    if sha256.as_ref().is_some_and(|digest| {
        digest.len() != 64
            || !digest
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }) {
        fields.problem("sha256", "expected 64 lower-case hexadecimal digits");
    }
    match (file, folder) {
        (Some(path), None) => Some(PolicySource::File { path, sha256 }),
        (None, Some(path)) => {
            if sha256.is_some() {
                fields.problem("sha256", "pins one file; it cannot go with `folder`");
            }
            Some(PolicySource::Folder { path })
        }
        _ => {
            fields.problem("file", "exactly one of `file` and `folder` is needed");
            None
        }
    }
}

fn scope_of(value: &Value, place: &str, problems: &mut Vec<String>) -> Scope {
    let mut fields = Fields::of(value, place, problems);
    let scope = Scope {
        namespaces: fields.strings("namespaces"),
        labels: fields.texts("labels"),
        action: fields.word("action", &ACTIONS),
        rules: rules_of(&mut fields),
    };
    if value.is_object() {
        // One that names nothing would be every object's.
        let names = |key: &str| value.get(key).is_some_and(|names| !is_empty(names));
        if !names("namespaces") && !names("labels") {
            fields.problem("namespaces", "name `namespaces`, `labels` or both");
        }
        if value.get("action").is_none() && value.get("rules").is_none() {
            fields.problem("rules", "name an `action`, `rules` or both");
        }
    }
    fields.finish();
    scope
}

fn is_empty(names: &Value) -> bool {
    names.as_array().is_some_and(Vec::is_empty) || names.as_object().is_some_and(Map::is_empty)
}

fn rules_of(fields: &mut Fields<'_>) -> BTreeMap<String, Action> {
    let mut rules = BTreeMap::new();
    for (rule, action) in fields.map("rules") {
        match action_of(&action) {
            Some(action) => {
                rules.insert(rule, action);
            }
            None => fields.problem(&format!("rules.{rule}"), &expected_word(&ACTIONS)),
        }
    }
    rules
}

fn limits_of(value: &Value, place: &str, problems: &mut Vec<String>) -> Limits {
    let default = Limits::default();
    let mut fields = Fields::of(value, place, problems);
    let size = |fields: &mut Fields<'_>, key: &str, default: ByteSize, most: u64| -> ByteSize {
        fields
            .parsed(key, str::parse::<ByteSize>, |size| {
                (1..=most).contains(&size.0)
            })
            .unwrap_or(default)
    };
    let time = |fields: &mut Fields<'_>, key: &str, default: Duration| -> Duration {
        let range = Duration::from_millis(1)..=Duration::from_secs(30);
        fields
            .parsed(key, parse_duration, |time| range.contains(time))
            .unwrap_or(default)
    };
    let limits = Limits {
        memory: size(&mut fields, "memory", default.memory, 1 << 30),
        cpu: time(&mut fields, "cpu", default.cpu),
        time: time(&mut fields, "time", default.time),
        stack: size(&mut fields, "stack", default.stack, 512 << 10),
        table_elements: fields
            .number("tableElements", 1..=1_000_000)
            .unwrap_or(default.table_elements),
        instances: fields
            .number("instances", 1..=64)
            .unwrap_or(default.instances),
        output: size(&mut fields, "output", default.output, 16 << 20),
        concurrency: fields
            .number("concurrency", 1..=1_000)
            .unwrap_or(default.concurrency),
    };
    fields.finish();
    limits
}

const ACTIONS: [(&str, Action); 4] = [
    ("deny", Action::Deny),
    ("warn", Action::Warn),
    ("audit", Action::Audit),
    ("off", Action::Off),
];

fn action_of(value: &Value) -> Option<Action> {
    lookup(word_of(value)?, &ACTIONS)
}

/// As Kubernetes' DNS label, because it becomes part of a URL's path and of metric labels.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_read() {
        let file = parse_policies_file(
            "
exemptNamespaces: [kube-system]
mode: monitor
policies:
- name: unsafe-sql
  file: policies/unsafe-sql.wasm
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  mode: enforce
  failurePolicy: allow
  rules: {truncate: warn, drop-table: off}
  limits: {memory: 256MiB, cpu: 50ms, concurrency: 4}
  exemptNamespaces: [scratch]
  scopes:
  - {namespaces: [lab, 'dev-*'], labels: {stage: dev}, action: warn, rules: {truncate: off}}
  settings: {dialect: mysql}
- name: ours
  folder: mine
  action: audit
  mutate: true
  capabilities: [cluster]
",
        )
        .unwrap();
        let [first, second] = file.policies.as_slice() else {
            panic!("{file:?}")
        };
        assert_eq!(
            first.enforcement.rules,
            BTreeMap::from([
                ("truncate".into(), Action::Warn),
                ("drop-table".into(), Action::Off)
            ])
        );
        assert_eq!(
            first.enforcement.exempt_namespaces,
            BTreeSet::from(["kube-system".into(), "scratch".into()])
        );
        assert_eq!(
            first.enforcement.scopes,
            [Scope {
                namespaces: vec!["lab".into(), "dev-*".into()],
                labels: BTreeMap::from([("stage".into(), "dev".into())]),
                action: Some(Action::Warn),
                rules: BTreeMap::from([("truncate".into(), Action::Off)]),
            }]
        );
        assert_eq!(
            (first.enforcement.mode, first.enforcement.failure_policy),
            (Mode::Enforce, FailurePolicy::Allow)
        );
        assert_eq!(
            (first.limits.memory, first.limits.cpu),
            (ByteSize(256 << 20), Duration::from_millis(50))
        );
        assert_eq!(
            (first.limits.concurrency, first.limits.time),
            (4, Duration::from_secs(1))
        );
        assert_eq!(first.settings, r#"{"dialect":"mysql"}"#);
        assert_eq!(
            (second.enforcement.mode, second.enforcement.action),
            (Mode::Monitor, Action::Audit)
        );
        assert_eq!(
            second.source,
            PolicySource::Folder {
                path: "mine".into()
            }
        );
        assert!(second.enforcement.mutate && second.capabilities.contains("cluster"));
    }

    #[test]
    fn every_problem_is_said_at_once() {
        let problems = parse_policies_file(
            "
polices: []
policies:
- name: Bad_Name
  file: a.wasm
  folder: b
  actoin: deny
  rules: {a: block}
- name: a
  file: a.wasm
  sha256: xyz
  action: never
  mutate: 1
  limits: {memory: 64MB, cpu: 1h, instances: 0, memry: 1}
  settings: 5
- name: a
  file: b.wasm
  scopes: [{labels: {a: 5}, action: stop}, {rules: {a: off}, mode: enforce}, {namespaces: []}, lab]
",
        )
        .unwrap_err();
        assert_eq!(
            problems,
            [
                "polices: is not a known field",
                "policies[0].name: expected lower-case letters, digits and `-`, at most 63",
                "policies[0].file: exactly one of `file` and `folder` is needed",
                "policies[0].rules.a: expected one of deny, warn, audit, off",
                "policies[0].actoin: is not a known field",
                "policies[1].sha256: expected 64 lower-case hexadecimal digits",
                "policies[1].action: expected one of deny, warn, audit, off",
                "policies[1].mutate: expected true or false",
                "policies[1].settings: expected a map",
                "policies[1].limits.memory: expected a size like `64MiB`, got `64MB`",
                "policies[1].limits.cpu: `1h` is out of range",
                "policies[1].limits.instances: expected a whole number from 1 to 64",
                "policies[1].limits.memry: is not a known field",
                "policies[2].scopes[0].labels: expected a map of texts",
                "policies[2].scopes[0].action: expected one of deny, warn, audit, off",
                "policies[2].scopes[1].namespaces: name `namespaces`, `labels` or both",
                "policies[2].scopes[1].mode: is not a known field",
                "policies[2].scopes[2].namespaces: name `namespaces`, `labels` or both",
                "policies[2].scopes[2].rules: name an `action`, `rules` or both",
                "policies[2].scopes[3]: expected a map",
                "policies[2].name: `a` is used twice",
            ]
        );
    }

    #[test]
    fn what_is_no_policies_file_says_so() {
        for (text, expected) in [
            ("", "the file: expected a map"),
            ("[]", "the file: expected a map"),
            ("a: [", "not YAML"),
            ("mode: enforce", "policies: is missing"),
            ("policies: {}", "policies: expected a list"),
            ("policies: [5]", "policies[0]: expected a map"),
        ] {
            let problems = parse_policies_file(text).unwrap_err();
            assert!(
                problems.iter().any(|problem| problem.contains(expected)),
                "{text}: {problems:?}"
            );
        }
    }
}
