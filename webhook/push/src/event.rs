//! The servers' own forms of "somebody has pushed".

use serde_json::Value;
use tidegate_model::object::{at, text};

use crate::{Push, Received, Refused, Request, Sender};

/// Files of one push that are told apart; of one with more, nobody knows which changed.
const MOST_FILES: usize = 10_000;

/// Reads a request whose signature was checked.
pub(crate) fn read(sender: Sender, request: &Request) -> Result<Received, Refused> {
    let unreadable = |why: &str| Refused::Unreadable {
        sender,
        why: why.to_owned(),
    };
    let body = body(request).ok_or_else(|| unreadable("its body is no JSON"))?;
    let event = event(sender, request, &body);
    let push = match (sender, event) {
        (Sender::GitHub, "push") | (Sender::Gitea, "push" | "create" | "delete") => Push {
            repositories: addresses(&body, "/repository", &["html_url", "clone_url", "ssh_url"]),
            ..of_commits(&body, "/repository/default_branch")
        },
        (Sender::GitLab, "Push Hook" | "Tag Push Hook" | "System Hook")
            if matches!(
                text(&body, "/object_kind"),
                Some("push" | "tag_push") | None
            ) && text(&body, "/ref").is_some() =>
        {
            Push {
                repositories: addresses(
                    &body,
                    "/project",
                    &["web_url", "git_http_url", "git_ssh_url"],
                ),
                ..of_commits(&body, "/project/default_branch")
            }
        }
        // Neither says which branch is the default.
        (Sender::Bitbucket, "repo:push") => Push {
            repositories: addresses(&body, "/repository/links/html", &["href"]),
            revision: text(&body, "/push/changes/0/new/name").map(str::to_owned),
            is_default: true,
            files: Vec::new(),
        },
        (Sender::BitbucketServer, "repo:refs_changed") => Push {
            repositories: at(&body, "/repository/links/clone")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|link| text(link, "/href").map(str::to_owned))
                .collect(),
            revision: text(&body, "/changes/0/ref/id").map(short),
            is_default: true,
            files: Vec::new(),
        },
        (Sender::AzureDevOps, "git.push") => {
            let revision = text(&body, "/resource/refUpdates/0/name").map(short);
            let default = text(&body, "/resource/repository/defaultBranch").map(short);
            Push {
                repositories: addresses(&body, "/resource/repository", &["remoteUrl"]),
                is_default: default.is_none() || default == revision,
                revision,
                files: Vec::new(),
            }
        }
        (_, other) => return Ok(Received::Other(other.to_owned())),
    };
    if push.repositories.is_empty() {
        return Err(unreadable("it names no repository"));
    }
    Ok(Received::Push(push))
}

/// The JSON of a request. GitHub can also send it as a field of a form, which Argo CD does not read either.
fn body(request: &Request) -> Option<Value> {
    serde_json::from_slice(request.body).ok()
}

/// What the event is called.
fn event<'v>(sender: Sender, request: &Request<'v>, body: &'v Value) -> &'v str {
    let header = |name: &str| request.header(name);
    match sender {
        Sender::GitHub => header("x-github-event"),
        Sender::Gitea => header("x-gitea-event").or_else(|| header("x-gogs-event")),
        Sender::GitLab => header("x-gitlab-event"),
        Sender::Bitbucket | Sender::BitbucketServer => header("x-event-key"),
        Sender::AzureDevOps => text(body, "/eventType"),
    }
    .unwrap_or_default()
}

/// The form that GitHub made, and GitLab and Gitea took over.
fn of_commits(body: &Value, default_branch: &str) -> Push {
    let revision = text(body, "/ref").map(short);
    let default = text(body, default_branch);
    let commits = at(body, "/commits").and_then(Value::as_array);
    let mut files: Vec<String> = commits
        .into_iter()
        .flatten()
        .flat_map(|commit| ["/added", "/modified", "/removed"].map(|list| at(commit, list)))
        .filter_map(|list| list?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .take(MOST_FILES + 1)
        .collect();
    // GitHub lists 2,048 commits at most, GitLab 20: with fewer than there are, nobody knows which files changed.
    let listed = at(body, "/commits")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let total = at(body, "/total_commits_count").and_then(Value::as_u64);
    let is_whole = total
        .is_none_or(|total| usize::try_from(total).is_ok_and(|total| total <= listed))
        && listed < 2_048
        && at(body, "/forced") != Some(&Value::Bool(true));
    if !is_whole || files.len() > MOST_FILES {
        files.clear();
    }
    Push {
        repositories: Vec::new(),
        is_default: default.is_none() || default == revision.as_deref(),
        revision,
        files,
    }
}

fn addresses(body: &Value, place: &str, fields: &[&str]) -> Vec<String> {
    fields
        .iter()
        .filter_map(|field| text(body, &format!("{place}/{field}")))
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A reference as people write it.
fn short(reference: &str) -> String {
    ["refs/heads/", "refs/tags/"]
        .into_iter()
        .find_map(|prefix| reference.strip_prefix(prefix))
        .unwrap_or(reference)
        .to_owned()
}
