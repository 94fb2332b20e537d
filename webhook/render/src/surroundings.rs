//! What a rendering may know about the Application and its cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::RenderError;
use crate::secret::Credentials;
use crate::settings::Settings;
use crate::tree::Tree;
use crate::work::Work;

/// What the cluster is, as Helm's `.Capabilities` tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Such as `v1.36.3`; empty for the tool's own default.
    pub kube_version: String,
    /// Such as `apps/v1` and `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// Around one source.
pub(crate) struct Surroundings<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) work: &'a Work,
    pub(crate) credentials: &'a dyn Credentials,
    pub(crate) cluster: &'a Cluster,
    /// The Application's name.
    pub(crate) name: &'a str,
    /// `spec.destination.namespace`.
    pub(crate) destination: &'a str,
    /// Flags for `kustomize build`.
    pub(crate) kustomize_options: &'a [String],
    /// `$ARGOCD_APP_...`.
    pub(crate) variables: BTreeMap<&'static str, String>,
    /// The trees of the other sources by their `ref`.
    pub(crate) references: &'a BTreeMap<String, Arc<Tree>>,
    /// A check-out of the same commit that may be changed.
    pub(crate) own_tree: &'a dyn Fn() -> Result<Tree, RenderError>,
}

/// What the variables are made of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names<'a> {
    pub(crate) name: &'a str,
    pub(crate) destination: &'a str,
    pub(crate) project: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) path: &'a str,
    pub(crate) target_revision: &'a str,
}

impl Names<'_> {
    /// The build environment of Argo CD (`docs/user-guide/build-environment.md`).
    pub(crate) fn variables(self) -> BTreeMap<&'static str, String> {
        let short = |digits: usize| self.revision.chars().take(digits).collect::<String>();
        BTreeMap::from([
            ("ARGOCD_APP_NAME", self.name.to_owned()),
            ("ARGOCD_APP_NAMESPACE", self.destination.to_owned()),
            ("ARGOCD_APP_PROJECT_NAME", self.project.to_owned()),
            ("ARGOCD_APP_REVISION", self.revision.to_owned()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_PATH", self.path.to_owned()),
            ("ARGOCD_APP_SOURCE_REPO_URL", self.repository.to_owned()),
            (
                "ARGOCD_APP_SOURCE_TARGET_REVISION",
                self.target_revision.to_owned(),
            ),
        ])
    }
}

impl Surroundings<'_> {
    /// `$NAME` and `${NAME}` replaced as Argo CD does by Go's `os.Expand`: what is not known is empty, `$$` is `$`.
    pub(crate) fn substituted(&self, text: &str) -> String {
        substituted(text, &self.variables)
    }

    /// A path that begins with `$ref` leads into that source's tree; any other into this one, from `folder`.
    pub(crate) fn place<'t>(
        &'t self,
        tree: &'t Tree,
        folder: &'t Path,
        path: &'t str,
    ) -> Result<(&'t Tree, &'t Path, &'t str), RenderError> {
        let Some(rest) = path.strip_prefix('$') else {
            return Ok((tree, folder, path));
        };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        match self.references.get(name) {
            Some(tree) => Ok((tree, tree.root(), path)),
            None => Err(RenderError::path(
                format!("${rest}"),
                format!("no source of the Application has `ref: {name}`"),
            )),
        }
    }
}

fn substituted(text: &str, variables: &BTreeMap<&'static str, String>) -> String {
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        made.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            made.push('$');
            rest = after;
        } else if let Some((name, after)) =
            after.strip_prefix('{').and_then(|it| it.split_once('}'))
        {
            made.push_str(value(name));
            rest = after;
        } else {
            let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
            let (name, after) = after.split_at_checked(end).unwrap_or((after, ""));
            if name.is_empty() {
                made.push('$');
            } else {
                made.push_str(value(name));
            }
            rest = after;
        }
    }
    made.push_str(rest);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_go_does() {
        let names = Names {
            name: "web",
            destination: "shop",
            project: "default",
            revision: "0123456789abcdef",
            repository: "https://host/a",
            path: "apps/web",
            target_revision: "main",
        };
        for (text, expected) in [
            ("$ARGOCD_APP_NAME-${ARGOCD_APP_NAMESPACE}", "web-shop"),
            (
                "${ARGOCD_APP_REVISION_SHORT}/$ARGOCD_APP_REVISION_SHORT_8",
                "0123456/01234567",
            ),
            ("price$$5 $UNKNOWN. 5$ ${", "price$5 . 5$ ${"),
            ("", ""),
        ] {
            assert_eq!(substituted(text, &names.variables()), expected);
        }
    }
}
