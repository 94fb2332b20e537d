//! A field of an Application with a value of another type.

use tidegate_policy_sdk::prelude::*;

use crate::fields::dotted;
use crate::subject::{Subject, type_of};

pub(crate) const RULE: Rule = Rule::error(
    "field-wrong-type",
    "A field of an Application has a value of the wrong type",
    include_str!("field_wrong_type.md"),
);

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Map,
    Boolean,
    Integer,
    Text,
}

/// The fields that people give another type (CRD of Argo CD 3.5), with an example of the right one. `syncOptions` has a rule of its own.
const FIELDS: [(&str, Type, &str); 13] = [
    (
        "/spec/destination",
        Type::Map,
        "{server: https://kubernetes.default.svc, namespace: shop}",
    ),
    (
        "/spec/source",
        Type::Map,
        "{repoURL: ..., path: ..., targetRevision: ...}",
    ),
    ("/spec/syncPolicy", Type::Map, "{automated: {}}"),
    ("/spec/syncPolicy/automated", Type::Map, "{}"),
    ("/spec/syncPolicy/automated/prune", Type::Boolean, "true"),
    ("/spec/syncPolicy/automated/selfHeal", Type::Boolean, "true"),
    (
        "/spec/syncPolicy/automated/allowEmpty",
        Type::Boolean,
        "false",
    ),
    ("/spec/syncPolicy/automated/enabled", Type::Boolean, "true"),
    ("/spec/syncPolicy/retry", Type::Map, "{limit: 5}"),
    ("/spec/syncPolicy/retry/limit", Type::Integer, "5"),
    ("/spec/syncPolicy/retry/backoff/duration", Type::Text, "5s"),
    ("/spec/syncPolicy/retry/backoff/factor", Type::Integer, "2"),
    (
        "/spec/syncPolicy/retry/backoff/maxDuration",
        Type::Text,
        "3m",
    ),
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_none() {
        return;
    }
    for (pointer, wanted, example) in FIELDS {
        let Some(value) = subject
            .at(pointer)
            .filter(|value| !value.is_null() && !wanted.fits(value))
        else {
            continue;
        };
        let field = dotted(pointer);
        let message = format!(
            "{field} is {}, not {}: the API server refuses the Application",
            type_of(value),
            wanted.name()
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(pointer)
                .suggest(format!("Write for example {field}: {example}")),
        );
    }
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Map => value.is_object(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Text => value.is_string(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Map => "a map",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Text => "a text",
        }
    }
}
