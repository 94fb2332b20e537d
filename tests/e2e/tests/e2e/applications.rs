//! From Git to the cluster with this program alone: the reconciler syncs, the command line asks, looks and waits.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidegate_kit::{Output, git};

use crate::gate::plane;
use crate::tidegate::{Gated, Start, Tidegate, eventually, program};

/// A namespace with its Applications, and the repository that they come from.
struct Place {
    namespace: &'static str,
    repository: tempfile::TempDir,
    _cache: tempfile::TempDir,
    replicas: Vec<Tidegate>,
}

impl Place {
    /// Starts the reconciler for one namespace, which has the project `default`.
    fn new(namespace: &'static str) -> Self {
        Self::with(namespace, 1, "1s")
    }

    /// Starts several replicas, which look for commits so often by themselves.
    fn with(namespace: &'static str, replicas: usize, poll: &str) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let kubeconfig = plane().kubeconfig().display().to_string();
        let start = |replica: usize| {
            let sources = cache.path().join(replica.to_string());
            let sources = sources.display().to_string();
            let arguments = [
                ["--reconcile-kinds", "Application,AtlasMigration"],
                ["--reconcile-namespace", namespace],
                ["--control-namespace", namespace],
                ["--lease-namespace", namespace],
                ["--sources-cache", &sources],
                ["--sources-poll", poll],
                ["--kubeconfig", &kubeconfig],
            ];
            Start {
                arguments: ["--reconcile"]
                    .into_iter()
                    .chain(arguments.into_iter().flatten())
                    .map(str::to_owned)
                    .collect(),
                ..Start::default()
            }
        };
        let project = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default", "namespace": namespace},
            "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        });
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            project,
        ] {
            plane().apply(&object.to_string()).unwrap();
        }
        let place = Self {
            namespace,
            repository: tempfile::tempdir().unwrap(),
            replicas: (0..replicas)
                .map(|replica| Tidegate::start(&start(replica)).unwrap())
                .collect(),
            _cache: cache,
        };
        place.git(&["init", "--quiet", "--initial-branch=main"]);
        place
    }

    /// The first replica.
    fn gate(&self) -> &Tidegate {
        self.replicas.first().unwrap()
    }

    fn url(&self) -> String {
        format!("file://{}", self.repository.path().display())
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(self.repository.path(), arguments).unwrap()
    }

    /// Commits one file; the commit.
    fn commit(&self, file: &str, text: &str) -> String {
        let path = self.repository.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", file]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits a ConfigMap `a` with the value `one`, and has the Application `shop` bring it and whatever is committed later.
    fn bring_shop(&self) {
        self.commit("shop/a.yaml", &config_map("a", "one"));
        let url = self.url();
        let source = ["create", "shop", "--repo", &url, "--path", "shop"];
        let rest = [
            "--dest-namespace",
            self.namespace,
            "--sync-policy",
            "automated",
        ];
        self.says(0, &[&source[..], &rest].concat());
        self.says(0, &["wait", "shop", "--timeout", "60"]);
    }

    /// `tidegate app ...`: its exit code and what it printed.
    fn app(&self, arguments: &[&str]) -> Output {
        let output = Command::new(program().unwrap())
            .arg("app")
            .args(arguments)
            .args(["-n", self.namespace])
            .arg("--kubeconfig")
            .arg(plane().kubeconfig())
            .output()
            .unwrap();
        Output {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed, when its exit code is as expected.
    #[track_caller]
    fn says(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.app(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}\n{}{}",
            output.stdout,
            output.stderr
        );
        output.stdout + &output.stderr
    }

    fn object(&self, object: &str) -> Option<Value> {
        let arguments = ["get", object, "-n", self.namespace, "-o", "json"];
        let output = plane().kubectl(&arguments, "").unwrap();
        serde_json::from_str(&output.stdout).ok()
    }
}

fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: {value}}}\n"
    )
}

fn helm_folder() -> PathBuf {
    let helm = tidegate_kit::bin("helm").unwrap();
    helm.parent().map(Path::to_owned).unwrap()
}

