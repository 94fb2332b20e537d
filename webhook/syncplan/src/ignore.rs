//! `ignoreDifferences`: fields that somebody else decides, taken out of both sides before they are compared.
//!
//! Rules name a group and a kind by globs, and optionally one name and namespace (`util/argo/normalizers/diff_normalizer.go`). A pointer that leads
//! nowhere is no error: the field may be there only sometimes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tidegate_model::object::{at, group, kind, name, namespace};

use crate::fields;
use crate::jq::Expression;

/// The keys of `argocd-cm` that customize kinds.
const CUSTOMIZATIONS: &str = "resource.customizations";

/// The most rules of one Application that are looked at.
const MOST_RULES: usize = 1_000;

/// One element of `spec.ignoreDifferences`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// API group, a glob; empty is the core group.
    pub group: String,
    /// Kind, a glob.
    pub kind: String,
    /// One object's name; empty is every one.
    pub name: String,
    /// One namespace; empty is every one.
    pub namespace: String,
    /// JSON pointers (RFC 6901).
    pub json_pointers: Vec<String>,
    /// Paths in jq's language.
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose fields are theirs.
    pub managed_fields_managers: Vec<String>,
}

/// The rules of one Application.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<(Rule, Vec<Expression>)>,
}

/// A part of `spec.ignoreDifferences` that ignores nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Where it stands.
    pub pointer: String,
    /// Why.
    pub why: String,
}

impl Rules {
    /// Reads `spec.ignoreDifferences` of an Application. What cannot be read is left out, and named.
    pub fn of(application: &Value) -> (Self, Vec<Unread>) {
        let listed = at(application, "/spec/ignoreDifferences").and_then(Value::as_array);
        let mut rules = Vec::new();
        let mut unread = Vec::new();
        for (index, rule) in listed.into_iter().flatten().enumerate() {
            let pointer = format!("/spec/ignoreDifferences/{index}");
            let Some(rule) = Rule::deserialize(rule).ok().filter(|_| index < MOST_RULES) else {
                let why = "it is not of the form of a rule, or one of too many".to_owned();
                unread.push(Unread { pointer, why });
                continue;
            };
            let expressions = expressions(&rule, &pointer, &mut unread);
            rules.push((rule, expressions));
        }
        (Self { rules }, unread)
    }

    /// Adds the rules of `argocd-cm`, which hold for all Applications: `resource.customizations.ignoreDifferences.GROUP_KIND`, and `ignoreDifferences` in
    /// `resource.customizations`. `all` is every kind. What cannot be read is left out, and named.
    pub fn add_settings(&mut self, settings: &BTreeMap<String, String>) -> Vec<Unread> {
        let mut unread = Vec::new();
        for (key, text) in settings {
            let parsed = match key.strip_prefix(CUSTOMIZATIONS) {
                Some("") => read_map(text),
                Some(rest) => match rest.strip_prefix(".ignoreDifferences.") {
                    Some(kind) => read_rule(kind, '_', text).map(|rule| vec![rule]),
                    None => continue,
                },
                None => continue,
            };
            match parsed {
                Ok(parsed) => {
                    for rule in parsed {
                        let expressions = expressions(&rule, key, &mut unread);
                        self.rules.push((rule, expressions));
                    }
                }
                Err(why) => unread.push(Unread {
                    pointer: key.clone(),
                    why,
                }),
            }
        }
        unread
    }

    /// Whether any of them is about the live object.
    pub(crate) fn are_about(&self, live: &Value) -> bool {
        self.rules.iter().any(|(rule, _)| rule.is_about(live))
    }

    /// Takes the ignored fields out of both sides.
    pub fn apply(&self, target: &mut Value, live: &mut Value) {
        let owner = live.clone();
        for (rule, expressions) in self.rules.iter().filter(|(rule, _)| rule.is_about(&owner)) {
            for expression in expressions {
                expression.remove_from(target);
                expression.remove_from(live);
            }
            for pointer in &rule.json_pointers {
                remove(target, pointer);
                remove(live, pointer);
            }
            if !rule.managed_fields_managers.is_empty() {
                fields::remove_owned(target, &owner, &rule.managed_fields_managers);
                fields::remove_owned(live, &owner, &rule.managed_fields_managers);
            }
        }
    }
}

