//! One object, whole.
//!
//! An [`Object`] keeps the JSON that came in, unknown fields included, and is read through JSON pointers (RFC 6901) or typed
//! views. Its members (`metadata`, `spec`) are parsed each when something in it is first read: the old object of an update costs nothing to a policy that
//! does not look, and a spec of a megabyte little to one that reads annotations.

use std::ops::Range;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::json;
use crate::pointer;

/// A Kubernetes object as the JSON that came in. Reading never changes it; a change is an operation of a [`Patch`](crate::Patch).
#[derive(Debug, Clone)]
pub struct Object {
    /// Empty for an object made from a value, and for none at all.
    text: String,
    /// None when it is no object.
    members: OnceLock<Option<Vec<Member>>>,
    value: OnceLock<Value>,
}

/// A member of the object itself.
#[derive(Debug, Clone)]
struct Member {
    key: String,
    /// In the object's text.
    at: Range<usize>,
    value: OnceLock<Value>,
}

impl Object {
    /// Parses JSON text, of any depth.
    pub fn from_json(text: &str) -> Result<Self, String> {
        json::parse(text).map(Self::from)
    }

    /// The text that the host gave, parsed when first read.
    pub(crate) const fn unparsed(text: String) -> Self {
        Self {
            text,
            members: OnceLock::new(),
            value: OnceLock::new(),
        }
    }

    /// The whole object.
    ///
    /// # Panics
    /// If the host gave a text that is no JSON, which the API server cannot send: it encodes objects itself. In the sandbox
    /// this is a trap, which the host reports as the policy's failure for this request.
    pub fn value(&self) -> &Value {
        self.value
            .get_or_init(|| sent_as_json(json::parse(&self.text)))
    }

    /// What is at a JSON pointer, if anything; `""` is the whole object.
    ///
    /// # Panics
    /// As [`Self::value`].
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        if self.value.get().is_none()
            && let Some((segment, rest)) = pointer::split_first(pointer)
            && let Some(members) = self.members()
        {
            // The last of two equal keys wins.
            let member = members.iter().rev().find(|member| member.key == segment)?;
            return member.value(&self.text).pointer(rest);
        }
        self.value().pointer(pointer)
    }

    fn members(&self) -> Option<&[Member]> {
        let members = self.members.get_or_init(|| {
            let members = sent_as_json(json::members(&self.text))?;
            let member = |(key, at)| Member {
                key,
                at,
                value: OnceLock::new(),
            };
            Some(members.into_iter().map(member).collect())
        });
        members.as_deref()
    }

    /// The string at a JSON pointer, if there is one.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// The whole number at a JSON pointer, if there is one that fits.
    pub fn integer(&self, pointer: &str) -> Option<i64> {
        self.get(pointer)?.as_i64()
    }

    /// The boolean at a JSON pointer, if there is one.
    pub fn flag(&self, pointer: &str) -> Option<bool> {
        self.get(pointer)?.as_bool()
    }

    /// The items of the list at a JSON pointer; none where there is no list.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.get(pointer)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The annotation of this key, if there is one and it is a string.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.text(&pointer::join("/metadata/annotations", key))
    }

    /// The label of this key, if there is one and it is a string.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.text(&pointer::join("/metadata/labels", key))
    }

    /// The name; empty where the API server has not made one up yet (`generateName`).
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// The namespace, if it is in one.
    pub fn namespace(&self) -> Option<&str> {
        self.text("/metadata/namespace")
    }

    /// The kind, for example `AtlasSchema`.
    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// The API version, for example `db.atlasgo.io/v1alpha1`.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion").unwrap_or_default()
    }

    /// A typed view of what is at a JSON pointer, for reading: fields that the type does not know stay in the object.
    ///
    /// # Errors
    /// Says what is wrong when nothing is there or it does not fit the type.
    pub fn view<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, String> {
        let value = self
            .get(pointer)
            .ok_or_else(|| format!("nothing is at `{pointer}`"))?;
        T::deserialize(value).map_err(|problem| format!("at `{pointer}`: {problem}"))
    }
}

