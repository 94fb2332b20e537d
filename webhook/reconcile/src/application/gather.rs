//! Looks at an Application, its project, its source and the cluster, once, and writes down what was seen. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use futures::stream::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{at, group, kind, name, namespace, text};
use tidegate_model::words::{API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE};
use tidegate_model::{GroupKind, ObjectKey};

use super::control_plane::ControlPlane;
use super::excluded::Excluded;
use super::operation::Running;
use super::orphans;
use super::project::Project;
use super::snapshot::{Condition, Live, Problem, Snapshot};
use super::trust::signers;
use super::wish::{self, Refresh};
use crate::cluster::{Kinds, group_kind, type_of};
use crate::context::{ApiError, Context};
use crate::gate::Gate;
use crate::render::{RenderRequest, Rendered, SourceRequest};

/// Listings at once.
pub(super) const LISTINGS: usize = 8;

/// Asks that syncs act as `destinationServiceAccounts` of their project.
const IMPERSONATION: &str = "application.sync.impersonation.enabled";

/// Looks.
///
/// # Errors
/// The API server failed at something that a decision cannot do without.
pub(super) async fn gather<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: Value,
    running: Option<&Running>,
) -> Result<Snapshot, ApiError> {
    let refresh = Refresh::of(&application);
    let control = context.control_plane(refresh != Refresh::No).await?;
    let control_namespace = context.settings.control_namespace.clone();
    let mut warnings = Vec::new();
    let project = control
        .project(context, wish::project_name(&application))
        .await?
        .and_then(|project| {
            let mut problems =
                wish::problems_of_spec(&application, &project, &control_namespace).into_iter();
            let first = problems.next();
            warnings.extend(problems);
            first.map_or(Ok(project), Err)
        });
    let local = running.and_then(Running::local_manifests);
    let trusted = project
        .as_ref()
        .map_err(Problem::clone)
        .and_then(|project| {
            acts_as_itself(&control.settings)?;
            trusted_sources(project, &application, running, local.is_some())
        });
    let rendered = match (trusted, local) {
        (Err(problem), _) => Err(problem),
        (Ok(_), Some(manifests)) => Ok(Rendered {
            manifests,
            ..Rendered::default()
        }),
        (Ok(sources), None) => render(context, &control, key, &application, running, sources).await,
    };
    let manifests = rendered
        .as_ref()
        .map_or(&[][..], |rendered| &rendered.manifests);
    let kinds = context.kinds(manifests.iter().map(type_of)).await?;
    let (excluded, unread) = Excluded::of(&control.settings);
    let unread = unread.into_iter();
    warnings.extend(unread.map(|why| Problem::new(Condition::ComparisonError, why)));
    let rendered = rendered.map(|mut rendered| {
        leave_out(&mut rendered.manifests, &excluded, &mut warnings);
        Rendered {
            manifests: settled(
                rendered.manifests,
                Application(&application).namespace(),
                &kinds,
                &mut warnings,
            ),
            ..rendered
        }
    });
    let mut snapshot = Snapshot {
        key: key.clone(),
        application,
        control_namespace,
        project,
        settings: control.settings.clone(),
        rendered,
        live: Ok(Live::default()),
        warnings,
    };
    snapshot.live = live(context, &snapshot, &kinds).await;
    let orphaned = orphaned(context, &snapshot, &kinds, &excluded).await;
    snapshot.warnings.extend(orphaned);
    Ok(snapshot)
}

/// That the settings do not ask for syncs with other rights than ours: what a project's service account may not, we may.
fn acts_as_itself(settings: &BTreeMap<String, String>) -> Result<(), Problem> {
    match settings.get(IMPERSONATION).map(String::as_str) {
        Some("true") => Err(Problem::new(
            Condition::ComparisonError,
            format!(
                "{IMPERSONATION} of argocd-cm asks that syncs act as the service accounts of projects, and this reconciler acts with its own rights only: set it to false"
            ),
        )),
        _ => Ok(()),
    }
}

/// The sources to render, with who must have signed them.
fn trusted_sources(
    project: &Value,
    application: &Value,
    running: Option<&Running>,
    is_local: bool,
) -> Result<Vec<SourceRequest>, Problem> {
    let failed = |message: String| Problem::new(Condition::ComparisonError, message);
    let mut sources = running.map_or_else(
        || wish::sources(application),
        |running| running.sources(application),
    );
    for source in &mut sources {
        source.signers = signers(project, &source.source).map_err(failed)?;
    }
    if is_local && sources.iter().any(|source| source.signers.is_some()) {
        return Err(failed(format!(
            "the project '{}' asks for signed commits, so that manifests of a working copy cannot be synced",
            name(project)
        )));
    }
    Ok(sources)
}

/// Manifests of kinds that the settings exclude take no part.
fn leave_out(manifests: &mut Vec<Value>, excluded: &Excluded, warnings: &mut Vec<Problem>) {
    manifests.retain(|manifest| {
        let is_in = !excluded.has(group(manifest), kind(manifest));
        if !is_in {
            warnings.push(Problem::new(
                Condition::ExcludedResourceWarning,
                format!(
                    "Resource {}/{} {} is excluded in the settings",
                    group(manifest),
                    kind(manifest),
                    name(manifest)
                ),
            ));
        }
        is_in
    });
}

