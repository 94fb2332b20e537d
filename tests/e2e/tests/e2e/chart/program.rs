//! The real program behind what the chart registered, with the certificate authority that the chart made.
//!
//! A pod would be called by the Service's name; there is no network of pods here, so the registration is pointed at a port of this machine and nothing
//! else of it is changed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{Cluster, NAMESPACE};
use crate::tidegate::{Start, Tidegate, atlas_schema, eventually};

#[test]
fn the_api_server_trusts_the_program_by_the_charts_authority() {
    let cluster = Cluster::start();
    cluster.install(&["webhooks.validate.timeoutSeconds=30"]);
    let folder = tempfile::tempdir().unwrap();
    let secret = cluster.get("secret", "gate-tidegate-ca");
    for file in ["ca.crt", "ca.key"] {
        let text = BASE64_STANDARD
            .decode(secret["data"][file].as_str().unwrap())
            .unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let folder = folder.path().display().to_string();
    let arguments = ["--ca-folder", &folder, "--tls-name", "127.0.0.1"]
        .map(String::from)
        .to_vec();
    let tidegate = Tidegate::start(&Start {
        arguments,
        ..Start::default()
    })
    .unwrap();
    let here = json!([
        {"op": "remove", "path": "/webhooks/0/clientConfig/service"},
        {"op": "add", "path": "/webhooks/0/clientConfig/url", "value": format!("https://{}/validate", tidegate.webhook)},
    ]);
    let registration = [
        "patch",
        "validatingwebhookconfiguration",
        "gate-tidegate",
        "--type=json",
        "-p",
    ];
    cluster.kubectl_ok(&[&registration[..], &[&here.to_string()]].concat(), "");

    let create = |namespace: &str, sql: &str| {
        let create = ["create", "--dry-run=server", "-n", namespace, "-f", "-"];
        cluster
            .plane
            .kubectl(&create, &atlas_schema("shop", "sqlite://shop.db", sql))
            .unwrap()
    };
    let denied = "[unsafe-sql/drop-table]";
    eventually("the denial", || {
        Ok(create("shop", "DROP TABLE t;")
            .stderr
            .contains(denied)
            .then_some(()))
    })
    .unwrap();
    let allowed = create("shop", "CREATE TABLE t (id integer PRIMARY KEY);");
    assert!(allowed.success(), "{}", allowed.stderr);
    let exempt = create(NAMESPACE, "DROP TABLE t;");
    assert!(exempt.success(), "{}", exempt.stderr);
}
