//! Config management plugins: an operator's own commands that make manifests of a folder (`source.plugin`).
//!
//! Argo CD runs each in a container beside its repo-server, with the file that declares it. The same file is read here ([`Plugin`]), and the command runs as
//! the other renderers do: in a check-out of its own, with an environment made for it, under the same limits, and with what is installed beside us. There are
//! no plugins unless the operator names some: a plugin is the operator's program on strangers' input, and may reach what we may reach.

mod declared;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate_model::glob;

use declared::{Discovery, Program};
pub use declared::{Plugin, PluginError};

use crate::error::{ProcessError, RenderError};
use crate::process::Run;
use crate::surroundings::Surroundings;
use crate::tree::{Tree, any_file};

/// `source.plugin`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Choice {
    name: String,
    env: Vec<Variable>,
    parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Parameter {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    string: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    array: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<BTreeMap<String, String>>,
}

/// The plugin for a folder: the one that the source names, or the first that finds itself meant. None where the source names none and none does.
///
/// # Errors
/// The named one is not declared, or says itself that the folder is not for it.
pub(crate) fn chosen<'p>(
    around: &Surroundings<'p>,
    tree: &Tree,
    folder: &Path,
    choice: Option<&Choice>,
    place: &str,
) -> Result<Option<&'p Plugin>, RenderError> {
    let plugins = &around.settings.plugins;
    let name = choice
        .map(|choice| choice.name.as_str())
        .unwrap_or_default();
    let wrong = |problem: String| RenderError::Source {
        pointer: place.to_owned(),
        problem,
    };
    if !name.is_empty() {
        let named = plugins.iter().find(|plugin| plugin.is_called(name));
        let Some(plugin) = named else {
            return Err(wrong(format!(
                "there is no config management plugin `{name}`; the operator declares plugins with --plugins"
            )));
        };
        let is_for_it = match &plugin.discovery {
            Some(discovery) => discovery.finds(around, plugin, tree, folder)?,
            None => true,
        };
        return if is_for_it {
            Ok(Some(plugin))
        } else {
            Err(wrong(format!(
                "couldn't find cmp-server plugin with name \"{name}\" supporting the given repository: its own `discover` does not know this folder"
            )))
        };
    }
    for plugin in plugins {
        if let Some(discovery) = &plugin.discovery
            && discovery.finds(around, plugin, tree, folder)?
        {
            return Ok(Some(plugin));
        }
    }
    match choice {
        Some(_) => Err(wrong(
            "could not find plugin supporting the given repository: none of those that the operator declares with --plugins discovers it".to_owned(),
        )),
        None => Ok(None),
    }
}

/// What a plugin prints of a folder.
pub(crate) fn output(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
    plugin: &Plugin,
    choice: &Choice,
) -> Result<Vec<u8>, RenderError> {
    let shown = tree.shown(folder);
    let own = (around.own_tree)()?;
    let folder = own.folder(&shown)?;
    let home = around.work.folder()?;
    let environment = choice.environment(around);
    let run = |program: &Program| {
        let run = program.run(around, home.path(), &folder, &environment);
        run.root(own.root()).output()
    };
    let failed = |problem| RenderError::Tool {
        path: format!("{shown}: plugin {}", plugin.full_name()),
        problem,
    };
    if let Some(init) = &plugin.init {
        run(init).map_err(failed)?;
    }
    run(&plugin.generate).map_err(failed)
}

impl Discovery {
    fn finds(
        &self,
        around: &Surroundings<'_>,
        plugin: &Plugin,
        tree: &Tree,
        folder: &Path,
    ) -> Result<bool, RenderError> {
        let program = match self {
            Self::Files(pattern) => {
                let limits = &around.settings.limits;
                return any_file(folder, limits, &|path| glob::matches_path(pattern, path));
            }
            Self::Program(program) => program,
        };
        // Like the plugin itself, it sees files that it may change.
        let own = (around.own_tree)()?;
        let folder = own.folder(&tree.shown(folder))?;
        let home = around.work.folder()?;
        let environment = Choice::default().environment(around);
        match program
            .run(around, home.path(), &folder, &environment)
            .output()
        {
            Ok(out) => Ok(!out.trim_ascii().is_empty()),
            Err(ProcessError::Failed { .. }) => Ok(false),
            Err(problem) => Err(RenderError::Tool {
                path: format!(
                    "{}: discovery of plugin {}",
                    tree.shown(&folder),
                    plugin.full_name()
                ),
                problem,
            }),
        }
    }
}

impl Program {
    fn run<'r>(
        &'r self,
        around: &'r Surroundings<'_>,
        home: &'r Path,
        folder: &'r Path,
        environment: &[(String, String)],
    ) -> Run<'r> {
        let run = Run::new(around.settings, &self.program, home, folder).args(&self.arguments);
        environment
            .iter()
            .fold(run, |run, (name, value)| run.env(name, value))
    }
}

impl Choice {
    /// What Argo CD's plugins find in their environment (`docs/operator-manual/config-management-plugins.md`): the build environment, what the cluster is,
    /// the source's variables as `ARGOCD_ENV_NAME`, and its parameters as one JSON and as `PARAM_NAME`, `PARAM_NAME_0`, `PARAM_NAME_KEY`.
    fn environment(&self, around: &Surroundings<'_>) -> Vec<(String, String)> {
        let mut made: Vec<(String, String)> = around
            .variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let mut add = |name: String, value: &str| made.push((name, value.to_owned()));
        add("KUBE_VERSION".to_owned(), &around.cluster.kube_version);
        add(
            "KUBE_API_VERSIONS".to_owned(),
            &around.cluster.api_versions.join(","),
        );
        for Variable { name, value } in &self.env {
            add(format!("ARGOCD_ENV_{name}"), &around.substituted(value));
        }
        let all = json!(self.parameters).to_string();
        add("ARGOCD_APP_PARAMETERS".to_owned(), &all);
        for parameter in &self.parameters {
            let name = format!("PARAM_{}", variable_name(&parameter.name));
            if let Some(text) = &parameter.string {
                add(name.clone(), text);
            }
            for (index, text) in parameter.array.iter().flatten().enumerate() {
                add(format!("{name}_{index}"), text);
            }
            for (key, text) in parameter.map.iter().flatten() {
                add(format!("{name}_{}", variable_name(key)), text);
            }
        }
        // A name with these in it would be another variable, or none.
        made.retain(|(name, value)| !name.contains(['=', '\0']) && !value.contains('\0'));
        made
    }
}

fn variable_name(name: &str) -> String {
    let upper = name.to_uppercase();
    upper.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_")
}