/// What nobody has in the Application's namespace, where its project wants to know.
async fn orphaned<G: Gate>(
    context: &Context<G>,
    snapshot: &Snapshot,
    kinds: &Kinds,
    excluded: &Excluded,
) -> Option<Problem> {
    let project = snapshot.project.as_ref().ok();
    let project = project.filter(|project| orphans::are_warned_of(project))?;
    let namespace = Application(&snapshot.application).namespace()?;
    let live = snapshot.live.as_ref().ok()?;
    let listed = orphans::listed(&context.client, kinds, namespace).await;
    let own: BTreeSet<ObjectKey> = live.objects.iter().map(ObjectKey::of).collect();
    let count = orphans::orphans(&listed, &own, project, excluded).len();
    (count > 0).then(|| {
        Problem::new(
            Condition::OrphanedResourceWarning,
            format!("Application has {count} orphaned resources"),
        )
    })
}

async fn render<G: Gate>(
    context: &Context<G>,
    control: &ControlPlane,
    key: &ObjectKey,
    application: &Value,
    running: Option<&Running>,
    sources: Vec<SourceRequest>,
) -> Result<Rendered, Problem> {
    let failed = |message: String| Problem::new(Condition::ComparisonError, message);
    let kinds = context
        .kinds([])
        .await
        .map_err(|error| failed(error.to_string()))?;
    let request = RenderRequest {
        name: key.name.clone(),
        namespace: key.namespace.clone().unwrap_or_default(),
        project: wish::project_name(application).to_owned(),
        destination: Application(application).namespace().map(str::to_owned),
        sources,
        // A change of the spec, and a person, want what is newest now.
        fresh: Refresh::of(application) != Refresh::No
            || running.is_some_and(Running::is_new)
            || !wish::is_compared(application),
        hard: Refresh::of(application) == Refresh::Hard,
        repositories: control.repositories.clone(),
        servers: control.servers.clone(),
        settings: control.settings.clone(),
        cluster: kinds.cluster.clone(),
    };
    let limit = context.settings.render_timeout;
    match tokio::time::timeout(limit, context.renderer.render(&request)).await {
        Ok(Ok(rendered)) => Ok(rendered),
        Ok(Err(failure)) => Err(failed(format!(
            "Failed to load target state: failed to generate manifest for source: {}",
            failure.message
        ))),
        Err(_) => Err(failed(format!(
            "Failed to load target state: rendering took longer than {limit:?}"
        ))),
    }
}

/// The manifests as they will be in the cluster: each key once, the last one of several; namespaced ones with their namespace, others with none.
fn settled(
    manifests: Vec<Value>,
    destination: Option<&str>,
    kinds: &Kinds,
    warnings: &mut Vec<Problem>,
) -> Vec<Value> {
    let defined = scopes_of_definitions(&manifests);
    let mut by_key: BTreeMap<ObjectKey, usize> = BTreeMap::new();
    let mut settled: Vec<Value> = Vec::with_capacity(manifests.len());
    for mut manifest in manifests {
        let known = kinds.exact(type_of(&manifest).0, type_of(&manifest).1);
        let is_namespaced = known
            .map(|known| known.is_namespaced)
            .or_else(|| defined.get(&group_kind(&manifest)).copied());
        let own = namespace(&manifest).map(str::to_owned);
        let mut homeless = false;
        if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
            match (is_namespaced, own, destination) {
                (Some(false), ..) => {
                    metadata.remove("namespace");
                }
                (Some(true), None, Some(destination)) => {
                    metadata.insert("namespace".to_owned(), json!(destination));
                }
                (Some(true), None, None) => homeless = true,
                _ => {}
            }
        }
        let key = ObjectKey::of(&manifest);
        if homeless {
            let (version, kind) = type_of(&manifest);
            warnings.push(Problem::new(
                Condition::InvalidSpecError,
                format!(
                    "Namespace for {} {version}, Kind={kind} is missing.",
                    key.name
                ),
            ));
        }
        if key.name.is_empty() {
            settled.push(manifest); // a hook that leaves its name open: each is another
            continue;
        }
        match by_key.get(&key).and_then(|place| settled.get_mut(*place)) {
            Some(before) => {
                warnings.push(Problem::new(
                    Condition::RepeatedResourceWarning,
                    format!(
                        "Resource {}/{}/{}/{} appeared 2 times among application resources.",
                        key.group,
                        key.kind,
                        key.namespace.as_deref().unwrap_or_default(),
                        key.name
                    ),
                ));
                *before = manifest;
            }
            None => {
                by_key.insert(key, settled.len());
                settled.push(manifest);
            }
        }
    }
    settled
}