#[test]
fn a_commit_is_synced_changed_rolled_back_and_deleted_from_the_command_line() {
    let place = Place::new("from-git");
    let first = place.commit("shop/a.yaml", &config_map("a", "one"));
    let url = place.url();
    let create = [
        "create",
        "shop",
        "--repo",
        &url,
        "--path",
        "shop",
        "--revision",
        "main",
    ];
    place.says(
        0,
        &[&create[..], &["--dest-namespace", "from-git"]].concat(),
    );
    let again = place.says(2, &create);
    assert!(
        again.contains("existing application spec is different"),
        "{again}"
    );

    let synced = place.says(0, &["sync", "shop", "--timeout", "60"]);
    for words in [
        "Sync Status:        Synced to main",
        "Phase:              Succeeded",
        "configmap/a created",
        &first,
    ] {
        assert!(synced.contains(words), "{words}\n{synced}");
    }
    place.says(0, &["wait", "shop", "--timeout", "60"]);
    let list = place.says(0, &["list"]);
    assert!(
        list.contains("from-git/shop") && list.contains("Manual"),
        "{list}"
    );
    let listed: Value = serde_json::from_str(&place.says(0, &["list", "-o", "json"])).unwrap();
    assert_eq!(listed[0]["status"]["sync"]["revision"], json!(first));

    // A commit is seen when somebody asks; the sync brings it.
    let second = place.commit("shop/a.yaml", &config_map("a", "two"));
    place.commit("shop/b.yaml", &config_map("b", "two"));
    let seen = place.says(0, &["get", "shop", "--refresh"]);
    assert!(seen.contains("OutOfSync from main"), "{seen}");
    let sources = place.repository.path().join(".git/sources-of-the-test");
    let sources = sources.display().to_string();
    let rendered = ["--sources-cache", &sources];
    let differs = place.says(1, &[&["diff", "shop"], &rendered[..]].concat());
    for words in [
        "/ConfigMap from-git/a ======\n3c3\n",
        "<   value: one\n---\n>   value: two",
        "/ConfigMap from-git/b ======\n0a1,",
    ] {
        assert!(differs.contains(words), "{words}\n{differs}");
    }
    let made = place.says(0, &[&["manifests", "shop"], &rendered[..]].concat());
    assert!(made.contains("name: b"), "{made}");
    place.says(0, &["sync", "shop", "--timeout", "60"]);
    place.says(0, &[&["diff", "shop"], &rendered[..]].concat());
    let value = |name: &str| place.object(name).map(|map| map["data"]["value"].clone());
    assert_eq!(value("configmap/a"), Some(json!("two")));
    let history = place.says(0, &["history", "shop", "-o", "id"]);
    assert_eq!(history, "0\n1\n", "{second}");

    // Back to the first deployment, what came since goes.
    place.says(0, &["rollback", "shop", "0", "--prune", "--timeout", "60"]);
    assert_eq!(value("configmap/a"), Some(json!("one")));
    assert_eq!(value("configmap/b"), None);

    // What cannot be applied is a failed sync, and a wish that does not come true a time-out.
    place.commit(
        "shop/broken.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken}\ndata: {value: {a: b}}\n",
    );
    let failed = place.says(1, &["sync", "shop", "--timeout", "60"]);
    assert!(
        failed.contains("operation has completed with phase: Failed"),
        "{failed}"
    );
    let late = place.says(1, &["wait", "shop", "--sync", "--timeout", "1"]);
    assert!(
        late.contains(
            "timed out (1s) waiting for application from-git/shop: sync status is OutOfSync"
        ),
        "{late}"
    );
    let gone = place.says(2, &["get", "nothing"]);
    assert!(
        gone.contains("application from-git/nothing does not exist"),
        "{gone}"
    );

    place.says(0, &["delete", "shop", "--yes", "--wait", "--timeout", "60"]);
    assert_eq!(value("configmap/a"), None);
}

#[test]
fn a_push_is_in_the_cluster_with_nobody_asking() {
    let place = Place::new("pushed");
    place.bring_shop();
    // The next look of its own would be two minutes away.
    place.commit("shop/a.yaml", &config_map("a", "two"));
    eventually("the commit to be synced", || {
        let map = place.object("configmap/a");
        Ok(map.filter(|map| map["data"]["value"] == "two"))
    })
    .unwrap();
    place.says(0, &["delete", "shop", "--yes", "--wait", "--timeout", "60"]);
}

