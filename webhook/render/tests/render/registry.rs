//! Charts of a real OCI registry on loopback, behind TLS with an authority that nobody else knows, and a password.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tidegate_kit::certificates::Authority;
use tidegate_kit::guard::Guard;
use tidegate_render::{KnownRepositories, TLS_CERTIFICATES};

use crate::servers::fields;
use crate::support::{Kit, Repository, charts, helm, request};

/// The password `hunter2` of ann, as bcrypt; the registry takes no other kind.
const USERS: &str = "ann:$2y$05$SuIa9hgpnQokS2CXclWm7.IAsAHYuuWkcuHTARN2WY5HVQPSin2qO\n";

/// The reference registry.
struct Registry {
    host: String,
    _guard: Guard,
}

impl Registry {
    fn start(folder: &Path, authority: &Authority) -> Self {
        let identity = authority.server("registry", &["localhost"]).unwrap();
        for (file, text) in [
            ("certificate", identity.certificate.as_str()),
            ("key", &identity.key),
            ("users", USERS),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let port = tidegate_kit::free_port().unwrap();
        let within = |name: &str| folder.join(name).display().to_string();
        let configuration = json!({
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": within("blobs")}},
            "http": {"addr": format!("127.0.0.1:{port}"), "tls": {"certificate": within("certificate"), "key": within("key")}},
            "auth": {"htpasswd": {"realm": "x", "path": within("users")}},
        });
        let file = folder.join("configuration.yaml");
        std::fs::write(&file, configuration.to_string()).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut guard = Guard::new().unwrap();
        guard.spawn("docker-registry", &mut command).unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(guard.fallen().unwrap(), None);
            std::thread::yield_now();
        }
        Self {
            host: format!("localhost:{port}"),
            _guard: guard,
        }
    }
}

/// Versions of the chart `web` in the registry, below `charts`; the digest of the last.
fn publish(registry: &Registry, folder: &Path, authority: &Authority) -> String {
    std::fs::write(folder.join("ca"), authority.certificate()).unwrap();
    let trusting = ["--ca-file", "ca"];
    let login = ["registry", "login", &registry.host];
    let password = ["--username", "ann", "--password", "hunter2"];
    helm(folder, &[&login[..], &password, &trusting].concat());
    let to = format!("oci://{}/charts", registry.host);
    let pushed = charts(folder)
        .map(|archive| helm(folder, &[&["push", archive, &to][..], &trusting].concat()));
    let said = pushed.concat();
    let (_, digest) = said.rsplit_once("Digest: ").unwrap();
    digest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn charts_come_from_a_registry_by_version_range_or_digest() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("nobody knows it").unwrap();
    let registry = Registry::start(folder.path(), &authority);
    let digest = publish(&registry, folder.path(), &authority);
    let repository = format!("{}/charts", registry.host);
    let known = |more: &[(&str, &str)], trusts: bool| {
        let mut known = KnownRepositories::default();
        let own = [
            ("url", repository.as_str()),
            ("type", "helm"),
            ("enableOCI", "true"),
            ("username", "ann"),
        ];
        known.add("repository", &fields(&[&own[..], more].concat()));
        if trusts {
            known.add_servers(
                TLS_CERTIFICATES,
                &fields(&[("localhost", authority.certificate())]),
            );
        }
        known
    };
    // Each with a cache of its own: who has the password gets what was fetched with it.
    let version = |known: &KnownRepositories, source: Value| {
        let kit = Kit::new();
        let rendered = kit
            .renderer
            .render(&request(&[source]), &known.of_project("default"));
        let rendered = rendered.map_err(|error| error.to_string())?;
        let version = rendered.manifests[0]["data"]["version"].clone();
        Ok::<_, String>((
            rendered.revisions.concat(),
            version.as_str().unwrap().to_owned(),
        ))
    };
    let source = |address: &str, revision: &str| json!({"repoURL": address, "chart": "web", "targetRevision": revision});

    let good = known(&[("password", "hunter2")], true);
    let with_scheme = format!("oci://{repository}");
    for address in [&repository, &with_scheme] {
        for (revision, resolved, of) in [
            ("1.0.0", "1.0.0", "1.0.0"),
            ("1.*", "1.2.0", "1.2.0"),
            ("", "2.0.0", "2.0.0"),
            (digest.as_str(), digest.as_str(), "2.0.0"),
        ] {
            let found = version(&good, source(address, revision)).unwrap();
            assert_eq!(found, (resolved.to_owned(), of.to_owned()), "{revision}");
        }
    }

    // Nobody vouches for the server; then the Secret says not to ask.
    let error = version(
        &known(&[("password", "hunter2")], false),
        source(&repository, "1.0.0"),
    )
    .unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    let careless = known(&[("password", "hunter2"), ("insecure", "true")], false);
    assert_eq!(
        version(&careless, source(&repository, "1.0.0")).unwrap().1,
        "1.0.0"
    );

    let error = version(
        &known(&[("password", "wrong-one")], true),
        source(&repository, "1.0.0"),
    )
    .unwrap_err();
    assert!(
        error.contains("401") && !error.contains("wrong-one"),
        "{error}"
    );
    let error = version(&good, source(&repository, "3.0.0")).unwrap_err();
    assert!(
        error.contains("not found") && !error.contains("hunter2"),
        "{error}"
    );

    // The address alone may name the chart.
    let whole = format!("{with_scheme}/web");
    let mut own = known(&[("password", "wrong-one")], true);
    own.add(
        "repository",
        &fields(&[
            ("url", &whole),
            ("type", "oci"),
            ("username", "ann"),
            ("password", "hunter2"),
        ]),
    );
    let found = version(
        &own,
        json!({"repoURL": whole, "path": ".", "targetRevision": "1.*"}),
    );
    assert_eq!(found.unwrap(), ("1.2.0".to_owned(), "1.2.0".to_owned()));

    // A chart in Git may depend on one in the registry.
    let parent = format!(
        "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [{{name: web, version: 1.x, repository: \"{with_scheme}\"}}]\n"
    );
    let git = Repository::new(&[("parent/Chart.yaml", &parent)]);
    let found = version(&good, json!({"repoURL": git.url(), "path": "parent"})).unwrap();
    assert_eq!(found.1, "1.2.0");
}
