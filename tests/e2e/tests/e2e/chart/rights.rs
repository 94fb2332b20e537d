//! What the accounts of the chart may do, asked of the API server.

use serde_json::json;

use super::{CHART, Cluster, NAMESPACE, checkout};
use crate::tidegate::eventually;

/// Reconciler namespaces, `+apps` with Applications whose control plane is in `stock`; account; verb; resource; namespace; whether it may.
const RIGHTS: &str = "
shop        reconciler  watch  atlasschemas.db.atlasgo.io         shop     yes
shop        reconciler  patch  atlasschemas.db.atlasgo.io/status  shop     yes
shop        reconciler  patch  atlasschemas.db.atlasgo.io         shop     no
shop        reconciler  watch  atlasmigrations.db.atlasgo.io      shop     yes
shop        reconciler  patch  atlasmigrations.db.atlasgo.io/status shop   yes
shop        reconciler  patch  atlasmigrations.db.atlasgo.io      shop     no
shop        reconciler  watch  atlasdriftchecks.db.atlasgo.io     shop     yes
shop        reconciler  patch  atlasdriftchecks.db.atlasgo.io/status shop  yes
shop        reconciler  patch  atlasdriftchecks.db.atlasgo.io     shop     no
shop        reconciler  create events.events.k8s.io               shop     yes
shop        reconciler  create events.events.k8s.io               stock    no
shop        reconciler  get    secrets                            shop     yes
shop        reconciler  get    configmaps                         shop     yes
shop        reconciler  watch  secrets                            shop     yes
shop        reconciler  watch  configmaps                         shop     yes
shop        reconciler  patch  secrets                            shop     no
shop        reconciler  watch  secrets                            stock    no
shop        reconciler  watch  atlasschemas.db.atlasgo.io         stock    no
shop        reconciler  get    secrets                            stock    no
shop        reconciler  get    secrets                            gate     no
shop        reconciler  patch  leases.coordination.k8s.io         gate     yes
shop        reconciler  patch  leases.coordination.k8s.io         shop     no
shop        webhook     list   atlasschemas.db.atlasgo.io         shop     no
shop        webhook     get    secrets                            gate     no
shop,stock  reconciler  watch  atlasschemas.db.atlasgo.io         stock    yes
shop,stock  reconciler  watch  atlasschemas.db.atlasgo.io         default  no
shop,stock  reconciler  get    secrets                            shop     yes
shop,stock  reconciler  get    secrets                            stock    yes
shop,stock  reconciler  get    secrets                            default  no
none        reconciler  patch  atlasschemas.db.atlasgo.io/status  stock    yes
none        reconciler  get    secrets                            shop     no
none        reconciler  patch  applications.argoproj.io           shop     no
shop+apps   reconciler  watch  applications.argoproj.io           shop     yes
shop+apps   reconciler  patch  applications.argoproj.io           shop     yes
shop+apps   reconciler  list   appprojects.argoproj.io            stock    yes
shop+apps   reconciler  list   secrets                            stock    yes
shop+apps   reconciler  patch  configmaps                         default  yes
shop+apps   reconciler  patch  deployments.apps                   default  no
shop+apps   webhook     get    applications.argoproj.io           shop     no
";

#[test]
fn rights_are_what_is_needed_and_no_more() {
    let cluster = Cluster::start();
    cluster.install(&["crds.keep=false"]);
    let mut installed = "";
    for line in RIGHTS.trim().lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [namespaces, account, verb, resource, namespace, expected] = columns[..] else {
            panic!("not six columns: {line}")
        };
        if namespaces != installed {
            let (names, applications) = match namespaces.strip_suffix("+apps") {
                Some(names) => (names, true),
                None => (namespaces, false),
            };
            let list: Vec<&str> = names.split(',').filter(|name| *name != "none").collect();
            let set = format!(
                "reconciler={}",
                json!({"enabled": true, "namespaces": list, "applications": {
                    "enabled": applications,
                    "controlNamespace": "stock",
                    "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}],
                }})
            );
            let chart = checkout(CHART);
            cluster.helm_ok(&[
                "upgrade",
                "gate",
                &chart,
                "-n",
                NAMESPACE,
                "--set-json",
                &set,
            ]);
            installed = namespaces;
        }
        let account = match account {
            "webhook" => format!("system:serviceaccount:{NAMESPACE}:gate-tidegate"),
            other => format!("system:serviceaccount:{NAMESPACE}:gate-tidegate-{other}"),
        };
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let mut question = vec![
            "auth", "can-i", verb, resource, "--as", &account, "-n", namespace,
        ];
        question.extend(["--subresource", sub]);
        // The authorizer learns of roles by a watch of its own.
        eventually(line, || {
            let answer = cluster.plane.kubectl(&question, "")?;
            Ok((answer.success() == (expected == "yes")).then_some(()))
        })
        .unwrap();
    }
}