#[test]
fn a_source_that_cannot_be_rendered_says_so_in_the_application() {
    let place = Place::new("unrendered");
    place.commit(
        "shop/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n",
    );
    let url = place.url();
    place.says(
        0,
        &[
            "create",
            "shop",
            "--repo",
            &url,
            "--path",
            "shop",
            "--dest-namespace",
            "unrendered",
        ],
    );
    let seen = place.says(0, &["get", "shop", "--refresh"]);
    assert!(
        seen.contains("ComparisonError") && seen.contains("shop/a.yaml, line "),
        "{seen}"
    );
    place.says(0, &["set", "shop", "--path", "nowhere"]);
    let seen = place.says(0, &["get", "shop", "--refresh"]);
    assert!(seen.contains("nowhere: app path does not exist"), "{seen}");
    // Nothing was applied, so nothing is left behind.
    place.says(
        0,
        &[
            "delete",
            "shop",
            "--yes",
            "--cascade=false",
            "--wait",
            "--timeout",
            "60",
        ],
    );
}

/// What starts too early where an Application brings it, and what does not.
fn set(wave_of_the_secret: i32) -> String {
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: url, annotations: {{argocd.argoproj.io/sync-wave: \"{wave_of_the_secret}\"}}}}\n"
    );
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web, envFrom: [{secretRef: {name: url}}]}]}\n";
    format!("{secret}---\n{pod}")
}

#[test]
fn an_application_is_admitted_with_its_plan_where_that_is_known() {
    let place = Place::new("planned");
    place.commit("good/set.yaml", &set(-1));
    place.commit("bad/set.yaml", &set(1));
    let gate = Gated::new(
        plane(),
        "planned",
        &place.gate().webhook,
        &place.gate().ca_bundle().unwrap(),
        "Fail",
    )
    .unwrap();
    let application = |name: &str, path: &str, extra: Value| {
        let mut spec = json!({
            "project": "default", "source": {"repoURL": place.url(), "path": path, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "planned"},
        });
        spec.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name, "namespace": "planned"}, "spec": spec,
        })
        .to_string()
    };
    let compared = |name: &str, path: &str| {
        eventually("the Application to be compared", || {
            let seen = place.object(&format!("application/{name}"));
            Ok(seen.filter(|seen| {
                let sync = &seen["status"]["sync"];
                sync["comparedTo"]["source"]["path"] == path && sync["revision"].is_string()
            }))
        })
        .unwrap();
    };
    let unknown = "what its sources make is not known yet";

    // Nobody has looked at the repository: nothing is held up, and whoever applies is told.
    let said = gate.accepts(&application("shop", "bad", json!({})));
    assert!(said.stderr.contains(unknown), "{}", said.stderr);
    compared("shop", "bad");
    // Its plan had the same fault before, so that another change of it goes through, with a warning.
    let more = json!({"revisionHistoryLimit": 5});
    let said = gate.accepts(&application("shop", "bad", more.clone()));
    assert!(
        said.stderr.contains("wave-order/reference-in-later-wave")
            && !said.stderr.contains(unknown),
        "{}",
        said.stderr
    );
    let said = gate.accepts(&application("shop", "good", more.clone()));
    assert!(said.stderr.contains(unknown), "{}", said.stderr);
    compared("shop", "good");
    // What would be worse than what is there is refused before it is stored.
    let said = gate.rejects(
        &application("shop", "bad", more),
        "wave-order/reference-in-later-wave",
        "url",
    );
    assert!(said.stderr.contains("Pod"), "{}", said.stderr);
    let said = gate.accepts(&application("shop", "good", json!({})));
    assert!(!said.stderr.contains("tidegate/"), "{}", said.stderr);
}

