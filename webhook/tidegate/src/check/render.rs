//! Folders whose manifests a tool makes: kustomizations and charts are rendered by the tools that people have.
//!
//! Only the folder that was named is rendered, as Argo CD renders the path of an Application; what lies below it is read as it is. Rendering a stranger's
//! folder runs no program of that folder, but Kustomize may fetch what it names from the network.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use tidegate_render::{Limits, ProcessError, RenderError, Settings, printed};

use crate::sources::settings;

/// How long a tool may take; a remote base is fetched in it.
const PATIENCE: Duration = Duration::from_mins(2);

/// The manifests of a folder as one YAML text; none for a folder that needs no tool.
pub(crate) fn render(folder: &Path) -> Result<Option<String>> {
    let defaults = settings(None);
    let settings = Settings {
        // A person's own folder, on a person's own machine.
        remote_files: true,
        limits: Limits {
            render_time: PATIENCE,
            ..defaults.limits
        },
        ..defaults
    };
    match printed(&settings, folder) {
        Err(RenderError::Tool {
            problem: ProcessError::Missing { program },
            ..
        }) => bail!(
            "{} needs {program} on the PATH to be rendered; or render it yourself and pipe the result to `tidegate check -`",
            folder.display()
        ),
        text => Ok(text?),
    }
}
