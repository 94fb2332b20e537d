//! What an AppProject permits. Pure.
//!
//! The rules of `IsSourcePermitted`, `IsDestinationPermitted` and `IsGroupKindNamePermitted` of Argo CD (`pkg/apis/application/v1alpha1/types.go`): lists of
//! globs of which one must match, and none that starts with `!` may. Cluster-wide kinds are permitted by name only; namespaced ones unless there is a list.

use serde_json::Value;
use tidegate_model::object::{at, name, text};
use tidegate_model::project::AppProject;
use tidegate_model::words::{IN_CLUSTER_NAME, IN_CLUSTER_SERVER};
use tidegate_model::{GroupKind, ObjectKey};

/// A project, as far as it permits and refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Project<'a> {
    object: &'a Value,
}

impl<'a> Project<'a> {
    pub(crate) const fn new(object: &'a Value) -> Self {
        Self { object }
    }

    /// Whether Applications of this project may live in a namespace other than the control plane's.
    pub(crate) fn permits_namespace(self, namespace: &str) -> bool {
        strings(self.object, "/spec/sourceNamespaces").any(|glob| matches(glob, namespace))
    }

    /// Whether manifests may come from a repository.
    pub(crate) fn permits_source(self, repository: &str) -> bool {
        let repository = normalized(repository);
        let mut is_permitted = false;
        for glob in AppProject(self.object).source_repositories() {
            match glob.strip_prefix('!') {
                Some(denied) if matches_path(&normalized(denied), &repository) => return false,
                Some(_) => {}
                None => is_permitted |= glob == "*" || matches_path(&normalized(glob), &repository),
            }
        }
        is_permitted
    }

    /// Whether objects may go to a namespace of this cluster.
    pub(crate) fn permits_destination(self, namespace: &str) -> bool {
        let mut is_permitted = false;
        for entry in AppProject(self.object).destinations() {
            let is_denied = [entry.server, entry.name, entry.namespace]
                .into_iter()
                .flatten()
                .any(|glob| glob.starts_with('!'));
            let plain = |glob: Option<&'a str>| glob.map(|glob| glob.trim_start_matches('!'));
            let is_here = match (plain(entry.server), plain(entry.name)) {
                (Some(server), _) if !server.is_empty() => {
                    matches(server.trim_end_matches('/'), IN_CLUSTER_SERVER)
                }
                (_, Some(name)) => matches(name, IN_CLUSTER_NAME),
                _ => false,
            };
            let is_it = is_here && matches(plain(entry.namespace).unwrap_or_default(), namespace);
            if is_it && is_denied {
                return false;
            }
            is_permitted |= is_it;
        }
        is_permitted
    }

    /// Why an object of a sync is not permitted, in Argo CD's words; none where it is.
    pub(crate) fn refusal(self, key: &ObjectKey) -> Option<String> {
        let project = name(self.object);
        let kind = GroupKind {
            group: key.group.clone(),
            kind: key.kind.clone(),
        };
        if !self.permits_kind(&kind, &key.name, key.namespace.is_some()) {
            return Some(format!(
                "resource {}:{} is not permitted in project {project}",
                key.group, key.kind
            ));
        }
        let namespace = key.namespace.as_deref()?;
        (!self.permits_destination(namespace))
            .then(|| format!("namespace {namespace} is not permitted in project '{project}'"))
    }

    fn permits_kind(self, kind: &GroupKind, name: &str, is_namespaced: bool) -> bool {
        let (allowed, denied) = if is_namespaced {
            (
                "/spec/namespaceResourceWhitelist",
                "/spec/namespaceResourceBlacklist",
            )
        } else {
            (
                "/spec/clusterResourceWhitelist",
                "/spec/clusterResourceBlacklist",
            )
        };
        let is_in = |pointer: &str| {
            let listed = at(self.object, pointer).and_then(Value::as_array);
            listed.into_iter().flatten().any(|entry| {
                let part = |pointer: &str| text(entry, pointer).unwrap_or_default();
                matches(part("/group"), &kind.group)
                    && matches(part("/kind"), &kind.kind)
                    && (part("/name").is_empty() || matches(part("/name"), name))
            })
        };
        let has_no_list = at(self.object, allowed).is_none_or(Value::is_null);
        ((is_namespaced && has_no_list) || is_in(allowed)) && !is_in(denied)
    }
}

/// The project `default` where nobody made one: Argo CD makes it at its first start, and it permits everything.
pub(crate) fn default_project() -> Value {
    serde_json::json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    })
}

fn strings<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    let listed = at(object, pointer).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str)
}

/// Two ways of writing one repository are one: case of the whole, `.git`, a slash at the end, the scheme of ssh.
fn normalized(repository: &str) -> String {
    let repository = repository.trim().to_lowercase();
    let repository = repository.strip_prefix("ssh://").unwrap_or(&repository);
    let repository = repository.trim_end_matches('/');
    repository
        .strip_suffix(".git")
        .unwrap_or(repository)
        .to_owned()
}

/// Whether a glob matches a whole text; `*` and `?` match every character.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    matches_with(glob, text, None)
}

