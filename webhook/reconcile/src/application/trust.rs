//! Who must have signed what a source brings, by what its project says. Pure; whether somebody has is the renderer's to find out.

use serde_json::Value;
use tidegate_model::object::{at, name, text};

use super::project::matches;

/// The keys of which one must have signed what a source brings; none where no signature is asked for. Argo CD's `sourceIntegrity` (3.5), and
/// `signatureKeys` before it: the commit that is synced, or the annotated tag by which it is named. Charts are not signed so.
///
/// # Errors
/// What is asked for cannot be told, or not be looked at: nothing is to be taken then.
pub(super) fn signers(project: &Value, source: &Value) -> Result<Option<Vec<String>>, String> {
    let repository = text(source, "/repoURL").unwrap_or_default();
    let is_chart = text(source, "/chart").is_some_and(|chart| !chart.is_empty())
        || repository.starts_with("oci://");
    let legacy = list(project, "/spec/signatureKeys");
    let integrity = at(project, "/spec/sourceIntegrity").filter(|it| !it.is_null());
    let project = name(project);
    match integrity {
        Some(_) if !legacy.is_empty() => Err(format!(
            "the project '{project}' has signatureKeys and sourceIntegrity: remove signatureKeys"
        )),
        Some(integrity) if is_chart => match at(integrity, "/helm") {
            Some(helm) if !helm.is_null() => Err(format!(
                "the project '{project}' asks for signed charts in sourceIntegrity.helm, which are not verified here"
            )),
            _ => Ok(None),
        },
        Some(integrity) => of_policies(list(integrity, "/git/policies"), project, repository),
        None if is_chart || legacy.is_empty() => Ok(None),
        None => {
            let keys = legacy.iter().filter_map(|key| text(key, "/keyID"));
            Ok(Some(keys.map(str::to_owned).collect()))
        }
    }
}

/// What the one policy of `sourceIntegrity.git` says that is for a repository. Several are a mistake that must not let everything pass, as in Argo CD.
fn of_policies(
    policies: &[Value],
    project: &str,
    repository: &str,
) -> Result<Option<Vec<String>>, String> {
    let policies = policies
        .iter()
        .filter(|policy| is_of_policy(policy, repository));
    let policies: Vec<&Value> = policies.collect();
    if policies.len() > 1 {
        return Err(format!(
            "multiple ({}) git source integrity policies found for repo URL: {repository}",
            policies.len()
        ));
    }
    let gpg = policies.first().and_then(|policy| at(policy, "/gpg"));
    let Some(gpg) = gpg.filter(|gpg| !gpg.is_null()) else {
        return Ok(None);
    };
    match text(gpg, "/mode").unwrap_or_default() {
        "none" => Ok(None),
        "head" => {
            let keys = list(gpg, "/keys").iter().filter_map(Value::as_str);
            Ok(Some(keys.map(str::to_owned).collect()))
        }
        mode => Err(format!(
            "the project '{project}' asks for signatures in the mode '{mode}', and only 'head' is verified here: that of the commit or the annotated tag"
        )),
    }
}

/// Whether a policy of `sourceIntegrity` is for a repository: a glob names it, and none that begins with `!` does.
fn is_of_policy(policy: &Value, repository: &str) -> bool {
    let repositories = at(policy, "/repos").and_then(Value::as_array);
    let mut globs = repositories
        .into_iter()
        .flatten()
        .filter_map(|entry| text(entry, "/url"));
    let is_denied = |glob: &str| {
        glob.strip_prefix('!')
            .is_some_and(|glob| matches(glob, repository))
    };
    globs.clone().any(|glob| matches(glob, repository)) && !globs.any(is_denied)
}

fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let listed = at(object, pointer).and_then(Value::as_array);
    listed.map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn signatures_are_asked_for_as_the_project_says() {
        let git = "https://git.example/team/app";
        let check = |spec: Value, source: Value, expected: Result<Option<&[&str]>, &str>| {
            let object = json!({"metadata": {"name": "team"}, "spec": spec});
            let found = signers(&object, &source);
            let expected = expected.map(|keys| {
                keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>())
            });
            assert_eq!(found, expected.map_err(str::to_owned), "{object} {source}");
        };
        let of_git = || json!({"repoURL": git, "path": "."});
        let policy = |url: Value, mode: &str| json!({"repos": url, "gpg": {"mode": mode, "keys": ["A", "B"]}});
        let integrity =
            |policies: Value| json!({"sourceIntegrity": {"git": {"policies": policies}}});
        let all = || json!([{"url": "*"}]);
        let legacy = json!({"signatureKeys": [{"keyID": "A"}]});
        check(json!({}), of_git(), Ok(None));
        check(json!({"signatureKeys": []}), of_git(), Ok(None));
        check(legacy.clone(), of_git(), Ok(Some(&["A"])));
        check(
            legacy,
            json!({"repoURL": "https://charts.example", "chart": "web"}),
            Ok(None),
        );
        check(
            integrity(json!([policy(all(), "head")])),
            of_git(),
            Ok(Some(&["A", "B"])),
        );
        check(
            integrity(json!([policy(all(), "none")])),
            of_git(),
            Ok(None),
        );
        check(
            integrity(json!([policy(
                json!([{"url": "https://other.example/*"}]),
                "head"
            )])),
            of_git(),
            Ok(None),
        );
        let but = json!([{"url": "https://git.example/*"}, {"url": "!https://git.example/team/*"}]);
        check(integrity(json!([policy(but, "head")])), of_git(), Ok(None));
        check(
            integrity(json!([policy(all(), "head"), policy(all(), "none")])),
            of_git(),
            Err(
                "multiple (2) git source integrity policies found for repo URL: https://git.example/team/app",
            ),
        );
        check(
            integrity(json!([policy(all(), "strict")])),
            of_git(),
            Err(
                "the project 'team' asks for signatures in the mode 'strict', and only 'head' is verified here: that of the commit or the annotated tag",
            ),
        );
        check(
            json!({"signatureKeys": [{"keyID": "A"}], "sourceIntegrity": {}}),
            of_git(),
            Err("the project 'team' has signatureKeys and sourceIntegrity: remove signatureKeys"),
        );
        check(
            json!({"sourceIntegrity": {"helm": {"policies": []}}}),
            json!({"repoURL": "oci://registry.example/web"}),
            Err(
                "the project 'team' asks for signed charts in sourceIntegrity.helm, which are not verified here",
            ),
        );
    }
}
