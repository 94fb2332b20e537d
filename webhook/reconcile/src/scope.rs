//! Which objects are this reconciler's: those of some namespaces, with some labels.
//!
//! Kubernetes watches one namespace or all of them, so several namespaces are several watches of each kind. The labels are compared by the API server,
//! in a selector's usual words (`team=shop`, `tier in (a, b)`, `!frozen`), which are read here first: one that the server would
//! refuse for ever keeps the process from starting. An object whose labels no longer match is let go like one that is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use kube::core::{Expression, Selector, SelectorExt as _};
use serde_json::Value;
use tidegate_model::object::{at, namespace};

/// Which objects are worked on; all of them unless told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The only namespaces; all when there is none.
    pub namespaces: BTreeSet<String>,
    /// What their labels must be.
    pub labels: Labels,
}

/// A selector of labels; the default one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Selector);

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is no part of a label selector: write KEY=VALUE, KEY!=VALUE, KEY in (A, B), KEY notin (A, B), KEY or !KEY, with commas between"
)]
pub struct NoSelector {
    part: String,
}

impl Scope {
    /// Whether an object is in it.
    pub fn has(&self, object: &Value) -> bool {
        let is_here = self.namespaces.is_empty()
            || namespace(object).is_some_and(|namespace| self.namespaces.contains(namespace));
        let labels = at(object, "/metadata/labels").and_then(Value::as_object);
        let labels: BTreeMap<String, String> = labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        is_here && self.labels.0.matches(&labels)
    }

    /// One for each watch: a namespace, or none for all.
    pub(crate) fn places(&self) -> Vec<Option<&str>> {
        if self.namespaces.is_empty() {
            return vec![None];
        }
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| Some(namespace.as_str()))
            .collect()
    }
}

impl Labels {
    /// As the API server reads it; none where everything is selected.
    pub(crate) fn text(&self) -> Option<String> {
        (!self.0.selects_all()).then(|| self.0.to_string())
    }
}

impl FromStr for Labels {
    type Err = NoSelector;

    fn from_str(text: &str) -> Result<Self, NoSelector> {
        let parts = parts(text).into_iter();
        let expressions = parts.map(|part| {
            expression(part).ok_or_else(|| NoSelector {
                part: part.to_owned(),
            })
        });
        Ok(Self(expressions.collect::<Result<_, _>>()?))
    }
}

/// Between the commas that are in no parentheses.
fn parts(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut is_inside = false;
    let split = text.split(|c| {
        is_inside = c == '(' || is_inside && c != ')';
        c == ',' && !is_inside
    });
    split.map(str::trim).collect()
}

fn expression(part: &str) -> Option<Expression> {
    if let Some(key) = part.strip_prefix('!') {
        return Some(Expression::DoesNotExist(key_of(key)?));
    }
    if let Some((head, values)) = part.split_once('(') {
        let values = values.strip_suffix(')')?.split(',');
        let values = values.map(value_of).collect::<Option<BTreeSet<_>>>()?;
        let (key, word) = head.trim().split_once(char::is_whitespace)?;
        return match word.trim() {
            "in" => Some(Expression::In(key_of(key)?, values)),
            "notin" => Some(Expression::NotIn(key_of(key)?, values)),
            _ => None,
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Expression::NotEqual(key_of(key)?, value_of(value)?));
    }
    match part.split_once('=') {
        Some((key, value)) => {
            let value = value.strip_prefix('=').unwrap_or(value);
            Some(Expression::Equal(key_of(key)?, value_of(value)?))
        }
        None => Some(Expression::Exists(key_of(part)?)),
    }
}

/// A label's key: a name, or one behind a domain and a slash.
fn key_of(text: &str) -> Option<String> {
    let text = text.trim();
    let (domain, name) = match text.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, text),
    };
    let is_domain =
        |domain: &str| domain.len() <= 253 && domain.split('.').all(|label| is_name(label, "-"));
    (is_name(name, "-_.") && domain.is_none_or(is_domain)).then(|| text.to_owned())
}

/// A label's value, which may be empty.
fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    (text.is_empty() || is_name(text, "-_.")).then(|| text.to_owned())
}

fn is_name(text: &str, between: &str) -> bool {
    let is_end = |end: Option<char>| end.is_some_and(|c| c.is_ascii_alphanumeric());
    (1..=63).contains(&text.len())
        && is_end(text.chars().next())
        && is_end(text.chars().next_back())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || between.contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_are_read_as_the_api_server_reads_them() {
        for (text, read) in [
            ("", None),
            ("team=shop", Some("team=shop")),
            (" team == shop , x.io/y != b ", Some("team=shop,x.io/y!=b")),
            ("a in (b, c),d notin (e)", Some("a in (b,c),d notin (e)")),
            ("a,!b", Some("a,!b")),
            ("a=", Some("a=")),
        ] {
            let labels: Labels = text.parse().unwrap();
            assert_eq!(labels.text().as_deref(), read, "{text}");
        }
    }

    #[test]
    fn what_the_api_server_would_refuse_is_named() {
        for text in [
            "a=b,",
            "a in b",
            "a in (b",
            "a like (b)",
            "-a=b",
            "a=b c",
            "/a",
            "a b",
            "!",
            "a,(b)",
        ] {
            let error = text.parse::<Labels>().unwrap_err().to_string();
            assert!(
                error.contains("is no part of a label selector"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn an_object_is_in_it_by_namespace_and_labels() {
        let scope = Scope {
            namespaces: BTreeSet::from(["a".to_owned(), "b".to_owned()]),
            labels: "team=shop,!frozen".parse().unwrap(),
        };
        let object = |namespace: &str, labels: Value| json!({"metadata": {"namespace": namespace, "labels": labels}});
        assert!(scope.has(&object("b", json!({"team": "shop", "x": "y"}))));
        assert!(!scope.has(&object("c", json!({"team": "shop"}))));
        assert!(!scope.has(&object("a", json!({"team": "shop", "frozen": ""}))));
        assert!(!scope.has(&object("a", Value::Null)));
        assert!(Scope::default().has(&object("c", Value::Null)));
    }
}
