//! The file that declares a plugin: Argo CD's `ConfigManagementPlugin`.

use serde::Deserialize;
use serde_json::Value;

/// A config management plugin that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    name: String,
    version: String,
    pub(super) init: Option<Program>,
    pub(super) generate: Program,
    pub(super) discovery: Option<Discovery>,
}

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

/// How a plugin knows that a folder is for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Discovery {
    /// A file whose path in the folder matches.
    Files(String),
    /// The program succeeds and prints something.
    Program(Program),
}

/// A declaration that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// It has another shape.
    #[error("this is no ConfigManagementPlugin: {problem}")]
    Shape {
        /// What is wrong.
        problem: String,
    },
    /// A field says what cannot be.
    #[error("ConfigManagementPlugin `{name}`: {field}: {problem}")]
    Field {
        /// The plugin's name.
        name: String,
        /// The field.
        field: &'static str,
        /// What is wrong and what to write.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
struct Written {
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    version: String,
    #[serde(default)]
    init: Command,
    generate: Command,
    #[serde(default)]
    discover: Discover,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Command {
    command: Vec<String>,
    args: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Discover {
    file_name: String,
    find: Find,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Find {
    #[serde(flatten)]
    command: Command,
    glob: String,
}

impl Plugin {
    /// Reads a declaration. Fields about how Argo CD shows or locks things are left alone.
    ///
    /// # Errors
    /// It is none, or has no name or no command to run.
    pub fn parse(value: &Value) -> Result<Self, PluginError> {
        let written = Written::deserialize(value).map_err(|error| PluginError::Shape {
            problem: error.to_string(),
        })?;
        if written.kind != "ConfigManagementPlugin" {
            return Err(PluginError::Shape {
                problem: format!("its kind is {}", written.kind),
            });
        }
        let name = written.metadata.name;
        let spec = written.spec;
        let discovery = match spec.discover {
            Discover { file_name, .. } if !file_name.is_empty() => {
                let pattern = file_name.trim_start_matches("./");
                Some(Discovery::Files(pattern.to_owned()))
            }
            Discover { find, .. } if !find.glob.is_empty() => Some(Discovery::Files(find.glob)),
            Discover { find, .. } => {
                program(&name, "spec.discover.find.command", find.command)?.map(Discovery::Program)
            }
        };
        let missing = PluginError::Field {
            name: name.clone(),
            field: "spec.generate.command",
            problem: "a plugin has a command that makes manifests",
        };
        Ok(Self {
            init: program(&name, "spec.init.command", spec.init)?,
            generate: program(&name, "spec.generate.command", spec.generate)?.ok_or(missing)?,
            discovery,
            name,
            version: spec.version,
        })
    }

    /// `NAME-VERSION`, or `NAME` where it has no version: as Applications name it.
    pub fn full_name(&self) -> String {
        match self.version.as_str() {
            "" => self.name.clone(),
            version => format!("{}-{version}", self.name),
        }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.full_name() == name
    }
}

fn program(
    name: &str,
    field: &'static str,
    written: Command,
) -> Result<Option<Program>, PluginError> {
    let mut words = written.command.into_iter().chain(written.args);
    let Some(program) = words.next() else {
        return Ok(None);
    };
    if program.contains('/') && !program.starts_with('/') {
        return Err(PluginError::Field {
            name: name.to_owned(),
            field,
            problem: "write the name of a program on the PATH, or its whole path; a repository's own program can be an argument of `sh`",
        });
    }
    Ok(Some(Program {
        program,
        arguments: words.collect(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn declarations_are_read_and_mistakes_named() {
        let of = |spec: Value| {
            let plugin =
                json!({"kind": "ConfigManagementPlugin", "metadata": {"name": "p"}, "spec": spec});
            Plugin::parse(&plugin).map_err(|error| error.to_string())
        };
        let plugin = of(
            json!({"version": "v1", "generate": {"command": ["sh", "-c"], "args": ["x"]}, "discover": {"fileName": "./a*.yaml"}}),
        );
        let plugin = plugin.expect("a plugin");
        assert!(plugin.is_called("p") && plugin.is_called("p-v1") && !plugin.is_called("p-v2"));
        assert_eq!(plugin.generate.arguments, ["-c", "x"]);
        assert_eq!(
            plugin.discovery,
            Some(Discovery::Files("a*.yaml".to_owned()))
        );
        for (spec, message) in [
            (
                json!({}),
                "this is no ConfigManagementPlugin: missing field `generate`",
            ),
            (
                json!({"generate": {}}),
                "ConfigManagementPlugin `p`: spec.generate.command: a plugin has a command that makes manifests",
            ),
            (
                json!({"generate": {"command": ["./make"]}}),
                "ConfigManagementPlugin `p`: spec.generate.command: write the name of a program on the PATH, or its whole path; a repository's own program can be an argument of `sh`",
            ),
        ] {
            assert_eq!(of(spec).expect_err("wrong"), message);
        }
        let other = Plugin::parse(
            &json!({"kind": "Secret", "metadata": {"name": "p"}, "spec": {"generate": {}}}),
        );
        assert_eq!(
            other.expect_err("another kind").to_string(),
            "this is no ConfigManagementPlugin: its kind is Secret"
        );
    }
}
