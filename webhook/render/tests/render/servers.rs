//! Real servers of Git on loopback: OpenSSH's, and git's own over TLS with an authority that nobody else knows.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use tidegate_kit::certificates::{Authority, Identity};
use tidegate_kit::guard::Guard;
use tidegate_render::{KnownRepositories, SSH_KNOWN_HOSTS, TLS_CERTIFICATES};

use crate::support::{Kit, Repository, names, object, request};

pub(crate) fn fields(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    all.iter().map(own).collect()
}

/// Renders, with what is known, the folder `app` of a repository.
#[track_caller]
fn rendered(kit: &Kit, known: &KnownRepositories, url: &str) -> Result<Vec<String>, String> {
    let asked = request(&[json!({"repoURL": url, "path": "app"})]);
    let rendered = kit.renderer.render(&asked, &known.of_project("default"));
    rendered
        .map(|rendered| names(&rendered))
        .map_err(|error| error.to_string())
}

/// OpenSSH's server for the user that the tests run as.
struct Ssh {
    port: u16,
    key: String,
    known_hosts: String,
    _guard: Guard,
}

impl Ssh {
    fn start(folder: &Path) -> Self {
        let key = |name: &str| {
            let path = folder.join(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&path)
                .status();
            assert!(made.unwrap().success());
            let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
            (std::fs::read_to_string(path).unwrap(), public)
        };
        let (_, host) = key("host");
        let (private, public) = key("user");
        std::fs::write(folder.join("authorized"), public).unwrap();
        // Where it wants to lock itself up before anybody has logged in; only root does.
        let _ = std::fs::create_dir_all("/run/sshd");
        let port = tidegate_kit::free_port().unwrap();
        let configuration = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n",
            folder.display()
        );
        std::fs::write(folder.join("config"), configuration).unwrap();
        let program = ["/usr/sbin/sshd", "/usr/bin/sshd"]
            .into_iter()
            .find(|program| Path::new(program).is_file())
            .expect("sshd; `tests/setup servers` installs it");
        let mut guard = Guard::new().unwrap();
        let mut command = Command::new(program);
        command.args(["-D", "-e", "-f"]).arg(folder.join("config"));
        command.stderr(std::fs::File::create(folder.join("log")).unwrap());
        guard.spawn("sshd", &mut command).unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(guard.fallen().unwrap(), None);
            thread::yield_now();
        }
        let words: Vec<&str> = host.split(' ').take(2).collect();
        Self {
            port,
            key: private,
            known_hosts: format!("[127.0.0.1]:{port} {}", words.join(" ")),
            _guard: guard,
        }
    }

    fn url(&self, path: &Path) -> String {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        format!(
            "ssh://{}@127.0.0.1:{}{}",
            user.trim(),
            self.port,
            path.display()
        )
    }
}

#[test]
fn ssh_servers_are_known_by_the_config_map_and_opened_by_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Ssh::start(folder.path());
    let repository = Repository::new(&[("app/a.yaml", &object("a"))]);
    let url = server.url(repository.path());
    let kit = Kit::new();
    let mut known = KnownRepositories::default();
    let template = url.strip_suffix(&repository.path().display().to_string());
    known.add(
        "repo-creds",
        &fields(&[("url", template.unwrap()), ("sshPrivateKey", &server.key)]),
    );

    // Nobody vouches for the server.
    let error = rendered(&kit, &known, &url).unwrap_err();
    assert!(error.contains("Host key verification failed"), "{error}");
    known.add_servers(
        SSH_KNOWN_HOSTS,
        &fields(&[("ssh_known_hosts", &server.known_hosts)]),
    );
    assert_eq!(rendered(&kit, &known, &url).unwrap(), ["ConfigMap/a"]);

    // Another key than the server knows.
    let mut stranger = KnownRepositories::default();
    let other = tempfile::tempdir().unwrap();
    let other = Ssh::start(other.path()).key;
    stranger.add(
        "repository",
        &fields(&[("url", &url), ("sshPrivateKey", &other)]),
    );
    stranger.add_servers(
        SSH_KNOWN_HOSTS,
        &fields(&[("ssh_known_hosts", &server.known_hosts)]),
    );
    let error = rendered(&kit, &stranger, &url).unwrap_err();
    assert!(error.contains("Permission denied"), "{error}");
    assert!(!error.contains("PRIVATE KEY"), "{error}");
}

/// `git http-backend` behind TLS and a password.
struct Https {
    url: String,
}

impl Https {
    fn start(identity: &Identity, folder: PathBuf, password: &'static str) -> Self {
        let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "https://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let wanted = format!("Basic {}", STANDARD.encode(format!("ann:{password}")));
        // The thread ends with the test program.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(config.clone()).unwrap();
                // A client that does not like the certificate goes away; that is its right.
                let _ = answer(StreamOwned::new(connection, stream), &folder, &wanted);
            }
        });
        Self { url }
    }
}

fn answer(
    stream: StreamOwned<ServerConnection, TcpStream>,
    folder: &Path,
    wanted: &str,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut first = String::new();
    stream.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let (head, answer) = if header("authorization") == wanted {
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut backend = Command::new("git")
            .arg("http-backend")
            .envs([
                ("REQUEST_METHOD", method),
                ("PATH_INFO", path),
                ("QUERY_STRING", query),
            ])
            .envs([("GIT_HTTP_EXPORT_ALL", "1"), ("REMOTE_USER", "ann")])
            .env("GIT_PROJECT_ROOT", folder)
            .env("GIT_PROTOCOL", header("git-protocol"))
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        backend.stdin.take().unwrap().write_all(&body)?;
        let out = backend.wait_with_output()?.stdout;
        let end = out.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or(0);
        let (head, rest) = out.split_at(end);
        let status = if head.starts_with(b"Status:") {
            "404 Not Found"
        } else {
            "200 OK"
        };
        let head = String::from_utf8_lossy(head).into_owned();
        (
            format!("{status}\r\n{head}"),
            rest[4.min(rest.len())..].to_vec(),
        )
    } else {
        (
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"".to_owned(),
            Vec::new(),
        )
    };
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    )?;
    stream.write_all(&answer)?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[test]
fn https_servers_are_known_by_the_config_map_and_opened_by_the_template() {
    let authority = Authority::new("nobody knows it").unwrap();
    let identity = authority.server("git", &["localhost"]).unwrap();
    let repository = Repository::new(&[("app/a.yaml", &object("a"))]);
    let project = repository.path().join(".git");
    let server = Https::start(&identity, project, "hunter2");
    let url = server.url.clone();
    let kit = Kit::new();
    let mut known = KnownRepositories::default();
    known.add(
        "repo-creds",
        &fields(&[
            ("url", &server.url),
            ("username", "ann"),
            ("password", "hunter2"),
        ]),
    );
    let error = rendered(&kit, &known, &url).unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    known.add_servers(
        TLS_CERTIFICATES,
        &fields(&[("localhost", authority.certificate())]),
    );
    assert_eq!(rendered(&kit, &known, &url).unwrap(), ["ConfigMap/a"]);

    let mut wrong = KnownRepositories::default();
    wrong.add(
        "repository",
        &fields(&[
            ("url", &url),
            ("username", "ann"),
            ("password", "guess"),
            ("insecure", "true"),
        ]),
    );
    let error = rendered(&kit, &wrong, &url).unwrap_err();
    assert!(
        error.contains("Authentication failed") || error.contains("could not read Username"),
        "{error}"
    );
    assert!(!error.contains("guess"), "{error}");
}
