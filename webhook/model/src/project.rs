//! An Argo CD AppProject: where its applications may come from and go to.

use serde_json::Value;

use crate::object::{at, text};

/// An AppProject.
#[derive(Debug, Clone, Copy)]
pub struct AppProject<'a>(pub &'a Value);

/// One entry of `spec.destinations`; each part is a glob, and one that starts with `!` denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// API server of the cluster.
    pub server: Option<&'a str>,
    /// Name of the cluster.
    pub name: Option<&'a str>,
    /// Namespace.
    pub namespace: Option<&'a str>,
}

impl<'a> AppProject<'a> {
    /// `spec.sourceRepos`: globs of repository urls, one that starts with `!` denies.
    pub fn source_repositories(self) -> impl Iterator<Item = &'a str> {
        list(self.0, "/spec/sourceRepos")
            .iter()
            .filter_map(Value::as_str)
    }

    /// `spec.destinations`.
    pub fn destinations(self) -> impl Iterator<Item = Destination<'a>> {
        list(self.0, "/spec/destinations")
            .iter()
            .map(|entry| Destination {
                server: text(entry, "/server"),
                name: text(entry, "/name"),
                namespace: text(entry, "/namespace"),
            })
    }
}

fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_project_is_read() {
        let object = json!({"spec": {"sourceRepos": ["*", "!https://bad/*", 7], "destinations": [{"server": "s", "namespace": "n"}]}});
        let project = AppProject(&object);
        assert_eq!(
            project.source_repositories().collect::<Vec<_>>(),
            ["*", "!https://bad/*"]
        );
        assert_eq!(
            project.destinations().collect::<Vec<_>>(),
            [Destination {
                server: Some("s"),
                name: None,
                namespace: Some("n")
            }]
        );
    }
}
