//! Repositories in temporary folders, and a renderer for them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_render::{
    Limits, NoCredentials, Refresh, RenderError, Rendered, Renderer, Request, Settings,
    SourceRequest,
};

/// A repository that the test commits to.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// One with a first commit of these files on the branch `main`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let repository = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit(files);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = self.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    /// Commits these files and whatever else changed; the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        self.write(files);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in it, as somebody whom no configuration of this machine knows.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        tidegate_kit::git(self.path(), arguments).unwrap()
    }
}

/// A renderer with a cache of its own, and helm and kustomize on its search path.
pub(crate) struct Kit {
    pub(crate) renderer: Renderer,
    cache: TempDir,
}

impl Kit {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn limited(limits: Limits) -> Self {
        Self::with(|settings| settings.limits = limits)
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let mut folders: Vec<PathBuf> = ["helm", "kustomize", "jsonnet"]
            .iter()
            .map(|tool| {
                tidegate_kit::bin(tool)
                    .unwrap()
                    .parent()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let path = std::env::join_paths(folders).unwrap();
        let mut settings = Settings::new(cache.path().join("cache"), path);
        change(&mut settings);
        Self {
            renderer: Renderer::new(settings).unwrap(),
            cache,
        }
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.cache.path().join("cache")
    }

    pub(crate) fn render(&self, request: &Request) -> Result<Rendered, RenderError> {
        self.renderer.render(request, &NoCredentials)
    }

    /// What one source makes, and its error otherwise.
    pub(crate) fn source(&self, source: Value) -> Result<Rendered, String> {
        self.render(&request(&[source]))
            .map_err(|error| error.to_string())
    }
}

/// Runs the real helm in a folder, which is its home too; what it says.
pub(crate) fn helm(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(tidegate_kit::bin("helm").unwrap())
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Packs the chart `web` of one template and a file of values into a folder, in three versions, and names the archives.
pub(crate) fn charts(folder: &Path) -> [&'static str; 3] {
    let chart = folder.join("web");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    let write = |file: &str, text: &str| std::fs::write(chart.join(file), text).unwrap();
    write(
        "templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {version: {{ .Chart.Version }}, own: {{ .Values.own | quote }}}\n",
    );
    write("values.yaml", "own: default\n");
    write("prod.yaml", "own: prod\n");
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        write(
            "Chart.yaml",
            &format!("apiVersion: v2\nname: web\nversion: {version}\n"),
        );
        helm(folder, &["package", "web"]);
    }
    ["web-1.0.0.tgz", "web-1.2.0.tgz", "web-2.0.0.tgz"]
}

/// An Application `web` for the namespace `shop`, that asks for fresh branches each time.
pub(crate) fn request(sources: &[Value]) -> Request {
    let sources = sources.iter().map(|source| SourceRequest {
        source: source.clone(),
        revision: source["targetRevision"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        signers: None,
    });
    Request {
        name: "web".to_owned(),
        project: "default".to_owned(),
        destination: "shop".to_owned(),
        sources: sources.collect(),
        refresh: Refresh::Normal,
        ..Request::default()
    }
}

/// A source of a folder of a repository.
pub(crate) fn source(repository: &Repository, path: &str) -> Value {
    json!({"repoURL": repository.url(), "path": path})
}

/// A ConfigMap.
pub(crate) fn object(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// `Kind/name` of each.
pub(crate) fn names(rendered: &Rendered) -> Vec<String> {
    let name = |object: &Value| {
        format!(
            "{}/{}",
            object["kind"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        )
    };
    rendered.manifests.iter().map(name).collect()
}
