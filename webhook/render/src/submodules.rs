//! Submodules: other repositories, each at a commit that this one names.
//!
//! Where they are is written by whoever may push, not by whoever wrote the Application, and it is this process that goes there. So they are fetched only where
//! the operator says so, and by [`Submodules::Remote`] not from addresses that only this machine can reach: files, itself, and the link-local addresses
//! at which clouds hand out credentials. Each is a repository like any other: with its own mirror, its own limits and the credential that is known for it.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;

use crate::error::RenderError;
use crate::git::{Address, Repositories, host, normalized};
use crate::process::Run;
use crate::secret::Credentials;
use crate::settings::{Settings, Submodules};
use crate::tree::Tree;
use crate::work::Work;

/// Submodules in submodules.
const DEEPEST: usize = 8;

/// What fetching them takes.
pub(crate) struct Fetching<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) work: &'a Work,
    pub(crate) repositories: &'a Repositories,
    pub(crate) credentials: &'a dyn Credentials,
}

impl Fetching<'_> {
    /// The tree of the repository at `address` with its submodules in their places; itself where it has none or they are not fetched.
    pub(crate) fn complete(
        &self,
        tree: Arc<Tree>,
        address: &str,
    ) -> Result<Arc<Tree>, RenderError> {
        self.complete_below(tree, address, 0)
    }

    fn complete_below(
        &self,
        tree: Arc<Tree>,
        address: &str,
        depth: usize,
    ) -> Result<Arc<Tree>, RenderError> {
        if self.settings.submodules == Submodules::No || tree.submodules().is_empty() {
            return Ok(tree);
        }
        if depth == DEEPEST {
            return Err(RenderError::path(
                ".gitmodules",
                format!("submodules are nested deeper than {DEEPEST}"),
            ));
        }
        let written = self.written(&tree)?;
        let mut found = Vec::new();
        for submodule in tree.submodules() {
            let place = written.iter().find(|(_, path, _)| *path == submodule.path);
            let Some((_, _, url)) = place else {
                return Err(RenderError::path(
                    &submodule.path,
                    "no url found for this submodule in .gitmodules",
                ));
            };
            let url = absolute(address, url);
            if self.settings.submodules == Submodules::Remote {
                refuse_inward(&url)?;
            }
            let repository = self.repositories.get(&url, self.credentials.of(&url))?;
            let own = repository.tree(&submodule.commit)?;
            let own = self.complete_below(own, &url, depth + 1)?;
            found.push((submodule.path.as_str(), own));
        }
        let folder = self.work.folder()?;
        tree.with(folder, &found, &self.settings.limits)
            .map(Arc::new)
    }

    /// Name, path and address of each submodule, as git reads `.gitmodules`.
    fn written(&self, tree: &Tree) -> Result<Vec<(String, String, String)>, RenderError> {
        let Some(file) = tree.find(tree.root(), ".gitmodules")? else {
            return Ok(Vec::new());
        };
        let home = self.work.folder()?;
        let listed = Run::new(self.settings, "git", home.path(), home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["config", "--no-includes", "--null", "--file"])
            .arg(&file)
            .args(["--get-regexp", r"^submodule\..*\.(path|url)$"])
            .alone()
            .output()
            .map_err(|problem| RenderError::Tool {
                path: ".gitmodules".to_owned(),
                problem,
            })?;
        let listed = String::from_utf8_lossy(&listed);
        let lines = || listed.split('\0').filter_map(|line| line.split_once('\n'));
        let url = |name: &str| {
            let key = format!("{name}.url");
            lines().find_map(|(found, url)| (found == key).then(|| url.to_owned()))
        };
        let all = lines().filter_map(|(key, path)| {
            let name = key.strip_suffix(".path")?;
            Some((name.to_owned(), path.to_owned(), url(name)?))
        });
        Ok(all.collect())
    }
}

/// `./` and `../` go on from the repository that has the submodule (`git help submodule`, `add`).
fn absolute(parent: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let (mut base, mut rest) = (parent.trim_end_matches('/'), url);
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            let end = base.rfind(['/', ':']).unwrap_or(0);
            base = base.get(..end).unwrap_or_default();
        } else {
            return format!("{base}/{rest}");
        }
    }
}

fn refuse_inward(url: &str) -> Result<(), RenderError> {
    let refused = |problem: &str| RenderError::Address {
        repository: url.to_owned(),
        problem: format!("the submodule is at {problem}, which --submodules remote does not allow"),
    };
    if Address::parse(url)?.folder().is_some() {
        return Err(refused("a path of this machine"));
    }
    let name = normalized(url);
    let name = host(&name).trim_matches(['[', ']']);
    // A name that is not found now is not found by git either.
    let addresses = (name, 0).to_socket_addrs().into_iter().flatten();
    if addresses.map(|found| found.ip()).any(is_inward) {
        return Err(refused("an address that only this machine can reach"));
    }
    Ok(())
}

fn is_inward(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_link_local() || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_go_on_from_the_parent() {
        for (parent, url, expected) in [
            (
                "https://host/team/a.git",
                "../b.git",
                "https://host/team/b.git",
            ),
            (
                "https://host/team/a/",
                "../../other/b",
                "https://host/other/b",
            ),
            ("git@host:team/a.git", "../b.git", "git@host:team/b.git"),
            ("https://host/a", "./b", "https://host/a/b"),
            ("https://host/a", "https://other/b", "https://other/b"),
        ] {
            assert_eq!(absolute(parent, url), expected);
        }
    }

    #[test]
    fn only_this_machines_addresses_are_inward() {
        for url in [
            "http://127.0.0.1/a",
            "http://localhost:8080/a",
            "http://169.254.169.254/latest/meta-data",
            "http://[::1]/a",
            "http://[fe80::1]/a",
            "http://[::ffff:169.254.169.254]:80/a",
            "http://0/a",
            "http://2130706433/a",
            "ssh://git@127.0.0.1/a",
            "git@127.0.0.1:a",
            "/srv/a",
            "file:///srv/a",
        ] {
            assert!(refuse_inward(url).is_err(), "{url}");
        }
        for url in [
            "https://192.0.2.1/a",
            "git@10.0.0.1:a",
            "https://[2001:db8::1]/a",
        ] {
            assert!(refuse_inward(url).is_ok(), "{url}");
        }
    }
}