/// The jq paths of a rule.
fn expressions(rule: &Rule, pointer: &str, unread: &mut Vec<Unread>) -> Vec<Expression> {
    let mut expressions = Vec::new();
    for (index, text) in rule.jq_path_expressions.iter().enumerate() {
        match Expression::parse(text) {
            Ok(expression) => expressions.push(expression),
            Err(error) => unread.push(Unread {
                pointer: format!("{pointer}/jqPathExpressions/{index}"),
                why: error.to_string(),
            }),
        }
    }
    expressions
}

/// `resource.customizations`: a map of `group/Kind` to a map.
fn read_map(text: &str) -> Result<Vec<Rule>, String> {
    let map: BTreeMap<String, BTreeMap<String, Value>> =
        serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let mut rules = Vec::new();
    for (kind, entry) in map {
        match entry.get("ignoreDifferences") {
            Some(Value::String(text)) => rules.push(read_rule(&kind, '/', text)?),
            Some(rule) => rules.push(read_rule(&kind, '/', &rule.to_string())?),
            None => {}
        }
    }
    Ok(rules)
}

/// The rule of one kind, which is written `GROUP_KIND` or `GROUP/KIND`, and without a group in the core group.
fn read_rule(kind: &str, separator: char, text: &str) -> Result<Rule, String> {
    let rule: Rule = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let (group, kind) = match kind {
        "all" => ("*", "*"),
        _ => kind.split_once(separator).unwrap_or(("", kind)),
    };
    Ok(Rule {
        group: group.to_owned(),
        kind: kind.to_owned(),
        ..rule
    })
}

impl Rule {
    fn is_about(&self, object: &Value) -> bool {
        matches(&self.group, group(object))
            && matches(&self.kind, kind(object))
            && (self.name.is_empty() || self.name == name(object))
            && (self.namespace.is_empty() || Some(self.namespace.as_str()) == namespace(object))
    }
}

/// Removes what is at a pointer, if anything is.
fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, field)) = pointer.rsplit_once('/') else {
        return;
    };
    let field = field.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.remove(&field);
        }
        Some(Value::Array(list)) => {
            if let Ok(index) = field.parse::<usize>()
                && index < list.len()
            {
                list.remove(index);
            }
        }
        _ => {}
    }
}

