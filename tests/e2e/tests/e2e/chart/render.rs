//! What helm makes of values, without a cluster.

use anyhow::Result;

use super::{CHART, NAMESPACE, checkout, helm};

#[test]
fn helm_finds_no_fault() {
    helm(&["lint", "--strict", &checkout(CHART)]).unwrap();
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    for (set, expected) in [
        ("replica=1", "additional properties 'replica' not allowed"),
        ("replicas=two", "at '/replicas'"),
        ("image.tga=1", "additional properties 'tga' not allowed"),
        (
            "tls.mode=self",
            "at '/tls/mode': value must be one of 'helm', 'certManager', 'secret'",
        ),
        (
            "tls.mode=secret",
            "tls.secret.name is needed in mode secret",
        ),
        (
            "tls.mode=secret,tls.secret.name=own",
            "tls.secret.caBundle is needed in mode secret",
        ),
        (
            "webhooks.validate.timeoutSeconds=31",
            "at '/webhooks/validate/timeoutSeconds': maximum",
        ),
        (
            "webhooks.validate.failurePolicy=Deny",
            "at '/webhooks/validate/failurePolicy'",
        ),
        ("policies.policies[0].name=a", "at '/policies/policies/0'"),
        (
            "policies.policies[0].name=a,policies.policies[0].file=b,policies.policies[0].rules.c=block",
            "at '/policies/policies/0/rules/c'",
        ),
        (
            "policies.polices[0].name=a",
            "additional properties 'polices' not allowed",
        ),
        (
            "reconciler.namespaces={Shop}",
            "at '/reconciler/namespaces/0'",
        ),
        ("crds.groups={example.com}", "at '/crds/groups/0'"),
        (
            "reconciler.applications.submodules=all",
            "at '/reconciler/applications/submodules'",
        ),
        (
            "reconciler.applications.plugins[0].kind=Plugin",
            "at '/reconciler/applications/plugins/0",
        ),
        (
            "serviceAccount.create=false",
            "serviceAccount.name is needed",
        ),
    ] {
        let error = render(&[set]).expect_err(set).to_string();
        assert!(
            error.contains(expected),
            "{set} should be refused with {expected}: {error}"
        );
    }
}

/// The values repeat policies/policies.yaml, with the paths of the image.
#[test]
fn the_default_policies_are_those_that_come_with_tidegate() {
    let shipped = std::fs::read_to_string(checkout("policies/policies.yaml")).unwrap();
    let indented = shipped
        .replace("file: ", "file: /policies/")
        .replace('\n', "\n  ");
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values.yaml");
    std::fs::write(&values, format!("policies:\n  {indented}")).unwrap();
    let rendered = |values: &[&str]| {
        let arguments = [
            "template",
            "gate",
            &checkout(CHART),
            "--show-only",
            "templates/policies.yaml",
        ];
        helm(&[&arguments[..], values].concat()).unwrap()
    };
    assert_eq!(
        rendered(&[]),
        rendered(&["--values", &values.display().to_string()])
    );
    assert!(rendered(&[]).contains("file: /policies/unsafe-sql.wasm"));
}

/// With cert-manager the chart carries no secret of its own, and its authority comes from where it signs.
#[test]
fn cert_manager_makes_the_certificate_and_writes_the_bundle() {
    for (set, expected) in [
        (
            "tls.mode=certManager",
            vec![
                "kind: Issuer",
                "isCA: true",
                "name: gate-tidegate-self-signed",
            ],
        ),
        (
            "tls.mode=certManager,tls.certManager.issuerRef.name=ours,tls.certManager.issuerRef.kind=ClusterIssuer",
            vec!["name: ours", "kind: ClusterIssuer"],
        ),
    ] {
        let text = render(&[set]).unwrap();
        let both = [
            "cert-manager.io/inject-ca-from: gate/gate-tidegate",
            "dnsNames: [\"gate-tidegate.gate.svc\"]",
            "--tls-cert=",
            "secretName: gate-tidegate-tls",
        ];
        for part in expected.iter().chain(&both) {
            assert!(text.contains(part), "{set}: {part} is missing in {text}");
        }
        for part in ["caBundle:", "kind: Secret", "--ca-folder"] {
            assert!(
                !text.contains(part),
                "{set}: {part} should not be in {text}"
            );
        }
    }
}

/// The reconciler is called only where it brings Applications, under a name that its certificate has, and never in the way.
#[test]
fn applications_are_admitted_with_what_they_bring() {
    let applications = "reconciler.enabled=true,reconciler.applications.enabled=true";
    let text = render(&[applications]).unwrap();
    let name = "gate-tidegate-reconciler";
    for part in [
        &format!("--tls-name={name}.gate.svc"),
        "path: /validate/plan",
        "failurePolicy: Ignore",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    for sets in [
        "reconciler.enabled=true",
        "reconciler.applications.enabled=true",
        &format!("{applications},reconciler.applications.plans.enabled=false"),
        &format!("{applications},webhooks.enabled=false"),
    ] {
        let text = render(&[sets]).unwrap();
        assert!(!text.contains("plan.tidegate.dev"), "{sets}: {text}");
        assert!(
            !text.contains(&format!("--tls-name={name}")),
            "{sets}: {text}"
        );
    }
}

/// The reconciler gets the operator's plugins as a file, and starts anew when they change.
#[test]
fn plugins_are_declared_to_the_reconciler() {
    let plugin = "reconciler.applications.plugins[0]";
    let declared = format!(
        "reconciler.enabled=true,reconciler.applications.enabled=true,reconciler.applications.submodules=remote,\
         {plugin}.kind=ConfigManagementPlugin,{plugin}.metadata.name=envsubst,{plugin}.spec.generate.command={{cat}}"
    );
    let text = render(&[&declared]).unwrap();
    for part in [
        "  plugins.yaml: |\n    ---\n    kind: ConfigManagementPlugin",
        "--plugins=/etc/tidegate/plugins.yaml",
        "--submodules=remote",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part} in {text}");
    }
    let sum = |text: &str| {
        let line = text.lines().find(|line| line.contains("checksum/plugins:"));
        line.map(str::to_owned)
    };
    assert!(sum(&text).is_some(), "{text}");
    let changed = render(&[&declared.replace("{cat}", "{tac}")]).unwrap();
    assert_ne!(sum(&text), sum(&changed));
}

fn render(sets: &[&str]) -> Result<String> {
    let sets = sets.join(",");
    helm(&[
        "template",
        "gate",
        &checkout(CHART),
        "-n",
        NAMESPACE,
        "--set",
        "crds.install=false",
        "--set",
        &sets,
    ])
}