/// Whether the kinds that the manifests themselves define have namespaces.
fn scopes_of_definitions(manifests: &[Value]) -> BTreeMap<GroupKind, bool> {
    manifests
        .iter()
        .filter(|manifest| {
            group(manifest) == API_EXTENSIONS_GROUP && kind(manifest) == CUSTOM_RESOURCE_DEFINITION
        })
        .filter_map(|definition| {
            let defined = GroupKind {
                group: text(definition, "/spec/group")?.to_owned(),
                kind: text(definition, "/spec/names/kind")?.to_owned(),
            };
            Some((defined, text(definition, "/spec/scope")? == "Namespaced"))
        })
        .collect()
}

/// The live objects that matter. Every kind is listed wholly or the whole answer is a problem: half a list looks like deletions.
async fn live<G: Gate>(
    context: &Context<G>,
    snapshot: &Snapshot,
    kinds: &Kinds,
) -> Result<Live, Problem> {
    let application = &snapshot.application;
    let setting = |key: &str| snapshot.settings.get(key).cloned();
    let tracking = wish::tracking(application, &snapshot.control_namespace, setting);
    let targets = snapshot
        .rendered
        .as_ref()
        .map_or(&[][..], |rendered| &rendered.manifests);

    let mut keys: BTreeSet<ObjectKey> = targets.iter().map(ObjectKey::of).collect();
    let mut places: BTreeMap<(GroupKind, Option<String>), String> = BTreeMap::new();
    let mut unknown_kinds = BTreeSet::new();
    let in_status = at(application, "/status/resources").and_then(Value::as_array);
    for entry in in_status.into_iter().flatten() {
        let part = |pointer: &str| text(entry, pointer).unwrap_or_default();
        let key = ObjectKey {
            group: part("/group").to_owned(),
            kind: part("/kind").to_owned(),
            namespace: Some(part("/namespace").to_owned())
                .filter(|namespace| !namespace.is_empty()),
            name: part("/name").to_owned(),
        };
        if let Some(known) = kinds.any(&key.group, &key.kind) {
            places.insert(place(&key), known.resource.api_version.clone());
        }
        keys.insert(key);
    }
    for target in targets {
        let (version, kind) = type_of(target);
        if kinds.exact(version, kind).is_none() {
            unknown_kinds.insert(group_kind(target));
            continue;
        }
        places.insert(place(&ObjectKey::of(target)), version.to_owned());
    }
    // The namespace that a sync makes carries no mark: among all of them it would only be found by its name.
    let made = Application(application)
        .namespace()
        .filter(|_| makes_namespace(application))
        .map(|name| ObjectKey {
            group: String::new(),
            kind: NAMESPACE.to_owned(),
            namespace: None,
            name: name.to_owned(),
        })
        .filter(|made| !places.contains_key(&place(made)));
    keys.extend(made.clone());

    let keeps = |object: &Value| tracking.owns(object) || keys.contains(&ObjectKey::of(object));
    let mut listings: Vec<BoxFuture<'_, Result<Vec<Value>, ApiError>>> = Vec::new();
    for ((of, namespace), version) in &places {
        if let Some(known) = kinds.exact(version, &of.kind) {
            listings.push(Box::pin(context.list(known, namespace.as_deref(), keeps)));
        }
    }
    if let (Some(made), Some(known)) = (made, kinds.exact("v1", NAMESPACE)) {
        listings.push(Box::pin(async move {
            let found = context.get(known, None, &made.name).await?;
            Ok(found.into_iter().collect())
        }));
    }
    let lists: Vec<Vec<Value>> = futures::stream::iter(listings)
        .buffer_unordered(LISTINGS)
        .try_collect()
        .await
        .map_err(|error| {
            Problem::new(
                Condition::ComparisonError,
                format!("Failed to load live state: {error}"),
            )
        })?;
    let mut objects: Vec<Value> = lists.into_iter().flatten().collect();
    if let Ok(project) = &snapshot.project {
        // What the project does not permit is nobody's to prune.
        let desired: BTreeSet<ObjectKey> = targets.iter().map(ObjectKey::of).collect();
        let project = Project::new(project);
        objects.retain(|object| {
            let key = ObjectKey::of(object);
            desired.contains(&key) || project.refusal(&key).is_none()
        });
    }
    objects.sort_by_cached_key(ObjectKey::of);
    Ok(Live {
        objects,
        unknown_kinds,
    })
}

/// Whether the Application, or an operation of it, says `CreateNamespace=true`.
fn makes_namespace(application: &Value) -> bool {
    [
        "/spec/syncPolicy/syncOptions",
        "/operation/sync/syncOptions",
        "/status/operationState/operation/sync/syncOptions",
    ]
    .into_iter()
    .filter_map(|pointer| at(application, pointer)?.as_array())
    .flatten()
    .any(|option| option == "CreateNamespace=true")
}

/// What is listed to find an object.
fn place(key: &ObjectKey) -> (GroupKind, Option<String>) {
    let kind = GroupKind {
        group: key.group.clone(),
        kind: key.kind.clone(),
    };
    (kind, key.namespace.clone())
}
