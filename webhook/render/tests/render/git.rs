//! Commits of real repositories.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;
use tidegate_model::SourceType;
use tidegate_render::{Credential, Credentials, FolderRequest, Limits, Refresh, Secret};

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
fn a_commit_brings_only_what_it_changes() {
    let kit = Kit::new();
    let files: Vec<(String, String)> = (0..300)
        .map(|n| (format!("app/{n}.yaml"), object(&format!("object-{n}"))))
        .collect();
    let files = files.iter();
    let files: Vec<(&str, &str)> = files.map(|(file, text)| (&**file, &**text)).collect();
    let repository = Repository::new(&files);
    let render = |count: usize| {
        let rendered = kit.source(source(&repository, "app")).unwrap();
        assert_eq!(rendered.manifests.len(), count);
    };
    render(300);
    repository.commit(&[("app/new.yaml", &object("new"))]);
    render(301);
    // A branch of its own knows nothing of what was fetched last.
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    repository.commit(&[("app/other.yaml", &object("other"))]);
    render(302);

    let mirrors = std::fs::read_dir(kit.cache().join("git")).unwrap();
    let mut mirrors = mirrors.map(|entry| entry.unwrap().path());
    let mirror = mirrors.find(|path| path.is_dir()).unwrap();
    let packs = std::fs::read_dir(mirror.join("objects/pack")).unwrap();
    let mut bytes: Vec<u64> = packs
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "pack")
        })
        .map(|entry| entry.metadata().unwrap().len())
        .collect();
    bytes.sort_unstable();
    assert_eq!(bytes.len(), 3, "{bytes:?}");
    // The list of 300 names is most of the smaller ones.
    assert!(bytes[1] < bytes[2] * 2 / 3, "{bytes:?}");
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
            format!(
                "repository {url}: unable to resolve 'nope' to a commit SHA: there is no such branch, tag or commit"
            ),
        ),
        (
            "1.0.0",
            "app",
            format!(
                "repository {url}: unable to resolve '1.0.0' to a commit SHA: there is no such branch, tag or commit; did you mean `v1.0.0`?"
            ),
        ),
        (
            ">=2",
            "app",
            format!(
                "repository {url}: unable to resolve '>=2' to a commit SHA: there is no such branch, tag or commit; no tag is in this range of versions"
            ),
        ),
        (
            "main",
            "nope",
            "nope: app path does not exist; the repository has no such folder at this revision"
                .to_owned(),
        ),
        (
            "main",
            "app/a.yaml",
            "app/a.yaml: app path is not a directory".to_owned(),
        ),
        (
            missing,
            "app",
            format!(
                "repository {url}: unable to resolve '{missing}' to a commit SHA: there is no such commit"
            ),
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
fn whoever_rendered_a_branch_is_named_once_when_it_moves() {
    let kit = Kit::with(|settings| settings.poll = Duration::ZERO);
    let repository = Repository::new(&[("a.yaml", &object("one"))]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    for (subject, revision) in [("on-main", "main"), ("on-head", ""), ("pinned", &first)] {
        let mut source = source(&repository, ".");
        source["targetRevision"] = json!(revision);
        let mut asked = request(&[source]);
        asked.subject = subject.to_owned();
        kit.render(&asked).unwrap();
    }
    assert!(kit.renderer.moved().is_empty());
    repository.commit(&[("a.yaml", &object("two"))]);
    assert_eq!(kit.renderer.moved(), ["on-head", "on-main"]);
    assert!(kit.renderer.moved().is_empty());
    let mut asked = request(&[source(&repository, ".")]);
    asked.subject = "on-head".to_owned();
    kit.render(&asked).unwrap();
    repository.commit(&[("a.yaml", &object("three"))]);
    assert_eq!(kit.renderer.moved(), ["on-head"]);
    // What cannot be asked is no news.
    repository.commit(&[("a.yaml", &object("four"))]);
    kit.render(&asked).unwrap();
    std::fs::remove_dir_all(repository.path().join(".git")).unwrap();
    assert!(kit.renderer.moved().is_empty());
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

#[test]
fn a_server_that_takes_long_to_fail_is_asked_once_by_all_who_wait() {
    // It takes connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/repo", listener.local_addr().unwrap());
    let limits = Limits {
        list_time: Duration::from_secs(1),
        ..Limits::default()
    };
    let kit = Kit::limited(limits);
    let asked = request(&[json!({"repoURL": url, "path": "."})]);
    let good = Repository::new(&[("a.yaml", &object("a"))]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let error = kit.render(&asked).unwrap_err().to_string();
                assert_eq!(error, format!("repository {url}: git was stopped after 1s"));
            });
        }
        // Nobody else waits for it, though there are fewer places than those who do.
        assert_eq!(
            names(&kit.source(source(&good, ".")).unwrap()),
            ["ConfigMap/a"]
        );
    });
    listener.set_nonblocking(true).unwrap();
    let connections = listener.incoming().map_while(Result::ok).count();
    // None, where git was stopped before it got that far.
    assert!(connections < 8, "{connections} questions");
}

