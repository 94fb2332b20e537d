//! Repositories over HTTP that ask for a password: Git's files and a chart repository behind a small server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tidegate_model::SourceType;
use tidegate_render::{Credential, Credentials, FolderRequest, NoCredentials, RenderError, Secret};

use crate::support::{Kit, Repository, charts, helm, names, object, request};

/// Serves the files of a folder to who knows the password. Its thread ends with the test program.
struct Server {
    address: String,
    /// The paths that were asked for with the right password.
    served: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(folder: &Path, user: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let served = Arc::new(Mutex::new(Vec::new()));
        let (folder, log) = (folder.to_owned(), served.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is its own problem.
                let _ = answer(stream, &folder, &wanted, &log);
            }
        });
        Self { address, served }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    fn was_asked_for(&self, path: &str) -> bool {
        self.served
            .lock()
            .unwrap()
            .iter()
            .any(|served| served.ends_with(path))
    }
}

fn answer(
    mut stream: TcpStream,
    folder: &Path,
    wanted: &str,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut is_let_in = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        is_let_in |= name.eq_ignore_ascii_case("authorization") && value.trim() == wanted;
    }
    let file: PathBuf = folder.join(path.trim_start_matches('/'));
    let (status, body) = match (is_let_in, std::fs::read(file)) {
        (false, _) => (
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"",
            Vec::new(),
        ),
        (true, Ok(body)) => ("200 OK", body),
        (true, Err(_)) => ("404 Not Found", Vec::new()),
    };
    if is_let_in {
        log.lock().unwrap().push(path);
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// One password for every address.
struct Password(&'static str);

impl Credentials for Password {
    fn of(&self, _: &str) -> Credential {
        Credential {
            username: "ann".to_owned(),
            password: Secret::new(self.0),
            ..Credential::default()
        }
    }
}

#[track_caller]
fn is_refused(error: &RenderError, password: &str) {
    let message = error.to_string();
    assert!(
        matches!(error, RenderError::Unreachable { .. }),
        "{message}"
    );
    assert!(!message.contains(password), "{message}");
}

#[test]
fn git_is_let_in_by_its_password_and_by_no_other() {
    let repository = Repository::new(&[("app/a.yaml", &object("first"))]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    let second = repository.commit(&[("app/a.yaml", &object("second"))]);
    repository.git(&["update-server-info"]);
    let server = Server::start(repository.path(), "ann", "hunter2");
    let source = json!({"repoURL": server.url(".git"), "path": "app", "targetRevision": "main"});
    let kit = Kit::new();
    let asked = request(std::slice::from_ref(&source));

    let error = kit.renderer.render(&asked, &NoCredentials).unwrap_err();
    is_refused(&error, "hunter2");
    let error = kit
        .renderer
        .render(&asked, &Password("wrong-one"))
        .unwrap_err();
    is_refused(&error, "wrong-one");
    assert!(!server.was_asked_for("info/refs"));

    // This server gives no single commits: all branches are fetched.
    let rendered = kit.renderer.render(&asked, &Password("hunter2")).unwrap();
    assert_eq!(
        (names(&rendered), rendered.revisions),
        (vec!["ConfigMap/second".to_owned()], vec![second])
    );
    assert!(server.was_asked_for("info/refs"));

    // A token alone is the password of whoever the address names.
    let folder = |password: &str| FolderRequest {
        repository: server.url(".git").replace("http://", "http://ann@"),
        path: "app".to_owned(),
        endings: &[".yaml"],
        credential: Credential {
            password: Secret::new(password),
            ..Credential::default()
        },
        ..FolderRequest::default()
    };
    let read = kit.renderer.folder(&folder("hunter2")).unwrap();
    assert_eq!(read.files, [("a.yaml".to_owned(), object("second"))].into());
    let error = kit.renderer.folder(&folder("wrong-one")).unwrap_err();
    is_refused(&error, "wrong-one");

    // Who has no password gets nothing of what was fetched with one, not even a commit that is known by its name.
    let mut pinned = source;
    pinned["targetRevision"] = json!(first);
    let asked = request(&[pinned]);
    assert_eq!(
        names(&kit.renderer.render(&asked, &Password("hunter2")).unwrap()),
        ["ConfigMap/first"]
    );
    let error = kit.renderer.render(&asked, &NoCredentials).unwrap_err();
    is_refused(&error, "hunter2");
}

#[test]
fn charts_come_from_a_repository_by_version_or_range() {
    let folder = tempfile::tempdir().unwrap();
    charts(folder.path());
    let server = Server::start(folder.path(), "ann", "hunter2");
    helm(folder.path(), &["repo", "index", "."]);

    let kit = Kit::new();
    let source = |revision: &str| json!({"repoURL": server.url(""), "chart": "web", "targetRevision": revision, "helm": {"valueFiles": ["prod.yaml"], "releaseName": "r"}});
    for (revision, version) in [
        ("1.0.0", "1.0.0"),
        ("1.*", "1.2.0"),
        ("~1.0", "1.0.0"),
        ("", "2.0.0"),
    ] {
        let rendered = kit
            .renderer
            .render(&request(&[source(revision)]), &Password("hunter2"))
            .unwrap();
        assert_eq!(rendered.revisions, [version], "{revision}");
        assert_eq!(
            rendered.manifests[0]["data"],
            json!({"version": version, "own": "prod"})
        );
        assert_eq!(rendered.source_types, [SourceType::Helm]);
    }
    let error = kit
        .renderer
        .render(&request(&[source("1.0.0")]), &NoCredentials)
        .unwrap_err();
    is_refused(&error, "hunter2");
    let error = kit
        .renderer
        .render(&request(&[source("main")]), &Password("hunter2"))
        .unwrap_err();
    assert!(
        error.to_string().ends_with(
            "targetRevision of chart web is a version such as 1.2.3 or a range such as 1.*"
        ),
        "{error}"
    );

    // A chart in Git may depend on one in the repository; it is fetched for it, and left out of what others see.
    let parent = format!(
        "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [{{name: web, version: 1.x, repository: \"{}\"}}]\n",
        server.url("")
    );
    let repository = Repository::new(&[("parent/Chart.yaml", &parent)]);
    let source = json!({"repoURL": repository.url(), "path": "parent"});
    let rendered = kit
        .renderer
        .render(&request(&[source]), &Password("hunter2"))
        .unwrap();
    assert_eq!(rendered.manifests[0]["data"]["version"], "1.2.0");
}
