//! From an Application's sources to its manifests, in one call.

mod files;
mod located;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tidegate_model::SourceType;

use crate::cache::{Kept, Results};
use crate::charts::Charts;
use crate::digest::Digest;
use crate::error::RenderError;
use crate::following::Following;
use crate::git::{self, Repositories};
use crate::manifests::Manifests;
use crate::places::Places;
use crate::request::{Refresh, Rendered, Request, SourceRequest};
use crate::secret::Credentials;
use crate::settings::Settings;
use crate::source::Source;
use crate::submodules::Fetching;
use crate::surroundings::{Cluster, Names, Surroundings};
use crate::tree::Tree;
use crate::work::Work;

use located::{Located, Origin, chart};

pub use files::{Folder, FolderRequest};
pub(crate) use located::discovered;

/// Renders Applications; shared by all who do.
#[derive(Debug)]
pub struct Renderer {
    settings: Arc<Settings>,
    work: Arc<Work>,
    repositories: Repositories,
    charts: Charts,
    results: Results,
    places: Places,
    following: Following,
}

impl Renderer {
    /// A renderer with its folder. What an earlier process left in it is used or removed.
    ///
    /// # Errors
    /// The folder cannot be made, or not be written to.
    pub fn new(settings: Settings) -> Result<Self, RenderError> {
        let settings = Arc::new(settings);
        let work = Arc::new(Work::new(&settings.cache)?);
        Ok(Self {
            repositories: Repositories::new(settings.clone(), work.clone()),
            charts: Charts::default(),
            results: Results::new(settings.limits.kept_result_bytes),
            places: Places::new(settings.limits.at_once),
            following: Following::default(),
            settings,
            work,
        })
    }

    /// The commit or version of each source, with nothing rendered.
    ///
    /// # Errors
    /// A source cannot be read, its repository not be reached, or the revision is not there.
    pub fn resolve(
        &self,
        request: &Request,
        credentials: &dyn Credentials,
    ) -> Result<Vec<String>, RenderError> {
        let located = self.locate(request, credentials)?;
        Ok(located.into_iter().map(|source| source.revision).collect())
    }

    /// Renders. It may take as long as the limits of the settings together: call it where waiting is no harm.
    ///
    /// # Errors
    /// Anything on the way; the message is fit for the Application's status.
    pub fn render(
        &self,
        request: &Request,
        credentials: &dyn Credentials,
    ) -> Result<Rendered, RenderError> {
        let located = self.locate(request, credentials)?;
        if !request.subject.is_empty() {
            let followed = located.iter().filter_map(Located::followed).collect();
            self.following.set(&request.subject, followed);
        }
        let revisions = located
            .iter()
            .map(|source| source.revision.clone())
            .collect();
        let is_kept = request.overrides.is_empty();
        let (key, cluster) = (key(request, &located), cluster_key(&request.cluster));
        if request.refresh == Refresh::Hard {
            self.results.forget(&key);
        }
        let kept = match self.results.get(&key, &cluster).filter(|_| is_kept) {
            Some(kept) => kept,
            None => {
                let made = self.make(request, &located, credentials)?;
                // A plain folder knows no cluster; the tools may.
                let asks = made
                    .source_types
                    .iter()
                    .any(|kind| *kind != SourceType::Directory);
                if is_kept {
                    self.results.keep(key, asks.then_some(cluster), &made);
                }
                made
            }
        };
        Ok(kept.rendered(revisions))
    }

    /// What was rendered of the same request before, with the revisions as they were last heard; none where it is not remembered. It asks nobody, runs
    /// nothing and waits for nobody who does.
    pub fn kept(&self, request: &Request, credentials: &dyn Credentials) -> Option<Rendered> {
        let located: Vec<Located> = request
            .sources
            .iter()
            .map(|asked| self.locate_heard(asked, credentials))
            .collect::<Option<_>>()?;
        let kept = self
            .results
            .get(&key(request, &located), &cluster_key(&request.cluster))?;
        Some(kept.rendered(located.into_iter().map(|one| one.revision).collect()))
    }

    /// The subjects of earlier requests whose branch, tag or range means another commit now. It asks each repository at most once in the poll interval,
    /// and waits for the answers; each subject is named once, until it has rendered again.
    pub fn moved(&self) -> Vec<String> {
        self.following.moved()
    }

    fn locate(
        &self,
        request: &Request,
        credentials: &dyn Credentials,
    ) -> Result<Vec<Located>, RenderError> {
        let most = self.settings.limits.sources;
        if request.sources.len() > most {
            return Err(RenderError::Source {
                pointer: "spec.sources".to_owned(),
                problem: format!("there are more than {most} sources"),
            });
        }
        let freshness = match request.refresh {
            Refresh::None => git::Freshness::Polled,
            Refresh::Normal | Refresh::Hard => git::Freshness::Since(Instant::now()),
        };
        let located = request.sources.iter().enumerate().map(|(index, asked)| {
            let place = match request.sources.len() {
                1 => "spec.source".to_owned(),
                _ => format!("spec.sources[{index}]"),
            };
            self.locate_one(asked, place, &request.overrides, credentials, freshness)
        });
        located.collect()
    }

