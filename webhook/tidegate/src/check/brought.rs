//! What the Applications of a folder bring, as far as the files are on this disk: an app of apps is followed from repository to repository.
//!
//! `--repo-override URL=FOLDER` says where a repository is. Each Application all of whose repositories are named so is rendered from there, as
//! `tidegate app manifests` would, and what it brings is judged like everything else, as the one sync that it is. An Application that is reached twice, as in
//! a circle, is followed once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tidegate_model::application::Application;
use tidegate_model::object::{group, kind, name, text};
use tidegate_model::words::{APPLICATION, ARGO_GROUP};
use tidegate_render::{KnownRepositories, Renderer, Request, SourceRequest, normalized};

use super::judge::{ObjectName, object_name};
use super::source::{Content, Item, manifests};
use crate::sources::settings;

/// More are no app of apps but a mistake.
const MOST: usize = 1_000;

/// Which Application brought what was read under a name that is no file's.
pub(crate) type Brought = BTreeMap<String, Value>;

/// Adds what the Applications among the items bring, and what those bring. Applications that cannot be followed are named in `not_judged`.
pub(crate) fn follow(
    items: &mut Vec<Item>,
    overrides: &[(String, PathBuf)],
    not_judged: &mut Vec<String>,
) -> Result<Brought> {
    let mut brought = Brought::new();
    if overrides.is_empty() {
        return Ok(brought);
    }
    let renderer = Renderer::new(settings(None))?;
    let known = KnownRepositories::default();
    let here: BTreeSet<String> = overrides.iter().map(|(url, _)| normalized(url)).collect();
    let mut seen: BTreeSet<ObjectName> = BTreeSet::new();
    let mut waiting: VecDeque<Value> = items.iter().filter_map(application).cloned().collect();
    while let Some(application) = waiting.pop_front() {
        let key = object_name(&application);
        let shown = key.to_string();
        if !seen.insert(key) {
            continue;
        }
        if seen.len() > MOST {
            bail!("more than {MOST} Applications; name a smaller folder");
        }
        let sources = Application(&application).sources();
        let away = sources
            .iter()
            .filter_map(|(_, source)| text(source, "/repoURL"))
            .find(|url| !here.contains(&normalized(url)));
        if let Some(away) = away {
            not_judged.push(format!(
                "what {shown} brings: no --repo-override for {away}"
            ));
            continue;
        }
        let request = Request {
            name: name(&application).to_owned(),
            project: text(&application, "/spec/project")
                .unwrap_or_default()
                .to_owned(),
            destination: Application(&application)
                .namespace()
                .unwrap_or_default()
                .to_owned(),
            sources: sources
                .iter()
                .map(|(_, source)| SourceRequest {
                    source: (*source).clone(),
                    revision: text(source, "/targetRevision")
                        .unwrap_or_default()
                        .to_owned(),
                    signers: None,
                })
                .collect(),
            overrides: overrides.iter().cloned().collect(),
            ..Request::default()
        };
        let rendered = renderer
            .render(&request, &known.of_project(&request.project))
            .with_context(|| format!("what {shown} brings"))?;
        let texts: Vec<String> = rendered.manifests.iter().map(Value::to_string).collect();
        let file = format!("{shown} (rendered)");
        let new = manifests(&file, &texts.join("\n---\n"), false)?;
        waiting.extend(new.iter().filter_map(self::application).cloned());
        items.extend(new);
        brought.insert(file, application);
    }
    Ok(brought)
}

fn application(item: &Item) -> Option<&Value> {
    match &item.content {
        Content::Manifest { object, .. }
            if group(object) == ARGO_GROUP && kind(object) == APPLICATION =>
        {
            Some(object)
        }
        _ => None,
    }
}