#[test]
fn ssh_is_told_our_key_and_our_hosts_and_nothing_of_the_users() {
    let repository = Repository::new(&[("a.yaml", &object("a"))]);
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log");
    // In the place of ssh: it writes down what it is told, and does what the server would.
    let script = format!(
        "#!/bin/sh\nfor word; do echo \"$word\"; done >> {log}\ncat key >> {log}\ncat known_hosts >> {log}\nfor last; do :; done\nexec sh -c \"$last\"\n",
        log = log.display()
    );
    let program = place.path().join("ssh");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let kit = Kit::with(|settings| {
        let folders =
            std::iter::once(place.path().to_owned()).chain(std::env::split_paths(&settings.path));
        settings.path = std::env::join_paths(folders).unwrap();
    });
    let url = format!("ssh://git@host.example{}", repository.path().display());
    let asked = request(&[json!({"repoURL": url, "path": "."})]);
    assert_eq!(
        names(&kit.renderer.render(&asked, &Key).unwrap()),
        ["ConfigMap/a"]
    );
    let told = std::fs::read_to_string(log).unwrap();
    for line in [
        "none", // -F: no configuration of the user
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "git@host.example",
        "the key",
        "host.example ssh-ed25519 AAAA",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
}

/// A key for every address.
struct Key;

impl Credentials for Key {
    fn of(&self, _: &str) -> Credential {
        Credential {
            ssh_private_key: Secret::new("the key"),
            known_hosts: "host.example ssh-ed25519 AAAA\n".to_owned(),
            ..Credential::default()
        }
    }
}

#[test]
fn a_folder_is_read_as_it_is() {
    let kit = Kit::new();
    let repository = Repository::new(&[
        ("db/1_a.sql", "one"),
        ("db/atlas.sum", "sum"),
        ("db/README.md", "no migration"),
        ("db/older/0.sql", "nor this"),
    ]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    let request = |path: &str, revision: &str| FolderRequest {
        repository: repository.url(),
        path: path.to_owned(),
        revision: revision.to_owned(),
        endings: &[".sql", "atlas.sum"],
        refresh: Refresh::Normal,
        ..FolderRequest::default()
    };
    let names = |path: &str, revision: &str| {
        let folder = kit.renderer.folder(&request(path, revision));
        let folder = folder.map_err(|error| error.to_string())?;
        let names: Vec<String> = folder.files.into_keys().collect();
        Ok::<_, String>((names.join(" "), folder.revision))
    };
    assert_eq!(
        names("db", "main"),
        Ok(("1_a.sql atlas.sum".to_owned(), first.clone()))
    );
    assert_eq!(names("", ""), Ok((String::new(), first.clone())));
    let second = repository.commit(&[("db/2_b.sql", "two")]);
    assert_eq!(
        names("db", "main"),
        Ok(("1_a.sql 2_b.sql atlas.sum".to_owned(), second))
    );
    assert_eq!(
        names("db", &first),
        Ok(("1_a.sql atlas.sum".to_owned(), first))
    );

    std::fs::write(repository.path().join("db/3_c.sql"), [0xff]).unwrap();
    repository.commit(&[]);
    for (path, revision, words) in [
        ("db", "", "db/3_c.sql: the file is not UTF-8 text"),
        ("none", "", "no such folder at this revision"),
        ("../..", "", "outside repository root"),
        ("db/1_a.sql", "", "app path is not a directory"),
        ("db", "v9", "unable to resolve 'v9' to a commit SHA"),
    ] {
        let error = names(path, revision).expect_err(path);
        assert!(error.contains(words), "{error}");
    }
}
