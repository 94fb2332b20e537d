//! Which Applications a push concerns. In doubt it does: then the Application is looked at, and nothing has changed.

use semver::VersionReq;
use serde_json::Value;
use tidegate_model::application::Application;
use tidegate_model::object::{annotation, text};

use crate::Push;

/// Folders and files, separated by `;`, outside of which nothing changes what is rendered.
const GENERATE_PATHS: &str = "argocd.argoproj.io/manifest-generate-paths";

impl Push {
    /// Whether an Application may render differently now.
    pub fn concerns(&self, application: &Value) -> bool {
        Application(application)
            .sources()
            .iter()
            .any(|(_, source)| {
                self.is_of(text(source, "/repoURL").unwrap_or_default())
                    && self.moves(text(source, "/targetRevision").unwrap_or_default())
                    && self.touches(application, text(source, "/path").unwrap_or_default())
            })
    }

    /// Whether it is of this repository, however either is addressed.
    fn is_of(&self, address: &str) -> bool {
        let place = place(address);
        place.is_some()
            && self
                .repositories
                .iter()
                .any(|pushed| self::place(pushed) == place)
    }

    /// Whether what a source names may be another commit now.
    fn moves(&self, target: &str) -> bool {
        let target = ["refs/heads/", "refs/tags/"]
            .into_iter()
            .find_map(|prefix| target.strip_prefix(prefix))
            .unwrap_or(target);
        if matches!(target, "" | "HEAD") {
            return self.is_default;
        }
        let Some(revision) = &self.revision else {
            return true;
        };
        // A range of versions may mean the tag that was pushed.
        let is_range = target
            .starts_with(|c: char| "^~<>=*!".contains(c) || c.is_ascii_digit() || c == 'v')
            && (target.contains(['*', ' ', ',', '|']) || VersionReq::parse(target).is_ok());
        revision == target || is_range
    }

    /// Whether a file changed that the Application says it is made of.
    fn touches(&self, application: &Value, path: &str) -> bool {
        let Some(places) =
            annotation(application, GENERATE_PATHS).filter(|places| !places.is_empty())
        else {
            return true;
        };
        if self.files.is_empty() {
            return true;
        }
        places
            .split(';')
            .map(str::trim)
            .filter(|place| !place.is_empty())
            .map(|place| match place.strip_prefix('/') {
                Some(absolute) => tidy(absolute),
                None => tidy(&format!("{path}/{place}")),
            })
            .any(|place| {
                place.contains(['*', '?', '[']) || self.files.iter().any(|file| is_in(file, &place))
            })
    }
}

fn is_in(file: &str, place: &str) -> bool {
    place.is_empty()
        || file
            .strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path without `.`, `..` and empty parts.
fn tidy(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Host and path of a repository, the same for `https://`, `ssh://` and `git@host:path`, with and without user, port, `.git`.
fn place(address: &str) -> Option<(String, String)> {
    let address = address.trim();
    let (authority, path) = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        None => address.split_once(':')?,
    };
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host.split(':').next().unwrap_or(host);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() || address.starts_with("file:"))
        .then(|| (host.to_lowercase(), path.to_lowercase()))
}