#[test]
fn manifests_need_no_cluster() {
    let repository = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = repository.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    );
    write(
        "web/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {kube: {{ .Capabilities.KubeVersion.Version }}}\n",
    );
    write(
        "app.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec:\n  destination: {namespace: shop}\n  source: {repoURL: 'https://host.example/repo', path: web}\n",
    );
    let cache = tempfile::tempdir().unwrap();
    let mut path = vec![helm_folder()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let output = Command::new(program().unwrap())
        .args(["app", "manifests", "-f"])
        .arg(repository.path().join("app.yaml"))
        .arg(format!(
            "--repo-override=https://host.example/repo={}",
            repository.path().display()
        ))
        .args(["--kube-version", "1.30.1", "-o", "json", "--sources-cache"])
        .arg(cache.path())
        .env("PATH", std::env::join_paths(path).unwrap())
        .output()
        .unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(printed["manifests"][0]["metadata"]["name"], "shop");
    assert_eq!(printed["manifests"][0]["data"]["kube"], "v1.30.1");
    assert_eq!(printed["sourceTypes"], json!(["Helm"]));
}

#[test]
fn migrations_come_from_a_branch_and_say_what_is_wrong_with_it() {
    let place = Place::new("migrated");
    let folder = place.repository.path().join("db");
    let commit = |file: &str, text: &str| {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
        let sealed = Command::new(program().unwrap())
            .args(["migrate", "hash", "--dir"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(sealed.status.success(), "{sealed:?}");
        place.git(&["add", "--all"]);
        place.git(&["commit", "--quiet", "--message", file]);
    };
    commit("1_users.sql", "CREATE TABLE users (id int);\n");
    let databases = tempfile::tempdir().unwrap();
    let database = databases.path().join("app.db");
    let wants = |name: &str| {
        let object = json!({
            "apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasMigration", "metadata": {"name": "app", "namespace": "migrated"},
            "spec": {"url": format!("sqlite://{}", database.display()), "dir": {"remote": {"name": name, "tag": "main"}}},
        });
        plane().apply(&object.to_string()).unwrap();
    };
    let says = |pointer: &str, expected: &str| {
        eventually(expected, || {
            // What was pushed is found by a look; the next one of its own would be a minute away.
            let now = format!("looked={:?}", std::time::Instant::now())
                .replace([' ', '{', '}', ':', ','], "");
            let arguments = [
                "annotate",
                "--overwrite",
                "atlasmigration/app",
                "-n",
                "migrated",
                &now,
            ];
            plane().kubectl(&arguments, "")?.ok()?;
            let object = place.object("atlasmigration/app").unwrap_or_default();
            let found = object.pointer(pointer).and_then(Value::as_str);
            Ok(found
                .filter(|found| found.contains(expected))
                .map(str::to_owned))
        })
        .unwrap()
    };
    let name = format!("git::{}//db", place.url());
    wants(&name);
    says("/status/lastAppliedVersion", "1");
    commit("2_orders.sql", "CREATE TABLE orders (id int);\n");
    says("/status/lastAppliedVersion", "2");

    let ready = "/status/conditions/0/message";
    wants(&format!("git::{}//nowhere", place.url()));
    says(ready, "spec.dir.remote: nowhere: app path does not exist");
    wants("shop");
    says(ready, "write git::ADDRESS//FOLDER");
    wants(&name);
    says("/status/conditions/0/status", "True");
}

#[test]
fn a_project_that_asks_for_more_than_is_there_has_nothing_synced() {
    let place = Place::new("unsigned");
    let asks = |spec: Value, settings: Value| {
        let project = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default", "namespace": "unsigned"},
            "spec": spec,
        });
        let arguments = [
            "patch",
            "appproject",
            "default",
            "-n",
            "unsigned",
            "--type=merge",
            "-p",
        ];
        let patched = plane().kubectl(&[&arguments[..], &[&project.to_string()]].concat(), "");
        assert!(patched.unwrap().success());
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "unsigned"},
            "data": settings,
        });
        plane().apply(&map.to_string()).unwrap();
    };
    let seen = || place.says(0, &["get", "shop", "--refresh"]);
    let is_there = || place.object("configmap/a").is_some();
    place.commit("shop/a.yaml", &config_map("a", "one"));
    let commit = place.git(&["rev-parse", "HEAD"]);
    asks(
        json!({"signatureKeys": [{"keyID": "4AEE18F83AFDEB23"}]}),
        json!({}),
    );
    let url = place.url();
    let source = ["create", "shop", "--repo", &url, "--path", "shop"];
    let rest = ["--dest-namespace", "unsigned", "--sync-policy", "automated"];
    place.says(0, &[&source[..], &rest].concat());
    let unsigned = format!("commit {commit} is not to be trusted: it is not signed");
    eventually("an unsigned commit to be refused", || {
        Ok(seen().contains(&unsigned).then_some(()))
    })
    .unwrap();
    assert!(!is_there());

    asks(
        json!({"signatureKeys": null}),
        json!({"application.sync.impersonation.enabled": "true"}),
    );
    eventually("rights that nobody gave to be refused", || {
        let asks = "application.sync.impersonation.enabled of argocd-cm asks";
        Ok(seen().contains(asks).then_some(()))
    })
    .unwrap();
    assert!(!is_there());

    asks(
        json!({}),
        json!({"application.sync.impersonation.enabled": "false"}),
    );
    eventually("the sync", || {
        seen();
        Ok(is_there().then_some(()))
    })
    .unwrap();
}