/// Whether a glob of `*` and `?` matches a text, as a whole.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at_glob, mut at_text) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match glob.get(at_glob) {
            Some('*') => {
                last_star = Some((at_glob, at_text));
                at_glob += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(at_text) => {
                at_glob += 1;
                at_text += 1;
            }
            _ => match last_star {
                // The last star takes one character more.
                Some((star, from)) => {
                    last_star = Some((star, from + 1));
                    at_glob = star + 1;
                    at_text = from + 1;
                }
                None => return false,
            },
        }
    }
    glob.iter().skip(at_glob).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::needless_pass_by_value,
        reason = "a table reads better without ampersands"
    )]

    use serde_json::json;

    use super::*;

    #[test]
    fn globs_match_whole_names() {
        for (glob, text, expected) in [
            ("*", "", true),
            ("*", "apps", true),
            ("", "", true),
            ("", "apps", false),
            ("apps", "apps", true),
            ("app", "apps", false),
            ("*.io", "argoproj.io", true),
            ("*.io", "argoproj.iox", false),
            ("a?ps", "apps", true),
            ("a*p*s", "applications", true),
            ("Deploy*", "Deployment", true),
            ("*Set", "StatefulSets", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob:?} {text:?}");
        }
    }

    #[test]
    fn rules_of_the_settings_hold_for_all() {
        let check = |key: &str, text: &str, is_ignored: bool, is_read: bool| {
            let settings = BTreeMap::from([(key.to_owned(), text.to_owned())]);
            let mut rules = Rules::default();
            let unread = rules.add_settings(&settings);
            assert_eq!(unread.is_empty(), is_read, "{key}: {unread:?}");
            let mut live =
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}});
            let mut target = live.clone();
            rules.apply(&mut target, &mut live);
            assert_eq!(
                live.pointer("/spec/replicas").is_none(),
                is_ignored,
                "{key}"
            );
            assert_eq!(live, target);
        };
        let pointers = "jsonPointers: [/spec/replicas]";
        let customizations = |rest: &str| format!("resource.customizations{rest}");
        check(
            &customizations(".ignoreDifferences.apps_Deployment"),
            pointers,
            true,
            true,
        );
        check(
            &customizations(".ignoreDifferences.all"),
            pointers,
            true,
            true,
        );
        check(
            &customizations(".ignoreDifferences.Deployment"),
            pointers,
            false,
            true,
        );
        check(
            &customizations(".ignoreDifferences.apps_Deployment"),
            "jqPathExpressions: [.spec.replicas]",
            true,
            true,
        );
        check(
            &customizations(".ignoreDifferences.apps_Deployment"),
            "jqPathExpressions: ['.[']",
            false,
            false,
        );
        check(
            &customizations(".ignoreDifferences.apps_Deployment"),
            "[",
            false,
            false,
        );
        check(
            &customizations(".health.apps_Deployment"),
            pointers,
            false,
            true,
        );
        let map = "apps/Deployment:\n  ignoreDifferences: |\n    jsonPointers: [/spec/replicas]\n";
        check(&customizations(""), map, true, true);
        check(
            &customizations(""),
            &map.replace("Deployment", "*"),
            true,
            true,
        );
        check(
            &customizations(""),
            "apps/Deployment: {health.lua: x}",
            false,
            true,
        );
    }

    #[track_caller]
    fn check(rule: Value, expected: Value) {
        let application = json!({"spec": {"ignoreDifferences": [rule]}});
        let (rules, unread) = Rules::of(&application);
        assert!(unread.is_empty());
        let mut live = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "managedFields": [
                {"manager": "hpa", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "side", "operation": "Update", "fieldsV1": {"f:spec": {"f:list": {"k:{\"name\":\"a\"}": {"f:image": {}}}}}}]},
            "spec": {"replicas": 3, "list": [{"name": "a", "image": "x"}, {"name": "b"}]}});
        let mut target = live.clone();
        rules.apply(&mut target, &mut live);
        assert_eq!(live["spec"], expected);
        assert_eq!(target["spec"], expected);
    }

    #[test]
    fn rules_take_fields_out_of_both_sides() {
        let whole = json!({"replicas": 3, "list": [{"name": "a", "image": "x"}, {"name": "b"}]});
        let without_replicas = json!({"list": [{"name": "a", "image": "x"}, {"name": "b"}]});
        let replicas = |group: &str, kind: &str| json!({"group": group, "kind": kind, "jsonPointers": ["/spec/replicas"]});
        check(replicas("apps", "Deployment"), without_replicas.clone());
        check(replicas("*", "*"), without_replicas.clone());
        check(replicas("", "Deployment"), whole.clone());
        check(replicas("apps", "StatefulSet"), whole.clone());
        for (name, namespace, taken) in [
            ("web", "shop", true),
            ("web", "", true),
            ("api", "", false),
            ("", "other", false),
        ] {
            check(
                json!({"group": "apps", "kind": "Deployment", "name": name, "namespace": namespace, "jsonPointers": ["/spec/replicas"]}),
                if taken {
                    without_replicas.clone()
                } else {
                    whole.clone()
                },
            );
        }
        check(
            json!({"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/list/0", "/no/where", "", "x", "/spec/list/9"]}),
            json!({"replicas": 3, "list": [{"name": "b"}]}),
        );
        check(
            json!({"group": "apps", "kind": "Deployment", "jqPathExpressions": [".spec.list[] | select(.name == \"a\")", ".spec.replicas"]}),
            json!({"list": [{"name": "b"}]}),
        );
        check(
            json!({"group": "apps", "kind": "Deployment", "managedFieldsManagers": ["hpa"]}),
            without_replicas,
        );
        check(
            json!({"group": "apps", "kind": "Deployment", "managedFieldsManagers": ["side", "nobody"]}),
            json!({"replicas": 3, "list": [{"name": "a"}, {"name": "b"}]}),
        );
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_named() {
        let application = json!({"spec": {"ignoreDifferences": [
            {"kind": "A", "jqPathExpressions": [".a", "recurse"]}, {"kind": 1}, "x"]}});
        let (rules, unread) = Rules::of(&application);
        assert_eq!(rules.rules.len(), 1);
        let shown: Vec<(&str, &str)> = unread
            .iter()
            .map(|unread| (unread.pointer.as_str(), unread.why.as_str()))
            .collect();
        let form = "it is not of the form of a rule, or one of too many";
        assert_eq!(
            shown,
            [
                (
                    "/spec/ignoreDifferences/0/jqPathExpressions/1",
                    "recurse is not allowed: only paths and conditions are, nothing that may never end"
                ),
                ("/spec/ignoreDifferences/1", form),
                ("/spec/ignoreDifferences/2", form),
            ]
        );
    }
}
