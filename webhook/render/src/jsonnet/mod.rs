//! Files of Jsonnet in plain folders (`source.directory.jsonnet`), evaluated by the real `jsonnet`.
//!
//! The program reads whatever file an import names. So imports are looked at first ([`imports`]): one that leads out of the repository is refused, and
//! what would be read instead never is.

mod imports;

use std::path::Path;

use serde::Deserialize;

use crate::error::RenderError;
use crate::process::Run;
use crate::surroundings::Surroundings;
use crate::tree::Tree;

/// `source.directory.jsonnet`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Jsonnet {
    ext_vars: Vec<Variable>,
    tlas: Vec<Variable>,
    libs: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Variable {
    name: String,
    value: String,
    code: bool,
}

/// What jsonnet prints of a file. Imports are looked for beside the file that has them, then in `libs`, the last first, then in the source's folder;
/// `libs` begin at the repository's root (argo-cd `reposerver/repository/repository.go`, `makeJsonnetVm`).
pub(crate) fn output(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
    file: &Path,
    options: &Jsonnet,
) -> Result<Vec<u8>, RenderError> {
    let mut paths = vec![folder.to_owned()];
    for library in &options.libs {
        let found = tree.find(tree.root(), library)?;
        paths.extend(found.filter(|found| found.is_dir()));
    }
    imports::refuse_outside(tree, file, &paths, &around.settings.limits)?;
    let home = around.work.folder()?;
    let mut run = Run::new(around.settings, "jsonnet", home.path(), folder)
        .root(tree.root())
        .alone();
    for path in &paths {
        run = run.arg("--jpath").arg(path);
    }
    for (variables, text, code) in [
        (&options.ext_vars, "--ext-str", "--ext-code"),
        (&options.tlas, "--tla-str", "--tla-code"),
    ] {
        for variable in variables {
            let flag = if variable.code { code } else { text };
            let value = around.substituted(&variable.value);
            run = run.arg(flag).arg(format!("{}={value}", variable.name));
        }
    }
    let out = run.arg("--").arg(file).output();
    out.map_err(|problem| RenderError::Tool {
        path: tree.shown(file),
        problem,
    })
}
