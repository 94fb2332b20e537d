//! `spec.source`, read.

use serde::Deserialize;
use serde_json::Value;
use tidegate_model::SourceType;

use crate::directory::Directory;
use crate::error::RenderError;
use crate::helm::Helm;
use crate::kustomize::Kustomize;
use crate::plugin::Choice;

/// A source of an Application, with the names of its fields.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Source {
    #[serde(rename = "repoURL")]
    pub(crate) repository: String,
    pub(crate) path: String,
    pub(crate) chart: String,
    pub(crate) r#ref: String,
    pub(crate) tag_prefix: String,
    pub(crate) helm: Option<Helm>,
    pub(crate) kustomize: Option<Kustomize>,
    pub(crate) directory: Option<Directory>,
    pub(crate) plugin: Option<Choice>,
}

impl Source {
    /// Reads the source that is written at `place`.
    pub(crate) fn parse(value: &Value, place: &str) -> Result<Self, RenderError> {
        let wrong = |problem: String| RenderError::Source {
            pointer: place.to_owned(),
            problem,
        };
        let mut value = value.clone();
        without_nulls(&mut value);
        let source = Self::deserialize(&value).map_err(|error| wrong(error.to_string()))?;
        if source.repository.is_empty() {
            return Err(wrong("repoURL is missing".to_owned()));
        }
        let is_reference = |name: &str| {
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        if !is_reference(&source.r#ref) {
            return Err(wrong(format!(
                "ref `{}` may have letters, digits, - and _ only",
                source.r#ref
            )));
        }
        if !source.r#ref.is_empty() && source.packed().is_some() {
            return Err(wrong("a chart cannot be a ref".to_owned()));
        }
        source.declared(place)?;
        Ok(source)
    }

    /// The packed chart that it is: the repository or registry, and the name there. An `oci://` address without `chart` names it itself, as Argo CD
    /// has it since 3.1.
    pub(crate) fn packed(&self) -> Option<(&str, &str)> {
        if !self.chart.is_empty() {
            return Some((&self.repository, &self.chart));
        }
        let (registry, name) = self.repository.trim_end_matches('/').rsplit_once('/')?;
        registry.starts_with("oci://").then_some((registry, name))
    }

    /// Whether it only serves value files to others.
    pub(crate) fn is_only_a_reference(&self) -> bool {
        !self.r#ref.is_empty() && self.path.is_empty() && self.chart.is_empty()
    }

    /// What the source says it is; none when the files are to say.
    pub(crate) fn declared(&self, place: &str) -> Result<Option<SourceType>, RenderError> {
        let all = [
            (
                self.helm.is_some() || !self.chart.is_empty(),
                SourceType::Helm,
            ),
            (self.kustomize.is_some(), SourceType::Kustomize),
            (self.directory.is_some(), SourceType::Directory),
            (self.plugin.is_some(), SourceType::Plugin),
        ];
        let mut found = all.iter().filter(|(is, _)| *is).map(|(_, found)| *found);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(RenderError::Source {
                pointer: place.to_owned(),
                problem: "multiple application sources defined: only one of helm, kustomize, directory and plugin may be there".to_owned(),
            }),
            (first, _) => Ok(first),
        }
    }
}

/// `helm: null` is no helm, and `valueFiles: null` are no files. Below that null means something: in valuesObject it takes a default away.
fn without_nulls(source: &mut Value) {
    let Value::Object(fields) = source else {
        return;
    };
    fields.retain(|_, value| !value.is_null());
    for value in fields.values_mut() {
        if let Value::Object(options) = value {
            options.retain(|_, value| !value.is_null());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_say_what_they_are() {
        for (source, expected) in [
            (json!({"repoURL": "/r", "path": "a", "helm": null}), None),
            (
                json!({"repoURL": "/r", "path": "a", "helm": {"valueFiles": null}}),
                Some(SourceType::Helm),
            ),
            (
                json!({"repoURL": "/r", "chart": "a"}),
                Some(SourceType::Helm),
            ),
            (
                json!({"repoURL": "/r", "kustomize": {"namePrefix": "x-"}}),
                Some(SourceType::Kustomize),
            ),
            (
                json!({"repoURL": "/r", "directory": {"recurse": true}}),
                Some(SourceType::Directory),
            ),
            (
                json!({"repoURL": "/r", "plugin": {}}),
                Some(SourceType::Plugin),
            ),
        ] {
            let read = Source::parse(&source, "spec.source").expect("a source");
            assert_eq!(
                read.declared("spec.source").expect("one"),
                expected,
                "{source}"
            );
        }
    }

    #[test]
    fn wrong_sources_are_named_by_place() {
        for (source, message) in [
            (json!({"path": "a"}), "spec.source: repoURL is missing"),
            (
                json!({"repoURL": "/r", "helm": {}, "directory": {}}),
                "spec.source: multiple application sources defined: only one of helm, kustomize, directory and plugin may be there",
            ),
            (
                json!({"repoURL": "/r", "ref": "a/b"}),
                "spec.source: ref `a/b` may have letters, digits, - and _ only",
            ),
            (
                json!({"repoURL": "/r", "ref": "a", "chart": "b"}),
                "spec.source: a chart cannot be a ref",
            ),
        ] {
            let error = Source::parse(&source, "spec.source").expect_err("wrong");
            assert_eq!(error.to_string(), message);
        }
    }
}