/// Whether a glob matches a whole path: `*` and `?` stop at slashes, `**` does not.
fn matches_path(glob: &str, text: &str) -> bool {
    matches_with(glob, text, Some('/'))
}

fn matches_with(glob: &str, text: &str, separator: Option<char>) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Which places of the glob are reached: a row of booleans for each character, so that no pattern takes longer than its length times the text's.
    let mut reached = vec![false; glob.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    skip_stars(&glob, &mut reached);
    for &character in &text {
        let mut next = vec![false; glob.len() + 1];
        for (place, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            let stays = |wide: bool| wide || Some(character) != separator;
            let (is_match, to) = match glob.get(place) {
                Some('*') => (stays(is_wide(&glob, place)), place),
                Some('?') => (Some(character) != separator, place + 1),
                Some(&wanted) => (wanted == character, place + 1),
                None => (false, place),
            };
            if let Some(slot) = next.get_mut(to).filter(|_| is_match) {
                *slot = true;
            }
        }
        skip_stars(&glob, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// A star may match nothing.
fn skip_stars(glob: &[char], reached: &mut [bool]) {
    for (place, character) in glob.iter().enumerate() {
        if *character == '*'
            && reached.get(place).copied().unwrap_or_default()
            && let Some(next) = reached.get_mut(place + 1)
        {
            *next = true;
        }
    }
}

/// Whether a star has a star beside it.
fn is_wide(glob: &[char], place: usize) -> bool {
    let before = place.checked_sub(1).and_then(|before| glob.get(before));
    before == Some(&'*') || glob.get(place + 1) == Some(&'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_go_by_globs_and_denials() {
        let check = |list: &[&str], repository: &str, expected: bool| {
            let object = json!({"spec": {"sourceRepos": list}});
            assert_eq!(
                Project::new(&object).permits_source(repository),
                expected,
                "{list:?} {repository}"
            );
        };
        check(&["*"], "https://git.example/team/app.git", true);
        check(&[], "https://git.example/team/app", false);
        check(
            &["https://git.example/team/*"],
            "https://git.example/team/app.git",
            true,
        );
        check(
            &["https://git.example/*"],
            "https://git.example/team/app",
            false,
        );
        check(
            &["https://git.example/**"],
            "https://git.example/team/app",
            true,
        );
        check(
            &["https://Git.example/team/app.git"],
            "https://git.example/Team/app/",
            true,
        );
        check(
            &["*", "!https://git.example/team/*"],
            "https://git.example/team/app",
            false,
        );
        check(
            &["!https://git.example/team/*"],
            "https://git.example/other/app",
            false,
        );
    }

    #[test]
    fn destinations_go_by_cluster_and_namespace() {
        let check = |destinations: Value, namespace: &str, expected: bool| {
            let object = json!({"spec": {"destinations": destinations}});
            assert_eq!(
                Project::new(&object).permits_destination(namespace),
                expected,
                "{object} {namespace}"
            );
        };
        let here = "https://kubernetes.default.svc";
        check(json!([{"server": "*", "namespace": "*"}]), "shop", true);
        check(
            json!([{"server": here, "namespace": "shop-*"}]),
            "shop-a",
            true,
        );
        check(
            json!([{"server": here, "namespace": "shop-*"}]),
            "shop",
            false,
        );
        check(
            json!([{"name": "in-cluster", "namespace": "shop"}]),
            "shop",
            true,
        );
        check(
            json!([{"server": "https://other", "namespace": "*"}]),
            "shop",
            false,
        );
        check(
            json!([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!kube-system"}]),
            "kube-system",
            false,
        );
        check(
            json!([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!kube-system"}]),
            "shop",
            true,
        );
        check(json!([]), "shop", false);
    }

    #[test]
    fn kinds_go_by_lists_and_the_refusal_is_argo_cds() {
        let project = json!({"metadata": {"name": "team"}, "spec": {
            "destinations": [{"server": "*", "namespace": "shop"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "shop*"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
        }});
        let check = |group: &str,
                     kind: &str,
                     namespace: Option<&str>,
                     name: &str,
                     expected: Option<&str>| {
            let key = ObjectKey {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
            };
            assert_eq!(Project::new(&project).refusal(&key).as_deref(), expected);
        };
        check("apps", "Deployment", Some("shop"), "web", None);
        check(
            "",
            "Secret",
            Some("shop"),
            "s",
            Some("resource :Secret is not permitted in project team"),
        );
        check(
            "apps",
            "Deployment",
            Some("other"),
            "web",
            Some("namespace other is not permitted in project 'team'"),
        );
        check("", "Namespace", None, "shop-a", None);
        check(
            "",
            "Namespace",
            None,
            "kube-system",
            Some("resource :Namespace is not permitted in project team"),
        );
        let all = default_project();
        let key = ObjectKey {
            group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            namespace: None,
            name: "r".to_owned(),
        };
        assert_eq!(Project::new(&all).refusal(&key), None);
    }

    #[test]
    fn a_long_pattern_takes_no_long_time() {
        let glob = "*a".repeat(200);
        assert!(!matches(&glob, &"a".repeat(199)));
        assert!(matches(&glob, &"a".repeat(200)));
    }
}