#[test]
fn replicas_share_the_applications_and_go_on_when_one_is_killed() {
    let mut place = Place::with("two-replicas", 2, "1s");
    let names: Vec<String> = (0..6).map(|n| format!("app-{n}")).collect();
    for name in &names {
        place.commit(&format!("{name}/a.yaml"), &config_map(name, "one"));
    }
    let url = place.url();
    for name in &names {
        let create = ["create", name, "--repo", &url, "--path", name];
        let rest = [
            "--dest-namespace",
            "two-replicas",
            "--sync-policy",
            "automated",
        ];
        place.says(0, &[&create[..], &rest].concat());
    }
    let wait = |place: &Place| {
        let names = names.iter().map(String::as_str);
        let wait: Vec<&str> = ["wait"].into_iter().chain(names).collect();
        place.says(0, &[&wait[..], &["--timeout", "60"]].concat());
    };
    wait(&place);
    let leases = || {
        let arguments = ["get", "leases", "-n", "two-replicas", "-o", "name"];
        let leases = plane().kubectl(&arguments, "").unwrap().stdout;
        leases.lines().count()
    };
    assert_eq!(leases(), 2);

    // `kill -9`, while there is something to do.
    for name in &names {
        place.commit(&format!("{name}/a.yaml"), &config_map(name, "two"));
    }
    drop(place.replicas.pop());
    for name in &names {
        eventually(&format!("{name} to be taken over"), || {
            let map = place.object(&format!("configmap/{name}"));
            Ok(map.filter(|map| map["data"]["value"] == "two").map(drop))
        })
        .unwrap();
    }
    wait(&place);
    assert_eq!(leases(), 1);
}

#[test]
fn a_push_is_in_the_cluster_without_being_looked_for() {
    let place = Place::with("told-of-a-push", 1, "1h");
    place.bring_shop();
    let push = |token: &str| {
        let tidegate = place.gate();
        let ca = tidegate.folder.path().join("ca/ca.crt");
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(ca)
            .args(["-H", "X-Gitlab-Event: Push Hook", "-H", &format!("X-Gitlab-Token: {token}")])
            .args(["--data", &json!({"ref": "refs/heads/main", "project": {"web_url": place.url(), "default_branch": "main"}}).to_string()])
            .arg(format!("https://{}/api/webhook", tidegate.webhook))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(push("hunter2").starts_with("there is no secret for events of GitLab"));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "argocd-secret", "namespace": place.namespace},
        "stringData": {"webhook.gitlab.secret": "hunter2"},
    });
    plane().apply(&secret.to_string()).unwrap();
    assert!(push("other").starts_with("the event is not signed"));
    place.commit("shop/a.yaml", &config_map("a", "two"));
    assert_eq!(push("hunter2"), "applications refreshed: 1\n");
    eventually("the commit to be synced", || {
        let map = place.object("configmap/a");
        Ok(map.filter(|map| map["data"]["value"] == "two").map(drop))
    })
    .unwrap();
}
