//! Reading fields as Kubernetes' own types would: missing and `null` are the zero value, another type is an error that names the field.
//!
//! Argo CD converts the whole object to a Go type first, so that a wrong type in a field that nobody looks at makes it `Unknown` too. Here only what
//! a rule reads is looked at: an API server has checked the types of everything else.

use serde_json::Value;

use crate::HealthError;

/// Group, version and kind of an object; empty where missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupVersionKind<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) api_version: &'a str,
}

pub(crate) fn group_version_kind(object: &Value) -> GroupVersionKind<'_> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or("");
    let api_version = text("apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    GroupVersionKind {
        group,
        version,
        kind: text("kind"),
        api_version,
    }
}

/// A list, empty where it is missing or no list.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// An object, or a part of one, that is read with types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a> {
    value: &'a Value,
    kind: &'static str,
}

impl<'a> Typed<'a> {
    pub(crate) fn new(value: &'a Value, kind: &'static str) -> Self {
        Self { value, kind }
    }

    fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer).filter(|value| !value.is_null())
    }

    fn wrong(&self, pointer: &str, wanted: &'static str) -> HealthError {
        HealthError::Field {
            kind: self.kind,
            field: pointer.trim_start_matches('/').replace('/', "."),
            wanted,
        }
    }

    /// Is there anything?
    pub(crate) fn has(&self, pointer: &str) -> bool {
        self.at(pointer).is_some()
    }

    /// A whole number that may be missing. Go's conversion cuts fractions off, and so does this.
    pub(crate) fn int_if_set(&self, pointer: &str) -> Result<Option<i64>, HealthError> {
        let Some(value) = self.at(pointer) else {
            return Ok(None);
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates; no count of replicas is that large"
        )]
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|float| float as i64))
            .map(Some)
            .ok_or_else(|| self.wrong(pointer, "a number"))
    }

    pub(crate) fn int(&self, pointer: &str) -> Result<i64, HealthError> {
        Ok(self.int_if_set(pointer)?.unwrap_or_default())
    }

    pub(crate) fn text(&self, pointer: &str) -> Result<&'a str, HealthError> {
        self.at(pointer).map_or(Ok(""), |value| {
            value
                .as_str()
                .ok_or_else(|| self.wrong(pointer, "a string"))
        })
    }

    pub(crate) fn flag(&self, pointer: &str) -> Result<bool, HealthError> {
        self.at(pointer).map_or(Ok(false), |value| {
            value
                .as_bool()
                .ok_or_else(|| self.wrong(pointer, "a boolean"))
        })
    }

    pub(crate) fn list(&self, pointer: &str) -> Result<Vec<Self>, HealthError> {
        let Some(value) = self.at(pointer) else {
            return Ok(Vec::new());
        };
        let items = value
            .as_array()
            .ok_or_else(|| self.wrong(pointer, "a list"))?;
        Ok(items
            .iter()
            .map(|item| Self::new(item, self.kind))
            .collect())
    }

    /// The first condition of that type.
    pub(crate) fn condition(&self, wanted: &str) -> Result<Option<Self>, HealthError> {
        for condition in self.list("/status/conditions")? {
            if condition.text("/type")? == wanted {
                return Ok(Some(condition));
            }
        }
        Ok(None)
    }
}
