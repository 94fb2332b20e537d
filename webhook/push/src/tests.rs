//! Tables: who is believed, what events say, whom they concern.

use hmac::Mac as _;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "s3cret";

fn secrets() -> Secrets {
    let keys = [
        "github.secret",
        "gitlab.secret",
        "gogs.secret",
        "bitbucket.uuid",
        "bitbucketserver.secret",
        "azuredevops.password",
    ];
    let pairs = keys.map(|key| (format!("webhook.{key}"), SECRET.to_owned()));
    let user = ("webhook.azuredevops.username".to_owned(), "ann".to_owned());
    Secrets(pairs.into_iter().chain([user]).collect())
}

fn signature(body: &str) -> String {
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Headers: `name: value` lines; `SIGNATURE` is that of the body.
fn ask(headers: &str, body: &str, secrets: &Secrets) -> Result<Received, Refused> {
    let headers = headers
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let headers = headers.map(|(name, value)| {
        (
            name.to_owned(),
            value.replace("SIGNATURE", &signature(body)),
        )
    });
    let headers = headers.collect();
    let request = Request {
        headers: &headers,
        body: body.as_bytes(),
    };
    read(&request, secrets)
}

#[test]
fn only_who_knows_the_secret_is_believed() {
    let body = r#"{"repository": {"html_url": "https://git.example/a/b"}}"#;
    let signed = [
        "x-github-event: ping\nx-hub-signature-256: sha256=SIGNATURE",
        "x-gitlab-event: ping\nx-gitlab-token: s3cret",
        "x-gitea-event: ping\nx-gitea-signature: SIGNATURE",
        "x-gogs-event: ping\nx-github-event: ping\nx-gogs-signature: SIGNATURE",
        "x-event-key: ping\nx-hook-uuid: {s3cret}",
        "x-event-key: ping\nx-hub-signature: sha256=SIGNATURE",
        "x-vss-activityid: 1\nauthorization: Basic YW5uOnMzY3JldA==",
    ];
    for headers in signed {
        let answer = ask(headers, body, &secrets());
        assert!(
            matches!(answer, Ok(Received::Other(_))),
            "{headers}: {answer:?}"
        );
        let answer = ask(headers, body, &Secrets::default());
        assert!(
            matches!(answer, Err(Refused::NoSecret { .. })),
            "{headers}: {answer:?}"
        );
        let empty = Secrets(
            secrets()
                .0
                .into_keys()
                .map(|key| (key, String::new()))
                .collect(),
        );
        let answer = ask(headers, body, &empty);
        assert!(
            matches!(answer, Err(Refused::NoSecret { .. })),
            "{headers}: {answer:?}"
        );
        let others = Secrets(
            secrets()
                .0
                .into_keys()
                .map(|key| (key, "other".to_owned()))
                .collect(),
        );
        let answer = ask(headers, body, &others);
        assert!(
            matches!(answer, Err(Refused::NotSigned { .. })),
            "{headers}: {answer:?}"
        );
        let (first, _) = headers.split_once('\n').unwrap();
        let unsigned = if headers.contains("uuid") {
            "x-hook-uuid: {}"
        } else {
            first
        };
        let answer = ask(unsigned, body, &secrets());
        assert!(
            matches!(answer, Err(Refused::NotSigned { .. })),
            "{headers}: {answer:?}"
        );
    }
    for headers in [
        // SHA-1 is not enough, nor is a signature that is none.
        "x-github-event: push\nx-hub-signature: sha1=00",
        "x-github-event: push\nx-hub-signature-256: SIGNATURE",
        "x-github-event: push\nx-hub-signature-256: sha256=",
        "x-github-event: push\nx-hub-signature-256: sha256=zz",
    ] {
        let answer = ask(headers, body, &secrets());
        assert!(
            matches!(answer, Err(Refused::NotSigned { .. })),
            "{headers}: {answer:?}"
        );
    }
    assert_eq!(ask("accept: */*", body, &secrets()), Err(Refused::Unknown));
    let message = Refused::NoSecret {
        sender: Sender::Gitea,
        key: "webhook.gogs.secret",
    };
    assert_eq!(
        message.to_string(),
        "there is no secret for events of Gitea: set webhook.gogs.secret in the Secret argocd-secret, and the same at the server"
    );
    assert_eq!(format!("{:?}", secrets()), "Secrets");
}

#[test]
fn events_say_what_was_pushed() {
    let check = |headers: &str, body: &Value, expected: &str| {
        let body = body.to_string();
        let shown = match ask(headers, &body, &secrets()) {
            Ok(Received::Push(push)) => format!(
                "{} {} {} [{}]",
                push.repositories.join(" "),
                push.revision.as_deref().unwrap_or("-"),
                push.is_default,
                push.files.join(" ")
            ),
            Ok(Received::Other(event)) => format!("other {event}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{body}");
    };
    let github = "x-github-event: push\nx-hub-signature-256: sha256=SIGNATURE";
    let repository = json!({"html_url": "https://github.com/a/b", "default_branch": "main"});
    let commits = json!([{"added": ["x/a"], "modified": ["b"]}, {"removed": ["c"]}]);
    check(
        github,
        &json!({"ref": "refs/heads/main", "repository": repository, "commits": commits}),
        "https://github.com/a/b main true [x/a b c]",
    );
    check(
        github,
        &json!({"ref": "refs/tags/v1", "repository": repository}),
        "https://github.com/a/b v1 false []",
    );
    check(
        github,
        &json!({"ref": "refs/heads/main", "forced": true, "repository": repository, "commits": commits}),
        "https://github.com/a/b main true []",
    );
    check(
        github,
        &json!({"ref": "refs/heads/main"}),
        "the event of GitHub cannot be read: it names no repository",
    );
    check(&github.replace("push", "ping"), &json!({}), "other ping");
    let gitea = "x-gitea-event: push\nx-github-event: push\nx-gitea-signature: SIGNATURE";
    check(
        gitea,
        &json!({"ref": "refs/heads/dev", "repository": {"html_url": "https://gitea/a/b", "ssh_url": "git@gitea:a/b.git", "default_branch": "main"}}),
        "https://gitea/a/b git@gitea:a/b.git dev false []",
    );
    let gitlab = "x-gitlab-event: Push Hook\nx-gitlab-token: s3cret";
    let project = json!({"web_url": "https://gitlab.com/a/b", "default_branch": "main"});
    check(
        gitlab,
        &json!({"object_kind": "push", "ref": "refs/heads/main", "project": project, "total_commits_count": 2, "commits": commits}),
        "https://gitlab.com/a/b main true [x/a b c]",
    );
    check(
        gitlab,
        &json!({"object_kind": "push", "ref": "refs/heads/main", "project": project, "total_commits_count": 40, "commits": commits}),
        "https://gitlab.com/a/b main true []",
    );
    check(
        "x-gitlab-event: Issue Hook\nx-gitlab-token: s3cret",
        &json!({}),
        "other Issue Hook",
    );
    check(
        "x-event-key: repo:push\nx-hook-uuid: s3cret",
        &json!({"repository": {"links": {"html": {"href": "https://bitbucket.org/a/b"}}}, "push": {"changes": [{"new": {"name": "main"}}]}}),
        "https://bitbucket.org/a/b main true []",
    );
    check(
        "x-event-key: repo:refs_changed\nx-hub-signature: sha256=SIGNATURE",
        &json!({"repository": {"links": {"clone": [{"href": "https://b/scm/a/b.git"}, {"href": "ssh://git@b:7999/a/b.git"}]}},
            "changes": [{"ref": {"id": "refs/heads/main"}}]}),
        "https://b/scm/a/b.git ssh://git@b:7999/a/b.git main true []",
    );
    check(
        "x-vss-activityid: 1\nauthorization: Basic YW5uOnMzY3JldA==",
        &json!({"eventType": "git.push", "resource": {"refUpdates": [{"name": "refs/heads/dev"}],
            "repository": {"remoteUrl": "https://dev.azure.com/o/p/_git/r", "defaultBranch": "refs/heads/main"}}}),
        "https://dev.azure.com/o/p/_git/r dev false []",
    );
    let broken = ask(github, "{", &secrets()).map_err(|error| error.to_string());
    assert_eq!(
        broken,
        Err("the event of GitHub cannot be read: its body is no JSON".to_owned())
    );
}

#[test]
fn a_push_concerns_who_renders_what_moved() {
    let check = |repository: &str,
                 revision: &str,
                 is_default: bool,
                 files: &[&str],
                 source: &Value,
                 paths: &str,
                 expected: bool| {
        let push = Push {
            repositories: vec![repository.to_owned()],
            revision: Some(revision.to_owned()),
            is_default,
            files: files.iter().map(ToString::to_string).collect(),
        };
        let application = json!({"metadata": {"annotations": {"argocd.argoproj.io/manifest-generate-paths": paths}}, "spec": {"source": source}});
        assert_eq!(
            push.concerns(&application),
            expected,
            "{repository} {revision} {source} {paths}"
        );
    };
    let of = |url: &str, revision: &str| json!({"repoURL": url, "targetRevision": revision, "path": "apps/web"});
    let page = "https://github.com/a/b";
    for url in [
        "https://github.com/a/b",
        "https://github.com/A/B.git",
        "http://user@github.com/a/b/",
        "git@github.com:a/b.git",
        "ssh://git@github.com/a/b",
        "ssh://git@github.com:22/a/b.git",
    ] {
        check(page, "main", true, &[], &of(url, "main"), "", true);
    }
    for url in [
        "https://github.com/a/bc",
        "https://github.com/a",
        "https://example.com/a/b",
        "git@github.com:x/a/b.git",
        "",
    ] {
        check(page, "main", true, &[], &of(url, "main"), "", false);
    }
    for (target, pushed, is_default, expected) in [
        ("main", "main", false, true),
        ("refs/heads/main", "main", false, true),
        ("main", "dev", true, false),
        ("HEAD", "main", true, true),
        ("", "dev", false, false),
        ("v1.2.3", "v1.2.3", false, true),
        ("1.2.*", "1.2.7", false, true),
        ("^1.0", "v1.9.0", false, true),
        (">= 1.0 < 2", "v1.9.0", false, true),
    ] {
        check(
            page,
            pushed,
            is_default,
            &[],
            &of(page, target),
            "",
            expected,
        );
    }
    for (paths, files, expected) in [
        (".", &["apps/web/a.yaml"][..], true),
        (".", &["apps/other/a.yaml"], false),
        (".", &["apps/website/a.yaml"], false),
        (".;../shared", &["apps/shared/a.yaml"], true),
        ("/shared", &["shared/a.yaml"], true),
        ("/shared", &["apps/web/a.yaml"], false),
        ("/", &["x"], true),
        ("/shared", &[], true),
        ("/*.yaml", &["a.yaml"], true),
    ] {
        check(
            page,
            "main",
            true,
            files,
            &of(page, "main"),
            paths,
            expected,
        );
    }
    // One source of several is enough.
    let several = json!({"spec": {"sources": [of("https://github.com/x/y", ""), of(page, "")]}});
    let push = Push {
        repositories: vec![page.to_owned()],
        revision: Some("main".to_owned()),
        is_default: true,
        files: vec![],
    };
    assert!(push.concerns(&several));
}
