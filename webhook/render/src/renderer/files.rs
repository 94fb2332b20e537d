//! The files of one folder of a repository as they are, for whoever does not want manifests of them.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Renderer;
use crate::directory::{list, read};
use crate::error::RenderError;
use crate::git;
use crate::request::Refresh;
use crate::secret::Credential;

/// Which folder.
#[derive(Debug, Clone, Default)]
pub struct FolderRequest {
    /// Where the repository is, as an Application's `repoURL` would say it.
    pub repository: String,
    /// A branch, a tag, a commit, or nothing (`HEAD`).
    pub revision: String,
    /// The folder, from the repository's root; empty is the root.
    pub path: String,
    /// The ends of the names of the files that are wanted; others are not read.
    pub endings: &'static [&'static str],
    /// How the repository lets us in.
    pub credential: Credential,
    /// How old what is known of the repository may be.
    pub refresh: Refresh,
}

/// What was in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its files by their names; not those of folders in it.
    pub files: BTreeMap<String, String>,
    /// The commit.
    pub revision: String,
}

impl Renderer {
    /// Reads a folder of a commit. It may take as long as the limits of the settings together: call it where waiting is no harm.
    ///
    /// # Errors
    /// Anything on the way; a file that is no UTF-8. The message carries no credential.
    pub fn folder(&self, request: &FolderRequest) -> Result<Folder, RenderError> {
        let freshness = match request.refresh {
            Refresh::None => git::Freshness::Polled,
            Refresh::Normal | Refresh::Hard => git::Freshness::Since(Instant::now()),
        };
        let credential = request.credential.clone();
        let repository = self.repositories.get(&request.repository, credential)?;
        let revision = repository.resolve(&request.revision, "", freshness)?;
        let tree = repository.tree(&revision)?;
        let _place = self.places.take();
        let folder = tree.folder(&request.path)?;
        let limits = &self.settings.limits;
        let mut found = Vec::new();
        list(&tree, &folder, false, 0, limits, &mut found)?;
        let (mut files, mut bytes) = (BTreeMap::new(), 0);
        for file in found {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if !request.endings.iter().any(|ending| name.ends_with(ending)) {
                continue;
            }
            let text = String::from_utf8(read(&tree, &file, limits)?)
                .map_err(|_| RenderError::path(tree.shown(&file), "the file is not UTF-8 text"))?;
            bytes += text.len() as u64;
            if bytes > limits.manifest_bytes {
                return Err(RenderError::TooLarge {
                    repository: request.repository.clone(),
                    what: format!("what is in {}", request.path),
                    limit: format!("{} bytes", limits.manifest_bytes),
                });
            }
            files.insert(name.into_owned(), text);
        }
        Ok(Folder { files, revision })
    }
}
