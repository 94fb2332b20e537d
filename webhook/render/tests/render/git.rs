//! Commits of real repositories.

use serde_json::json;
use tidegate_render::{Refresh, SourceType};

use crate::support::{Kit, Repository, names, object, request, source};

#[test]
fn every_way_to_say_a_revision_gives_its_commit() {
    let kit = Kit::new();
    let repository = Repository::new(&[("app/a.yaml", &object("one"))]);
    let one = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "v1.0.0"]);
    let two = repository.commit(&[("app/a.yaml", &object("two"))]);
    repository.git(&["tag", "--annotate", "--message", "second", "v1.1.0"]);
    repository.git(&["branch", "release/1"]);
    let three = repository.commit(&[("app/a.yaml", &object("three"))]);
    for (revision, commit, name) in [
        ("", &three, "three"),
        ("HEAD", &three, "three"),
        ("main", &three, "three"),
        ("release/1", &two, "two"),
        ("v1.0.0", &one, "one"),
        ("v1.1.0", &two, "two"),
        ("1.*", &two, "two"),
        ("~1.0", &one, "one"),
        (&one, &one, "one"),
        (two.get(..8).unwrap(), &two, "two"),
    ] {
        let mut source = source(&repository, "app");
        source["targetRevision"] = json!(revision);
        let rendered = kit.source(source).unwrap();
        assert_eq!(&rendered.revisions, &[commit.as_str()], "{revision}");
        assert_eq!(
            names(&rendered),
            [format!("ConfigMap/{name}")],
            "{revision}"
        );
        assert_eq!(rendered.source_types, [SourceType::Directory]);
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let kit = Kit::new();
    let repository = Repository::new(&[("app/a.yaml", &object("a"))]);
    repository.git(&["tag", "v1.0.0"]);
    let url = repository.url();
    let missing = "0123456789012345678901234567890123456789";
    for (revision, path, message) in [
        (
            "nope",
            "app",
            format!("repository {url}: no branch, tag or commit `nope`"),
        ),
        (
            "1.0.0",
            "app",
            format!("repository {url}: no branch, tag or commit `1.0.0`; did you mean `v1.0.0`?"),
        ),
        (
            ">=2",
            "app",
            format!(
                "repository {url}: no branch, tag or commit `>=2`; no tag is in this range of versions"
            ),
        ),
        (
            "main",
            "nope",
            "nope: the repository has no such folder at this revision".to_owned(),
        ),
        (
            "main",
            "app/a.yaml",
            "app/a.yaml: this is a file; the path of a source is a folder".to_owned(),
        ),
        (
            missing,
            "app",
            format!("repository {url}: no commit `{missing}`"),
        ),
    ] {
        let mut source = source(&repository, path);
        source["targetRevision"] = json!(revision);
        assert_eq!(kit.source(source).unwrap_err(), message);
    }
    let gone = json!({"repoURL": "file:///nowhere/at/all", "path": "."});
    let error = kit.source(gone).unwrap_err();
    assert!(error.contains("there is no such repository"), "{error}");
}

#[test]
fn a_branch_that_was_forced_back_is_followed() {
    let kit = Kit::new();
    let repository = Repository::new(&[("a.yaml", &object("one"))]);
    let one = repository.git(&["rev-parse", "HEAD"]);
    repository.commit(&[("a.yaml", &object("two"))]);
    assert_eq!(
        names(&kit.source(source(&repository, ".")).unwrap()),
        ["ConfigMap/two"]
    );
    repository.git(&["reset", "--quiet", "--hard", &one]);
    let other = repository.commit(&[("a.yaml", &object("other"))]);
    let rendered = kit.source(source(&repository, ".")).unwrap();
    assert_eq!(
        (names(&rendered), rendered.revisions),
        (vec!["ConfigMap/other".to_owned()], vec![other])
    );
}

#[test]
fn branches_are_asked_for_when_it_is_time_or_somebody_asks() {
    let kit = Kit::new();
    let repository = Repository::new(&[("a.yaml", &object("one"))]);
    let mut asked = request(&[source(&repository, ".")]);
    asked.refresh = Refresh::None;
    assert_eq!(names(&kit.render(&asked).unwrap()), ["ConfigMap/one"]);
    repository.commit(&[("a.yaml", &object("two"))]);
    // The poll interval is 10 s: what is known is young enough.
    assert_eq!(names(&kit.render(&asked).unwrap()), ["ConfigMap/one"]);
    asked.refresh = Refresh::Normal;
    assert_eq!(names(&kit.render(&asked).unwrap()), ["ConfigMap/two"]);
    asked.refresh = Refresh::None;
    assert_eq!(names(&kit.render(&asked).unwrap()), ["ConfigMap/two"]);
}

#[test]
fn what_was_rendered_outlives_its_repository() {
    let kit = Kit::new();
    let repository = Repository::new(&[("a.yaml", &object("a"))]);
    let mut pinned = source(&repository, ".");
    pinned["targetRevision"] = json!(repository.git(&["rev-parse", "HEAD"]));
    let rendered = kit.source(pinned.clone()).unwrap();
    std::fs::remove_dir_all(repository.path().join(".git/objects")).unwrap();
    assert_eq!(kit.source(pinned.clone()).unwrap(), rendered);
    // Another path of the same commit comes from the mirror, where it was fetched whole.
    pinned["directory"] = json!({"recurse": true});
    assert_eq!(kit.source(pinned).unwrap(), rendered);
}

#[test]
fn a_broken_mirror_is_made_anew() {
    let kit = Kit::new();
    let repository = Repository::new(&[("a.yaml", &object("a"))]);
    kit.source(source(&repository, ".")).unwrap();
    let mirrors: Vec<_> = std::fs::read_dir(kit.cache().join("git"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert_eq!(mirrors.len(), 1, "one repository is one mirror");
    // As a git that was killed leaves it.
    std::fs::write(mirrors[0].join("shallow.lock"), "").unwrap();
    std::fs::write(mirrors[0].join("objects/pack/tmp_pack_x"), "half").unwrap();
    repository.commit(&[("a.yaml", &object("b"))]);
    assert_eq!(
        names(&kit.source(source(&repository, ".")).unwrap()),
        ["ConfigMap/b"]
    );
    assert!(!mirrors[0].join("objects/pack/tmp_pack_x").exists());
}

#[test]
fn repositories_with_a_password_in_the_address_never_show_it() {
    let kit = Kit::new();
    // Nothing listens on port 1.
    let error = kit
        .source(json!({"repoURL": "http://user:hunter2@127.0.0.1:1/a", "path": "."}))
        .unwrap_err();
    assert!(
        error.contains("http://***@127.0.0.1:1/a") && error.contains("git failed"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}