impl Member {
    /// `text` is the object's.
    fn value(&self, text: &str) -> &Value {
        self.value.get_or_init(|| {
            let text = text.get(self.at.clone()).unwrap_or_default();
            sent_as_json(json::parse(text))
        })
    }
}

/// What was read, if the host kept its promise.
#[expect(
    clippy::panic,
    reason = "a broken promise of the host; a trap in the sandbox"
)]
fn sent_as_json<T>(read: Result<T, String>) -> T {
    match read {
        Ok(value) => value,
        Err(problem) => panic!("the object is not JSON: {problem}"),
    }
}

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        Self {
            text: String::new(),
            members: OnceLock::new(),
            value: OnceLock::from(value),
        }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

#[cfg(test)]
mod tests {
    use super::Object;
    use serde::Deserialize;
    use serde_json::json;

    fn sample() -> Object {
        Object::from(json!({
            "apiVersion": "v1", "kind": "Thing",
            "metadata": {"name": "a", "namespace": "b", "annotations": {"x.io/y": "1", "n": 2}, "labels": {"l~": "v"}},
            "spec": {"n": 3, "yes": true, "list": [1, 2], "unknown": {"deep": null}},
        }))
    }

    #[test]
    fn getters_find_what_is_there_and_nothing_else() {
        let object = sample();
        assert_eq!(object.annotation("x.io/y"), Some("1"));
        assert_eq!(object.annotation("n"), None, "not a string");
        assert_eq!(object.label("l~"), Some("v"));
        assert_eq!(
            (
                object.kind(),
                object.api_version(),
                object.name(),
                object.namespace()
            ),
            ("Thing", "v1", "a", Some("b"))
        );
        assert_eq!(object.integer("/spec/n"), Some(3));
        assert_eq!(object.flag("/spec/yes"), Some(true));
        assert_eq!(object.list("/spec/list").len(), 2);
        assert!(object.list("/spec/n").is_empty());
        assert_eq!(object.get("/spec/unknown/deep"), Some(&json!(null)));
        assert_eq!(object.get("/spec/absent"), None);
    }

    /// Whether a part is read alone, or after the whole, it is the same.
    #[test]
    fn a_text_is_read_as_its_value_is() {
        let text = r#" {"a": {"b~/c": [1, {"d": "e"}]}, "a": {"b~/c": [2, {"d": "f"}]}, "": 3} "#;
        let whole = Object::from_json(text).unwrap();
        for pointer in [
            "",
            "/",
            "/a",
            "/a/b~0~1c",
            "/a/b~0~1c/1/d",
            "/a/x",
            "/x",
            "a",
            "/a/",
        ] {
            let parts = Object::unparsed(text.to_owned());
            assert_eq!(parts.get(pointer), whole.get(pointer), "{pointer}");
            parts.value();
            assert_eq!(parts.get(pointer), whole.get(pointer), "{pointer}");
        }
        for (text, pointer) in [("[4]", "/0"), ("5", ""), ("null", "/a")] {
            let (parts, whole) = (Object::unparsed(text.to_owned()), Object::from_json(text));
            assert_eq!(parts.get(pointer), whole.unwrap().get(pointer), "{text}");
        }
    }

    #[test]
    fn a_view_reads_a_part_and_says_where_it_does_not_fit() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Spec {
            n: u32,
        }
        assert_eq!(sample().view("/spec"), Ok(Spec { n: 3 }));
        assert_eq!(
            sample().view::<Spec>("/nowhere"),
            Err("nothing is at `/nowhere`".to_owned())
        );
        assert_eq!(
            sample().view::<Spec>("/metadata"),
            Err("at `/metadata`: missing field `n`".to_owned())
        );
    }

    #[test]
    fn depth_is_no_reason_to_refuse() {
        let depth = 1_000;
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::from_json(&text).is_ok());
        assert!(Object::from_json("[").is_err());
        assert!(Object::from_json("{} {}").is_err(), "one object");
    }
}