    fn locate_one(
        &self,
        asked: &SourceRequest,
        place: String,
        overrides: &BTreeMap<String, PathBuf>,
        credentials: &dyn Credentials,
        freshness: git::Freshness,
    ) -> Result<Located, RenderError> {
        let source = Source::parse(&asked.source, &place)?;
        let name = git::normalized(&source.repository);
        let folder = overrides
            .iter()
            .find(|(address, _)| git::normalized(address) == name)
            .map(|(_, folder)| folder.clone());
        let (origin, revision) = if let Some(folder) = folder {
            (Origin::Folder(folder), "local".to_owned())
        } else if source.packed().is_none() {
            if source.path.is_empty() && source.r#ref.is_empty() {
                return Err(RenderError::Source {
                    pointer: place,
                    problem: "one of path, chart and ref is required".to_owned(),
                });
            }
            let credential = credentials.of(&source.repository);
            let repository = self.repositories.get(&source.repository, credential)?;
            let revision = repository.resolve(&asked.revision, &source.tag_prefix, freshness)?;
            if let Some(signers) = &asked.signers {
                let named = asked.source.get("targetRevision").and_then(Value::as_str);
                let named = named.unwrap_or_default();
                repository.trusted(&revision, named, &source.tag_prefix, signers)?;
            }
            (Origin::Git(repository), revision)
        } else {
            let credential = credentials.of(&source.repository);
            let chart = chart(&source, &credential);
            let (settings, work) = (&self.settings, &self.work);
            let revision =
                self.charts
                    .resolve(settings, work, &chart, &asked.revision, freshness)?;
            (Origin::Chart(credential), revision)
        };
        Ok(Located {
            source,
            written: asked.source.clone(),
            place,
            origin,
            asked: asked.revision.clone(),
            revision,
        })
    }

    fn make(
        &self,
        request: &Request,
        located: &[Located],
        credentials: &dyn Credentials,
    ) -> Result<Kept, RenderError> {
        let mut trees = Vec::with_capacity(located.len());
        for one in located {
            trees.push(self.tree(one, credentials)?);
        }
        // Not before: a repository that cannot be reached must not keep the places of those that can.
        let _place = self.places.take();
        let mut references = BTreeMap::new();
        let named = located.iter().zip(&trees);
        for (one, tree) in named.filter(|(one, _)| !one.source.r#ref.is_empty()) {
            let earlier = references.insert(one.source.r#ref.clone(), tree.clone());
            if earlier.is_some() {
                return Err(RenderError::Source {
                    pointer: one.place.clone(),
                    problem: format!("two sources have the ref `{}`", one.source.r#ref),
                });
            }
        }
        let mut manifests = Manifests::new(&self.settings.limits);
        let (mut source_types, mut warnings) = (Vec::new(), Vec::new());
        for (one, tree) in located.iter().zip(&trees) {
            if one.source.is_only_a_reference() {
                source_types.push(SourceType::Directory);
                continue;
            }
            let own_tree = || tree.copy(self.work.folder()?, &self.settings.limits);
            let mut kustomize_options = self.settings.kustomize_options.clone();
            kustomize_options.extend(request.kustomize_options.iter().cloned());
            let names = Names {
                name: &request.name,
                destination: &request.destination,
                project: &request.project,
                revision: &one.revision,
                repository: &one.source.repository,
                path: &one.source.path,
                target_revision: &one.asked,
            };
            let around = Surroundings {
                settings: &self.settings,
                work: &self.work,
                credentials,
                cluster: &request.cluster,
                name: &request.name,
                destination: &request.destination,
                kustomize_options: &kustomize_options,
                variables: names.variables(),
                references: &references,
                own_tree: &own_tree,
            };
            source_types.push(one.render(&around, tree, &mut manifests, &mut warnings)?);
        }
        Ok(Kept {
            manifests: manifests.into_objects(),
            source_types,
            warnings,
        })
    }

    fn locate_heard(
        &self,
        asked: &SourceRequest,
        credentials: &dyn Credentials,
    ) -> Option<Located> {
        let source = Source::parse(&asked.source, "").ok()?;
        let credential = credentials.of(&source.repository);
        let (origin, revision) = if source.packed().is_none() {
            let repository = self.repositories.known(&source.repository, &credential)?;
            let revision = repository.heard(&asked.revision, &source.tag_prefix)?;
            (Origin::Git(repository), revision)
        } else {
            let chart = chart(&source, &credential);
            let revision = self.charts.heard(&chart, &asked.revision)?;
            (Origin::Chart(credential), revision)
        };
        Some(Located {
            source,
            written: asked.source.clone(),
            place: String::new(),
            origin,
            asked: asked.revision.clone(),
            revision,
        })
    }

    fn tree(&self, one: &Located, credentials: &dyn Credentials) -> Result<Arc<Tree>, RenderError> {
        match &one.origin {
            Origin::Git(repository) => {
                let fetching = Fetching {
                    settings: &self.settings,
                    work: &self.work,
                    repositories: &self.repositories,
                    credentials,
                };
                fetching.complete(repository.tree(&one.revision)?, &one.source.repository)
            }
            Origin::Folder(folder) => Tree::of_folder(folder).map(Arc::new),
            Origin::Chart(credential) => {
                let chart = chart(&one.source, credential);
                self.charts
                    .tree(&self.settings, &self.work, &chart, &one.revision)
            }
        }
    }
}

/// What a result is the result of, but for the cluster.
fn key(request: &Request, located: &[Located]) -> String {
    let names = [&request.name, &request.project, &request.destination];
    let options = request.kustomize_options.iter().map(String::as_str);
    let mut digest = Digest::default()
        .texts(names.map(String::as_str))
        .text(&request.kustomize_options.len().to_string())
        .texts(options);
    for one in located {
        digest = digest
            .text(&one.key())
            .text(&one.revision)
            .text(&one.asked)
            .text(&one.written.to_string());
    }
    digest.short()
}

fn cluster_key(cluster: &Cluster) -> String {
    Digest::default()
        .text(&cluster.kube_version)
        .texts(cluster.api_versions.iter().map(String::as_str))
        .short()
}
