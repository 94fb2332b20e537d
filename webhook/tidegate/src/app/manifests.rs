//! `tidegate app manifests`: what an Application's sources make.
//!
//! The same renderer serves the reconciler. Of a file no cluster is asked, and a working copy may stand in for a repository, so that a change can be seen before it is pushed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{group, kind, label, name, text};
use tidegate_model::words::LAST_APPLIED;
use tidegate_reconcile::remote::Remote;
use tidegate_render::{
    Cluster, KnownRepositories, Refresh, Rendered, Renderer, Request, SECRET_TYPE, SourceRequest,
};

use super::cluster::ClusterArgs;
use crate::sources::{SourceArgs, stand_in};

/// An Application, and what to take in place of what it says.
#[derive(Debug, Args)]
pub(crate) struct ManifestsArgs {
    /// An Application of the cluster: NAME or NAMESPACE/NAME. Its repositories' credentials are read there, where that is allowed.
    #[arg(
        value_name = "APP",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    name: Option<String>,
    /// An Application in a file, and no cluster: YAML or JSON, `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Whether the sources' manifests are meant, or what is in the cluster; values of Secrets are not shown of the latter.
    #[arg(long, value_name = "SOURCE", default_value = "git")]
    source: Origin,
    #[command(flatten)]
    rendering: RenderingArgs,
    /// How objects are printed: `json` is one object with `manifests`, `revisions`, `sourceTypes` and `warnings`.
    #[arg(short, long, default_value = "yaml")]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How the sources are rendered.
#[derive(Debug, Clone, Args)]
pub(crate) struct RenderingArgs {
    /// The revision to take instead of `targetRevision`; once for each source.
    #[arg(long, value_name = "REVISION")]
    revision: Vec<String>,
    /// A folder to take for a repository, as it is: `https://host/team/repo=.`. May be repeated.
    #[arg(long, value_name = "URL=FOLDER", value_parser = stand_in)]
    repo_override: Vec<(String, PathBuf)>,
    /// Secrets of repositories as in the cluster (label `argocd.argoproj.io/secret-type`), for their credentials, and the `ConfigMaps`
    /// `argocd-ssh-known-hosts-cm` and `argocd-tls-certs-cm`.
    #[arg(long, value_name = "FILE")]
    repositories: Option<PathBuf>,
    /// The version of Kubernetes that charts are told.
    #[arg(long, value_name = "VERSION", default_value = "")]
    kube_version: String,
    /// An API that charts are told the cluster has, such as `monitoring.coreos.com/v1`. May be repeated.
    #[arg(long, value_name = "GROUP/VERSION")]
    api_versions: Vec<String>,
    #[command(flatten)]
    sources: SourceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Origin {
    Git,
    Live,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub(crate) async fn run(args: &ManifestsArgs) -> Result<()> {
    let rendered = match (&args.name, &args.file) {
        (Some(name), _) => {
            let remote = args.cluster.remote().await?;
            let place = args.cluster.place(name);
            let application = remote.get(&place.namespace, &place.name).await?;
            if args.source == Origin::Live {
                let mut live = remote.live(&super::diff::wanted(&application, &[])).await?;
                live.iter_mut().for_each(shown);
                return crate::print(&yaml(&live)?);
            }
            rendered_for(&args.cluster, &remote, &args.rendering, &application).await?
        }
        (None, Some(file)) => rendered(&args.rendering, &super::application(file)?, &[])?,
        (None, None) => bail!("name an Application, or a file with one"),
    };
    crate::print(&drawn(&rendered, args.output)?)
}

/// Renders an Application's sources, with what the cluster knows of repositories.
pub(super) async fn rendered_for(
    cluster: &ClusterArgs,
    remote: &Remote,
    rendering: &RenderingArgs,
    application: &Value,
) -> Result<Rendered> {
    let mut secrets = remote.repository_secrets(&cluster.namespace).await?;
    secrets.extend(remote.repository_servers(&cluster.namespace).await?);
    rendered(rendering, application, &secrets)
}

impl RenderingArgs {
    /// As the Application says.
    pub(super) fn plain(sources: SourceArgs) -> Self {
        Self {
            revision: Vec::new(),
            repo_override: Vec::new(),
            repositories: None,
            kube_version: String::new(),
            api_versions: Vec::new(),
            sources,
        }
    }
}

/// The Application with a folder here in place of its one source's, and how that is rendered.
pub(super) fn local(
    application: &Value,
    folder: &Path,
    rendering: &RenderingArgs,
) -> Result<(Value, RenderingArgs)> {
    let [(_, source)] = Application(application).sources()[..] else {
        bail!("an application of several sources has no one folder: use --repo-override");
    };
    let folder = folder
        .canonicalize()
        .with_context(|| folder.display().to_string())?;
    let mut source = source.clone();
    json_patch::merge(&mut source, &json!({"path": ".", "chart": null}));
    let repository = text(&source, "/repoURL").unwrap_or_default().to_owned();
    let mut application = application.clone();
    let one = json!({"spec": {"source": source, "sources": null}});
    json_patch::merge(&mut application, &one);
    let mut rendering = rendering.clone();
    rendering.repo_override.push((repository, folder));
    Ok((application, rendering))
}

/// A live object as people may see it: no values of Secrets, and not what only field managers read.
fn shown(object: &mut Value) {
    let is_secret = group(object).is_empty() && kind(object) == "Secret";
    without_bookkeeping(object);
    if let (true, Some(data)) = (
        is_secret,
        object.get_mut("data").and_then(Value::as_object_mut),
    ) {
        for value in data.values_mut() {
            *value = json!(super::diff::HIDDEN);
        }
    }
}

/// Takes away what only field managers read.
pub(super) fn without_bookkeeping(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove(LAST_APPLIED);
        }
    }
}

/// Renders an Application's sources, with the credentials of these Secrets and of the file that the flags name. Warnings go to standard error.
pub(crate) fn rendered(
    args: &RenderingArgs,
    application: &Value,
    secrets: &[Value],
) -> Result<Rendered> {
    let mut known = KnownRepositories::default();
    repositories(&mut known, secrets)?;
    if let Some(path) = &args.repositories {
        repositories(&mut known, &super::objects(std::slice::from_ref(path))?)?;
    }
    let request = request(args, application)?;
    let renderer = Renderer::new(args.sources.settings()?)?;
    let rendered = renderer.render(&request, &known.of_project(&request.project))?;
    for warning in &rendered.warnings {
        writeln!(anstream::stderr(), "warning: {warning}")?;
    }
    Ok(rendered)
}

fn request(args: &RenderingArgs, application: &Value) -> Result<Request> {
    let view = Application(application);
    let sources = view.sources();
    if !args.revision.is_empty() && args.revision.len() != sources.len() {
        bail!(
            "the Application has {} sources: give --revision as many times, or not at all",
            sources.len()
        );
    }
    let sources = sources.into_iter().enumerate().map(|(index, (_, source))| {
        let written = text(source, "/targetRevision").unwrap_or_default();
        SourceRequest {
            source: source.clone(),
            revision: args
                .revision
                .get(index)
                .map_or(written, String::as_str)
                .to_owned(),
            signers: None,
        }
    });
    Ok(Request {
        subject: String::new(),
        name: name(application).to_owned(),
        project: text(application, "/spec/project")
            .filter(|project| !project.is_empty())
            .unwrap_or("default")
            .to_owned(),
        destination: view.namespace().unwrap_or_default().to_owned(),
        sources: sources.collect(),
        refresh: Refresh::Normal,
        cluster: Cluster {
            kube_version: args.kube_version.clone(),
            api_versions: args.api_versions.clone(),
        },
        kustomize_options: Vec::new(),
        overrides: args.repo_override.iter().cloned().collect(),
    })
}

/// Adds the repositories that Secrets describe, and what `ConfigMaps` tell of their servers.
fn repositories(known: &mut KnownRepositories, objects: &[Value]) -> Result<()> {
    for secret in objects {
        if kind(secret) == "ConfigMap" {
            let data = secret.get("data").and_then(Value::as_object);
            let data = data.into_iter().flatten().map(|(key, value)| {
                let value = value.as_str().unwrap_or_default();
                (key.clone(), value.to_owned())
            });
            known.add_servers(name(secret), &data.collect());
            continue;
        }
        let secret_type = label(secret, SECRET_TYPE);
        let (Some(secret_type), "Secret") = (secret_type, kind(secret)) else {
            continue;
        };
        let mut fields = BTreeMap::new();
        let entries = |field: &str| {
            let entries = secret.get(field).and_then(Value::as_object);
            entries.into_iter().flatten()
        };
        for (key, value) in entries("data") {
            let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.with_context(|| {
                format!("Secret {}: data.{key} is not text in base64", name(secret))
            })?;
            fields.insert(key.clone(), text);
        }
        for (key, value) in entries("stringData") {
            fields.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        known.add(secret_type, &fields);
    }
    Ok(())
}

fn drawn(rendered: &Rendered, format: Format) -> Result<String> {
    if format == Format::Json {
        let types: Vec<&str> = rendered
            .source_types
            .iter()
            .map(|kind| kind.as_str())
            .collect();
        let value = serde_json::json!({
            "manifests": rendered.manifests,
            "revisions": rendered.revisions,
            "sourceTypes": types,
            "warnings": rendered.warnings,
        });
        return Ok(serde_json::to_string_pretty(&value)? + "\n");
    }
    yaml(&rendered.manifests)
}

fn yaml(manifests: &[Value]) -> Result<String> {
    let mut text = String::new();
    for manifest in manifests {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(manifest)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        manifests: ManifestsArgs,
    }

    const APPLICATION: &str = r"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  destination: {namespace: shop}
  source: {repoURL: https://host.example/team/repo.git, path: app, targetRevision: main}
";
    const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

    #[track_caller]
    fn check(more: &[&str], expected: Result<&str, &str>) {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name).display().to_string();
        fs::create_dir(at("app")).expect("made");
        fs::write(at("app/a.yaml"), OBJECT).expect("written");
        fs::write(at("app.yaml"), APPLICATION).expect("written");
        let (file, cache) = (at("app.yaml"), at("cache"));
        let instead = format!("https://host.example/team/repo={}", place.path().display());
        let fixed = ["manifests", "-f", &file, "--sources-cache", &cache];
        let fixed = fixed.into_iter().chain(["--repo-override", &instead]);
        let args = Command::parse_from(fixed.chain(more.iter().copied())).manifests;
        let application = crate::app::application(args.file.as_deref().expect("a file"));
        let text = application
            .and_then(|application| rendered(&args.rendering, &application, &[]))
            .and_then(|rendered| drawn(&rendered, args.output));
        let text = text.map_err(|error| error.to_string());
        assert_eq!(text.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_working_copy_is_rendered_in_place_of_its_repository() {
        check(
            &[],
            Ok("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"),
        );
        check(
            &["--revision", "a", "--revision", "b"],
            Err("the Application has 1 sources: give --revision as many times, or not at all"),
        );
    }

    #[test]
    fn a_stand_in_is_an_address_and_a_folder() {
        assert_eq!(
            stand_in("https://host/a?x=y=dir"),
            Ok(("https://host/a?x=y".to_owned(), PathBuf::from("dir")))
        );
        assert!(stand_in("https://host/a").is_err());
    }
}
