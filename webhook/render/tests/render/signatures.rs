//! Commits and tags signed by real keys.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use tidegate_render::{KnownRepositories, Request, SIGNING_KEYS};

use crate::servers::fields;
use crate::support::{Kit, Repository, names, object, request};

/// A person with a key, in a home of gpg of their own.
struct Person {
    home: TempDir,
    fingerprint: String,
    public: String,
}

impl Person {
    fn new(name: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let gpg = |arguments: &[&str]| gpg(home.path(), arguments);
        gpg(&[
            "--passphrase",
            "",
            "--quick-generate-key",
            name,
            "ed25519",
            "sign",
            "never",
        ]);
        let listed = gpg(&["--list-keys", "--with-colons"]);
        let line = listed.lines().find(|line| line.starts_with("fpr:"));
        let fingerprint = line.unwrap().split(':').nth(9).unwrap().to_owned();
        Self {
            public: gpg(&["--armor", "--export"]),
            fingerprint,
            home,
        }
    }

    /// The last 16 digits, as Argo CD names a key.
    fn id(&self) -> &str {
        self.fingerprint.split_at(24).1
    }

    /// Runs git in a repository with this key at hand.
    fn git(&self, repository: &Repository, arguments: &[&str]) {
        // By a program of its own, as git takes gpg's home from the environment only.
        let program = self.program();
        let program = format!("gpg.program={}", program.display());
        let key = format!("user.signingKey={}", self.fingerprint);
        repository.git(&[&["-c", &program, "-c", &key], arguments].concat());
    }

    fn program(&self) -> PathBuf {
        let path = self.home.path().join("sign");
        let home = self.home.path().display();
        std::fs::write(
            &path,
            format!("#!/bin/sh\nexec gpg --homedir '{home}' \"$@\"\n"),
        )
        .unwrap();
        let made = Command::new("chmod").arg("+x").arg(&path).status();
        assert!(made.unwrap().success());
        path
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command.env("GNUPGHOME", self.home.path());
        let _ = command.args(["--kill", "gpg-agent"]).status();
    }
}

fn gpg(home: &Path, arguments: &[&str]) -> String {
    let output = Command::new("gpg")
        .args(["--batch", "--quiet", "--homedir"])
        .arg(home)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_nobody_trusted_has_signed_is_not_rendered() {
    let (ann, eve) = (Person::new("Ann"), Person::new("Eve"));
    let repository = Repository::new(&[("app/a.yaml", &object("unsigned"))]);
    let commit = |person: &Person, name: &str| {
        repository.write(&[("app/a.yaml", &object(name))]);
        person.git(&repository, &["commit", "--quiet", "-a", "-S", "-m", name]);
        repository.git(&["rev-parse", "HEAD"])
    };
    let unsigned = repository.git(&["rev-parse", "HEAD"]);
    let kit = Kit::new();
    let known = |people: &[&Person]| {
        let mut known = KnownRepositories::default();
        let keys = people
            .iter()
            .map(|person| (person.id(), person.public.as_str()));
        known.add_servers(SIGNING_KEYS, &fields(&keys.collect::<Vec<_>>()));
        known
    };
    let both = known(&[&ann, &eve]);
    let asked = |revision: &str, signers: &[&str]| -> Request {
        let source =
            json!({"repoURL": repository.url(), "path": "app", "targetRevision": revision});
        let mut asked = request(&[source]);
        asked.sources[0].signers = Some(signers.iter().map(|key| (*key).to_owned()).collect());
        asked
    };
    let render = |known: &KnownRepositories, asked: &Request| {
        let rendered = kit.renderer.render(asked, &known.of_project("default"));
        rendered
            .map(|rendered| names(&rendered))
            .map_err(|error| error.to_string())
    };
    let refused = |what: &str, problem: &str| {
        let address = repository.url();
        Err(format!(
            "repository {address}: {what} is not to be trusted: it {problem}"
        ))
    };

    // Rendered before, by somebody who asks for no signature: that vouches for nothing.
    let mut anybody = asked("main", &[]);
    anybody.sources[0].signers = None;
    assert_eq!(render(&both, &anybody).unwrap(), ["ConfigMap/unsigned"]);
    let found = render(&both, &asked("main", &[ann.id()]));
    assert_eq!(
        found,
        refused(&format!("commit {unsigned}"), "is not signed")
    );

    let by_ann = commit(&ann, "by-ann");
    for signer in [ann.id(), &ann.fingerprint, &ann.id().to_lowercase()] {
        let found = render(&both, &asked("main", &[eve.id(), signer]));
        assert_eq!(found.unwrap(), ["ConfigMap/by-ann"]);
    }
    let by_eve = commit(&eve, "by-eve");
    let found = render(&both, &asked("main", &[ann.id()]));
    let problem = format!(
        "is signed by the key {}, which its project does not name",
        eve.id()
    );
    assert_eq!(found, refused(&format!("commit {by_eve}"), &problem));
    let found = render(&known(&[&ann]), &asked("main", &[eve.id()])).unwrap_err();
    assert!(
        found.contains("it has no good signature: ") && found.contains("No public key"),
        "{found}"
    );
    let found = render(&known(&[]), &asked("main", &[eve.id()]));
    let problem = "is signed, and no key is in the ConfigMap argocd-gpg-keys-cm";
    assert_eq!(found, refused(&format!("commit {by_eve}"), problem));
    // The commit that is pinned counts, whatever the branch has become.
    let mut pinned = asked("main", &[ann.id()]);
    pinned.sources[0].revision = by_ann.clone();
    assert_eq!(render(&both, &pinned).unwrap(), ["ConfigMap/by-ann"]);

    // The name of an annotated tag asks for who made the tag; of a light one, for the commit.
    ann.git(&repository, &["tag", "-s", "-m", "x", "v1.0.0", &by_eve]);
    eve.git(&repository, &["tag", "-s", "-m", "x", "v2.0.0", &by_ann]);
    repository.git(&["tag", "light", &by_ann]);
    for revision in ["v1.0.0", "1.*"] {
        let found = render(&both, &asked(revision, &[ann.id()]));
        assert_eq!(found.unwrap(), ["ConfigMap/by-eve"], "{revision}");
    }
    let found = render(&both, &asked("v2.0.0", &[ann.id()])).unwrap_err();
    assert!(
        found.contains("tag v2.0.0 is not to be trusted: it is signed by the key"),
        "{found}"
    );
    assert_eq!(
        render(&both, &asked("light", &[ann.id()])).unwrap(),
        ["ConfigMap/by-ann"]
    );
    // A signed tag under another name.
    let tag = repository.git(&["rev-parse", "v1.0.0"]);
    repository.git(&["update-ref", "refs/tags/v3.0.0", &tag]);
    let found = render(&both, &asked("v3.0.0", &[ann.id()]));
    assert_eq!(
        found,
        refused("tag v3.0.0", "is the tag of another commit or name")
    );
}
