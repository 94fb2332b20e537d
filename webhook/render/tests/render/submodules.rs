//! Submodules and files of Git LFS: what is not in the repository itself.

use std::process::Command;

use serde_json::json;
use tidegate_render::{Credential, Credentials, Submodules};

use crate::support::{Kit, Repository, names, object, request, source};

/// Adds a submodule as git does, without fetching it.
fn add_submodule(repository: &Repository, path: &str, url: &str, commit: &str) {
    repository.write(&[(
        ".gitmodules",
        &format!("[submodule \"of {path}\"]\n\tpath = {path}\n\turl = {url}\n"),
    )]);
    let entry = format!("160000,{commit},{path}");
    repository.git(&["update-index", "--add", "--cacheinfo", &entry]);
    repository.git(&["add", ".gitmodules"]);
    repository.git(&["commit", "--quiet", "--message", "submodule"]);
}

fn kit(submodules: Submodules) -> Kit {
    Kit::with(|settings| settings.submodules = submodules)
}

#[test]
fn submodules_are_fetched_where_the_operator_says_so() {
    let inner = Repository::new(&[("sub/c.yaml", &object("c"))]);
    let middle = Repository::new(&[("sub/b.yaml", &object("b"))]);
    let of_inner = inner.git(&["rev-parse", "HEAD"]);
    let beside = format!("../{}", inner.path().file_name().unwrap().display());
    add_submodule(&middle, "sub/deep", &beside, &of_inner);
    let outer = Repository::new(&[("app/a.yaml", &object("a"))]);
    let of_middle = middle.git(&["rev-parse", "HEAD"]);
    add_submodule(&outer, "lib", &middle.url(), &of_middle);
    // What it names is what is fetched, not what came after it.
    middle.commit(&[("sub/b.yaml", &object("later"))]);

    let all = kit(Submodules::Any);
    let mut whole = source(&outer, ".");
    whole["directory"] = json!({"recurse": true});
    assert_eq!(
        names(&all.source(whole.clone()).unwrap()),
        ["ConfigMap/a", "ConfigMap/b", "ConfigMap/c"]
    );
    assert_eq!(
        names(&all.source(source(&outer, "lib/sub")).unwrap()),
        ["ConfigMap/b"]
    );

    let none = kit(Submodules::No);
    assert_eq!(names(&none.source(whole).unwrap()), ["ConfigMap/a"]);
    assert_eq!(
        none.source(source(&outer, "lib/sub")).unwrap_err(),
        "lib/sub: it is in the submodule lib, and submodules are not fetched without --submodules"
    );
}

#[test]
fn submodules_lead_to_nothing_that_only_this_machine_can_reach() {
    let kit = kit(Submodules::Remote);
    let other = Repository::new(&[("a.yaml", &object("a"))]);
    let commit = other.git(&["rev-parse", "HEAD"]);
    for (url, place) in [
        (other.url(), "a path of this machine"),
        ("../../etc".to_owned(), "a path of this machine"),
        (
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "an address that only this machine can reach",
        ),
        (
            "https://localhost/a".to_owned(),
            "an address that only this machine can reach",
        ),
    ] {
        let repository = Repository::new(&[("b.yaml", &object("b"))]);
        add_submodule(&repository, "lib", &url, &commit);
        let error = kit.source(source(&repository, ".")).unwrap_err();
        let end = format!("the submodule is at {place}, which --submodules remote does not allow");
        assert!(error.ends_with(&end), "{error}");
    }
    let repository = Repository::new(&[("b.yaml", &object("b"))]);
    add_submodule(&repository, "lib", "ext::sh -c true", &commit);
    let error = kit.source(source(&repository, ".")).unwrap_err();
    assert!(error.contains("can be fetched"), "{error}");
}

/// Every repository's Secret says `enableLfs`.
struct WithLfs;

impl Credentials for WithLfs {
    fn of(&self, _: &str) -> Credential {
        Credential {
            enable_lfs: true,
            ..Credential::default()
        }
    }
}

#[test]
fn files_of_lfs_are_fetched_where_the_secret_says_so() {
    let repository = Repository::new(&[(
        ".gitattributes",
        "big.yaml filter=lfs diff=lfs merge=lfs -text\n*.yaml filter=evil\nbig.yaml filter=lfs\n",
    )]);
    let here = Command::new("git")
        .args(["lfs", "version"])
        .output()
        .unwrap();
    assert!(
        here.status.success(),
        "git-lfs; `tests/setup servers` installs it"
    );
    for (key, value) in [
        ("filter.lfs.clean", "git-lfs clean -- %f"),
        ("filter.lfs.smudge", "git-lfs smudge -- %f"),
        ("filter.evil.smudge", "touch evil"),
    ] {
        repository.git(&["config", key, value]);
    }
    repository.commit(&[
        ("big.yaml", &object("big")),
        ("small.yaml", &object("small")),
    ]);
    let asked = request(&[source(&repository, ".")]);
    let kit = Kit::new();
    let error = kit.render(&asked).unwrap_err().to_string();
    assert_eq!(
        error,
        "big.yaml: the file is kept by Git LFS, which is fetched where the repository's Secret has `enableLfs: \"true\"`"
    );
    let rendered = kit.renderer.render(&asked, &WithLfs).unwrap();
    assert_eq!(names(&rendered), ["ConfigMap/big", "ConfigMap/small"]);

    let folders = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .filter(|folder| !folder.join("git-lfs").exists())
        .collect::<Vec<_>>();
    // Where git-lfs is beside git, git alone stands in for the folder.
    let alone = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/usr/bin/git", alone.path().join("git")).unwrap();
    let kit = Kit::with(|settings| {
        let folders = std::iter::once(alone.path().to_owned()).chain(folders);
        settings.path = std::env::join_paths(folders).unwrap();
    });
    let error = kit
        .renderer
        .render(&asked, &WithLfs)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("git-lfs is needed and is not on the PATH; install it"),
        "{error}"
    );
}
