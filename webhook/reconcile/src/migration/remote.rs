//! Where a remote folder is: `dir.remote`, read. Pure.
//!
//! The Atlas operator means a folder in Atlas Cloud by it, which is not asked. In its place stands a folder of a Git repository, as go-getter (and with
//! it Terraform and Atlas' own urls) writes one: `git::ADDRESS//FOLDER` in `name`, and the branch, tag or commit in `tag`.

use serde::Deserialize as _;
use tidegate_model::atlas::{AtlasMigrationSpec, Reason, RemoteDirectory, ValueFrom};

use crate::problem::Problem;
use crate::render::FolderRequest;

/// What a name of a Git repository begins with.
const GIT: &str = "git::";

/// The folder that is meant.
pub(super) fn folder(remote: &RemoteDirectory) -> Result<FolderRequest, Problem> {
    let Some(address) = remote.name.trim().strip_prefix(GIT) else {
        return refuse(
            "spec.dir.remote.name is no folder of a Git repository, and nothing is fetched from Atlas Cloud or from a registry: write \
             git::ADDRESS//FOLDER and the branch, tag or commit into spec.dir.remote.tag, or put the files into a ConfigMap and name it in \
             spec.dir.configMapRef",
        );
    };
    let behind_scheme = address.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = address.split_at_checked(behind_scheme).unwrap_or_default();
    let (repository, path) = rest.split_once("//").unwrap_or((rest, ""));
    if repository.is_empty() {
        return refuse("spec.dir.remote.name has no repository: write git::ADDRESS//FOLDER");
    }
    if rest.contains('?') {
        return refuse(
            "spec.dir.remote.name has a query: write the branch, tag or commit into spec.dir.remote.tag",
        );
    }
    Ok(FolderRequest {
        repository: format!("{scheme}{repository}"),
        revision: remote.tag.trim().to_owned(),
        path: path.trim_matches('/').to_owned(),
        token: None,
    })
}

/// Where the token is that lets us in: the operator's field for it, `cloud.tokenFrom`.
pub(super) fn token(spec: &AtlasMigrationSpec) -> Result<Option<ValueFrom>, Problem> {
    let Some(from) = spec.project.cloud.get(TOKEN) else {
        return Ok(None);
    };
    let read = ValueFrom::deserialize(from);
    read.map(Some).map_err(|_| {
        Problem::new(
            Reason::ReadingMigrationData,
            "spec.cloud.tokenFrom should name a key of a Secret in secretKeyRef",
        )
    })
}

/// The one field of `cloud` that means something to a Git repository.
pub(super) const TOKEN: &str = "tokenFrom";

fn refuse<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::new(Reason::ReadingMigrationData, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_git_repository_is_read() {
        for (name, tag, expected) in [
            (
                "git::https://host/a/b.git//db/migrations",
                "v1",
                ("https://host/a/b.git", "db/migrations", "v1"),
            ),
            (
                " git::ssh://git@host:22/a//db/ ",
                "",
                ("ssh://git@host:22/a", "db", ""),
            ),
            (
                "git::git@host:a/b.git//db",
                " main ",
                ("git@host:a/b.git", "db", "main"),
            ),
            ("git::https://host/a", "", ("https://host/a", "", "")),
            ("git::file:///srv/a//m", "", ("file:///srv/a", "m", "")),
        ] {
            let remote = RemoteDirectory {
                name: name.to_owned(),
                tag: tag.to_owned(),
            };
            let folder = folder(&remote).expect(name);
            let found = (
                folder.repository.as_str(),
                folder.path.as_str(),
                folder.revision.as_str(),
            );
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn everything_else_is_refused_and_not_quoted() {
        for (name, words) in [
            ("", "no folder of a Git repository"),
            ("myapp", "Atlas Cloud"),
            ("oci://u:hunter2@host/a", "a registry"),
            ("git::", "no repository"),
            ("git:://", "no repository"),
            (
                "git::https://u:hunter2@host/a//m?ref=v1",
                "spec.dir.remote.tag",
            ),
        ] {
            let remote = RemoteDirectory {
                name: name.to_owned(),
                tag: String::new(),
            };
            let problem = folder(&remote).expect_err(name);
            assert!(
                problem.message.contains(words),
                "{name}: {}",
                problem.message
            );
            assert!(!problem.message.contains("hunter2"), "{name}");
        }
    }
}
