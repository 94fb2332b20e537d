//! Changes to the object, as operations.
//!
//! A [`Patch`] is an RFC 6902 document. It must apply to the object of the request, and applied twice it must give what it
//! gives once, because the API server may call again with the patched object: guard each operation by what the object holds.

use serde_json::{Map, Value};

use crate::{Object, pointer};

/// The operations that mend the object, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    operations: Vec<Value>,
}

const ANNOTATIONS: &str = "/metadata/annotations";

impl Patch {
    /// Sets a member, or inserts into a list before the index (`-` is the end). The parent must exist.
    pub fn add(&mut self, pointer: &str, value: impl Into<Value>) -> &mut Self {
        self.push("add", pointer, [("value", value.into())])
    }

    /// Removes what is there, which must exist.
    pub fn remove(&mut self, pointer: &str) -> &mut Self {
        self.push("remove", pointer, [])
    }

    /// Replaces what is there, which must exist.
    pub fn replace(&mut self, pointer: &str, value: impl Into<Value>) -> &mut Self {
        self.push("replace", pointer, [("value", value.into())])
    }

    /// Moves what is at `from`, which must exist, to `to`, whose parent must exist.
    pub fn move_to(&mut self, from: &str, to: &str) -> &mut Self {
        self.push("move", to, [("from", from.into())])
    }

    /// Makes the whole patch apply only while this value is there.
    pub fn test(&mut self, pointer: &str, value: impl Into<Value>) -> &mut Self {
        self.push("test", pointer, [("value", value.into())])
    }

    /// Sets an annotation, creating the annotations where the object has none.
    pub fn add_annotation(&mut self, object: &Object, key: &str, value: &str) -> &mut Self {
        let present = object.get(ANNOTATIONS).is_some_and(Value::is_object);
        let created = self
            .operations
            .iter()
            .any(|operation| operation.get("path").and_then(Value::as_str) == Some(ANNOTATIONS));
        if !present && !created {
            self.add(ANNOTATIONS, Map::new());
        }
        self.add(&pointer::join(ANNOTATIONS, key), value)
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The RFC 6902 text; none for an empty patch.
    pub(crate) fn into_json(self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        serde_json::to_string(&self.operations).ok() // Values always serialize.
    }

    fn push<const N: usize>(
        &mut self,
        operation: &str,
        path: &str,
        more: [(&str, Value); N],
    ) -> &mut Self {
        let members = [("op", operation.into()), ("path", path.into())]
            .into_iter()
            .chain(more)
            .map(|(name, value)| (name.to_owned(), value));
        self.operations.push(Value::Object(members.collect()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Patch;
    use crate::Object;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(build: impl FnOnce(&mut Patch), expected: &Value) {
        let mut patch = Patch::default();
        build(&mut patch);
        let text = patch.into_json().expect("an operation was added");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *expected);
    }

    #[test]
    fn operations_are_rfc_6902() {
        check(
            |patch| {
                patch.test("/a", 1).replace("/a", "x").remove("/b");
                patch.add("/c/-", json!([])).move_to("/d", "/e");
            },
            &json!([
                {"op": "test", "path": "/a", "value": 1},
                {"op": "replace", "path": "/a", "value": "x"},
                {"op": "remove", "path": "/b"},
                {"op": "add", "path": "/c/-", "value": []},
                {"op": "move", "from": "/d", "path": "/e"},
            ]),
        );
        assert_eq!(Patch::default().into_json(), None);
    }

    #[test]
    fn annotations_are_created_once_and_only_when_absent() {
        let bare = Object::from(json!({"metadata": {"name": "a"}}));
        check(
            |patch| {
                patch
                    .add_annotation(&bare, "a/b", "1")
                    .add_annotation(&bare, "c", "2");
            },
            &json!([
                {"op": "add", "path": "/metadata/annotations", "value": {}},
                {"op": "add", "path": "/metadata/annotations/a~1b", "value": "1"},
                {"op": "add", "path": "/metadata/annotations/c", "value": "2"},
            ]),
        );
        let annotated = Object::from(json!({"metadata": {"annotations": {"x": "y"}}}));
        check(
            |patch| {
                patch.add_annotation(&annotated, "c", "2");
            },
            &json!([{"op": "add", "path": "/metadata/annotations/c", "value": "2"}]),
        );
    }
}
