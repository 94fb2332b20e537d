//! Operators' kinds: what Argo CD's own scripts say of such objects.

use super::kinds::check;
use super::{all, shown, yaml};
use crate::Customizations;

#[test]
fn objects_of_other_operators() {
    check(
        "apiVersion: cert-manager.io/v1, kind: Certificate",
        &[
            ("spec: {}", "Progressing: Waiting for certificate"),
            (
                "status: {conditions: [{type: Ready, status: \"True\", message: up to date}]}",
                "Healthy: up to date",
            ),
            (
                "status: {conditions: [{type: Ready, status: \"False\", message: expired}]}",
                "Degraded: expired",
            ),
            (
                "status: {conditions: [{type: Ready, status: \"False\", message: expired}, {type: Issuing, status: \"True\", message: renewing}]}",
                "Progressing: renewing",
            ),
        ],
    );
    check(
        "apiVersion: bitnami.com/v1alpha1, kind: SealedSecret",
        &[
            (
                "spec: {}",
                "Progressing: Waiting for Sealed Secret to be decrypted",
            ),
            (
                "status: {conditions: [{type: Synced, status: \"False\", message: no key}]}",
                "Degraded: no key",
            ),
        ],
    );
    check(
        "apiVersion: external-secrets.io/v1, kind: ExternalSecret",
        &[(
            "status: {conditions: [{type: Ready, status: \"True\", message: secret synced}]}",
            "Healthy: secret synced",
        )],
    );
    check(
        "apiVersion: postgresql.cnpg.io/v1, kind: Cluster",
        &[
            (
                "status: {phase: Setting up primary, phaseReason: creating}",
                "Progressing: creating",
            ),
            (
                "status: {phase: Cluster in healthy state, conditions: []}",
                "Healthy",
            ),
            (
                "status: {phase: Failing over, phaseReason: gone, conditions: []}",
                "Degraded: gone",
            ),
            ("status: {phase: Something else, conditions: []}", "Unknown"),
            (
                "status: {phase: x, conditions: [{type: cnpg.io/hibernation, status: \"True\", message: asleep}]}",
                "Suspended: asleep",
            ),
            (
                "metadata: {annotations: {cnpg.io/reconciliation: disabled}}",
                "Suspended: Cluster reconciliation is suspended",
            ),
        ],
    );
    check(
        "apiVersion: batch/v1, kind: CronJob",
        &[
            (
                "spec: {suspend: true}, status: {}",
                "Suspended: CronJob is Suspended",
            ),
            ("spec: {}", "Progressing: Waiting for CronJob"),
            ("status: {}", "Healthy: CronJob has not been scheduled yet"),
            (
                "status: {lastScheduleTime: \"2026-01-02T00:00:00Z\", lastSuccessfulTime: \"2026-01-01T00:00:05Z\"}",
                "Degraded: CronJob has not completed its last execution successfully",
            ),
            (
                "status: {lastScheduleTime: \"2026-01-02T00:00:00Z\", lastSuccessfulTime: \"2026-01-01T00:00:05Z\", active: [{name: x}]}",
                "Healthy: The job is running. Its last execution may not have been successful",
            ),
            (
                "status: {lastScheduleTime: \"2026-01-02T00:00:00Z\", lastSuccessfulTime: \"2026-01-02T00:00:05Z\"}",
                "Healthy: CronJob has completed its last execution successfully",
            ),
        ],
    );
}

/// Objects of a kind by what they have besides conditions, and their conditions as `Type=Status Reason: message`, one a line.
#[track_caller]
fn conditions(type_of: &str, cases: &[(&str, &[&str], &str)]) {
    let none = Customizations::default();
    all(cases.iter().map(|(more, conditions, expected)| {
        let conditions = conditions.iter().map(|condition| {
            let (kind, rest) = condition.split_once('=').expect("a type");
            let (status, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let (reason, message) = rest.split_once(": ").unwrap_or((rest, ""));
            serde_json::json!({"type": kind, "status": status, "reason": reason, "message": message})
        });
        let mut object = yaml(&format!("{{{type_of}, metadata: {{name: x}}, {more}}}"));
        let conditions: Vec<_> = conditions.collect();
        if !conditions.is_empty() {
            object["status"]["conditions"] = conditions.into();
        }
        let case = format!("{type_of} {object}");
        (case, shown(&object, &none), (*expected).to_owned())
    }));
}

#[test]
fn definitions() {
    conditions(
        "apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition",
        &[
            ("", &[], "Progressing: Status conditions not found"),
            (
                "",
                &[
                    "NamesAccepted=True",
                    "Established=True InitialNamesAccepted: ok",
                ],
                "Healthy: CRD is healthy",
            ),
            (
                "",
                &["NamesAccepted=True", "Established=False Installing: soon"],
                "Progressing: CRD is not established",
            ),
            (
                "",
                &[
                    "NamesAccepted=False PluralConflict: taken",
                    "Established=False",
                ],
                "Degraded: CRD names have not been accepted: taken",
            ),
            (
                "",
                &[
                    "Established=True",
                    "NonStructuralSchema=True Violations: no type",
                ],
                "Degraded: Schema violations found: no type",
            ),
            (
                "",
                &[
                    "Established=True",
                    "Terminating=True InstanceDeletionInProgress: busy",
                ],
                "Progressing: CRD is terminating: busy",
            ),
        ],
    );
}

#[test]
fn scalers_and_sets() {
    conditions(
        "apiVersion: keda.sh/v1alpha1, kind: ScaledObject",
        &[
            (
                "",
                &[],
                "Progressing: Creating HorizontalPodAutoscaler Object",
            ),
            ("", &["Ready=True r: fine"], "Healthy: fine"),
            ("", &["Ready=False r: no trigger"], "Degraded: no trigger"),
            (
                "",
                &["Ready=True r: fine", "Paused=True r: held"],
                "Suspended: held",
            ),
            (
                "",
                &["Ready=True r: fine", "Fallback=True r: blind"],
                "Degraded: blind",
            ),
        ],
    );
    conditions(
        "apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet",
        &[
            (
                "",
                &[],
                "Progressing: Waiting for the status to be reported",
            ),
            (
                "",
                &["ErrorOccurred=False", "ResourcesUpToDate=True r: all there"],
                "Healthy: all there",
            ),
            (
                "",
                &[
                    "ResourcesUpToDate=True r: all there",
                    "ErrorOccurred=True r: no cluster",
                ],
                "Degraded: no cluster",
            ),
            (
                "",
                &[
                    "ResourcesUpToDate=True r: all there",
                    "RolloutProgressing=True r: step 1",
                ],
                "Progressing: step 1",
            ),
        ],
    );
}

#[test]
fn crossplane() {
    conditions(
        "apiVersion: s3.aws.upbound.io/v1beta1, kind: Bucket",
        &[
            ("", &[], "Progressing: Provisioning ..."),
            (
                "",
                &["Synced=True", "Ready=False Creating"],
                "Progressing: Provisioning ...",
            ),
            (
                "",
                &["Synced=True", "Ready=True Available"],
                "Healthy: Resource is up-to-date.",
            ),
            (
                "",
                &["Synced=False r: denied", "Ready=True"],
                "Degraded: denied",
            ),
            (
                "",
                &["Ready=True", "LastAsyncOperation=False r: quota"],
                "Degraded: quota",
            ),
        ],
    );
    conditions(
        "apiVersion: apiextensions.crossplane.io/v1, kind: Composition",
        &[("", &[], "Healthy: Resource is up-to-date.")],
    );
    conditions(
        "apiVersion: aws.crossplane.io/v1, kind: ProviderConfig",
        &[
            ("status: {}", &[], "Healthy: Resource is up-to-date."),
            ("status: {users: 2}", &[], "Healthy: Resource is in use."),
        ],
    );
    conditions(
        "apiVersion: pkg.crossplane.io/v1, kind: Provider",
        &[
            (
                "",
                &["Installed=True", "Healthy=True"],
                "Healthy: Resource is up-to-date.",
            ),
            (
                "",
                &["Installed=True", "Healthy=Unknown"],
                "Progressing: Provisioning ...",
            ),
        ],
    );
    conditions(
        "apiVersion: crossplane.io/v1, kind: Provider",
        &[("", &[], "-")],
    );
}

#[test]
fn flux() {
    conditions(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization",
        &[
            (
                "spec: {suspend: true}",
                &["Ready=True Done"],
                "Suspended: Kustomization is suspended",
            ),
            ("spec: {}", &[], "Progressing: Status unknown"),
            (
                "spec: {}",
                &["Ready=True ReconciliationSucceeded"],
                "Healthy: ReconciliationSucceeded",
            ),
            (
                "spec: {}",
                &["Reconciling=True", "Ready=Unknown Progressing"],
                "Progressing: Progressing",
            ),
            (
                "spec: {}",
                &["Ready=False BuildFailed"],
                "Degraded: BuildFailed",
            ),
        ],
    );
    conditions(
        "apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease",
        &[
            (
                "spec: {}",
                &["Ready=True UpgradeSucceeded", "Released=True"],
                "Healthy: UpgradeSucceeded",
            ),
            (
                "spec: {}",
                &[
                    "Ready=True TestSucceeded",
                    "Released=True",
                    "TestSuccess=True",
                ],
                "Healthy: TestSucceeded",
            ),
            (
                "spec: {}",
                &["Ready=False UpgradeFailed", "Released=True"],
                "Degraded: UpgradeFailed",
            ),
        ],
    );
    conditions(
        "apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository",
        &[
            (
                "spec: {}",
                &["Ready=True Succeeded", "ArtifactInStorage=True"],
                "Healthy: Succeeded",
            ),
            (
                "spec: {}",
                &["Ready=False GitOperationFailed", "ArtifactInStorage=True"],
                "Degraded: GitOperationFailed",
            ),
        ],
    );
}

#[test]
fn servers() {
    conditions(
        "apiVersion: kafka.strimzi.io/v1, kind: Kafka",
        &[
            ("", &[], "Progressing: Waiting for Kafka Cluster"),
            (
                "",
                &["NotReady=True Creating"],
                "Progressing: Waiting for Kafka Cluster",
            ),
            ("", &["NotReady=True r: no disk"], "Degraded: no disk"),
            ("", &["Ready=True"], "Healthy"),
        ],
    );
    conditions(
        "apiVersion: kafka.strimzi.io/v1, kind: KafkaTopic",
        &[
            ("", &[], "Progressing: Waiting for Kafka Topic"),
            ("", &["NotReady=True r: too many"], "Degraded: too many"),
        ],
    );
    conditions(
        "apiVersion: monitoring.coreos.com/v1, kind: Prometheus",
        &[
            ("", &[], "Progressing: Waiting for initialization"),
            (
                "",
                &["Available=False SomePodsNotReady: 0 of 1"],
                "Progressing: 0 of 1",
            ),
            (
                "",
                &["Available=Degraded NoPodReady"],
                "Progressing: Waiting for initialization",
            ),
            ("", &["Available=False NoPodReady"], "Degraded: NoPodReady"),
            (
                "",
                &["Available=True"],
                "Healthy: All instances are available",
            ),
        ],
    );
    conditions(
        "apiVersion: acid.zalan.do/v1, kind: postgresql",
        &[
            (
                "",
                &[],
                "Progressing: Waiting for postgres cluster status...",
            ),
            (
                "status: {PostgresClusterStatus: Running}",
                &[],
                "Healthy: Running",
            ),
            (
                "status: {PostgresClusterStatus: Updating}",
                &[],
                "Progressing: Updating",
            ),
            (
                "status: {PostgresClusterStatus: SyncFailed}",
                &[],
                "Degraded: SyncFailed",
            ),
        ],
    );
    conditions(
        "apiVersion: minio.min.io/v2, kind: Tenant",
        &[
            ("", &[], "Missing: No status info available"),
            (
                "status: {currentState: Initialized}",
                &[],
                "Healthy: Initialized",
            ),
            (
                "status: {currentState: Waiting for Tenant to be healthy}",
                &[],
                "Progressing: Waiting for Tenant to be healthy",
            ),
            (
                "status: {currentState: Different versions across MinIO Pools}",
                &[],
                "Degraded: Different versions across MinIO Pools",
            ),
            (
                "status: {currentState: Surprised}",
                &[],
                "Unknown: Surprised",
            ),
        ],
    );
    conditions(
        "apiVersion: cluster.x-k8s.io/v1beta1, kind: Cluster",
        &[
            ("spec: {paused: true}", &[], "Suspended: Cluster is paused"),
            ("spec: {}", &[], "Progressing: Waiting for clusters"),
            (
                "status: {phase: Provisioned}",
                &[],
                "Healthy: Cluster is running",
            ),
            (
                "status: {phase: Provisioned}",
                &["Ready=False r: node lost"],
                "Degraded: node lost",
            ),
        ],
    );
}

#[test]
fn gateways() {
    conditions(
        "apiVersion: gateway.networking.k8s.io/v1, kind: Gateway",
        &[
            ("", &[], "Progressing: Waiting for Gateway status"),
            (
                "",
                &["Accepted=True", "Programmed=True"],
                "Healthy: Gateway is healthy",
            ),
            ("", &["Accepted=False r: no class"], "Degraded: no class"),
            (
                "",
                &["Accepted=True", "Programmed=False"],
                "Progressing: Gateway is still being programmed",
            ),
            (
                "status: {listeners: [{conditions: [{type: ResolvedRefs, status: \"False\", message: no secret}]}]}",
                &["Accepted=True", "Programmed=True"],
                "Degraded: Listener: no secret",
            ),
        ],
    );
    let parent = |generation: u8, kind: &str, status: &str| {
        format!(
            "status: {{parents: [{{parentRef: {{name: gw}}, conditions: [{{type: {kind}, status: \"{status}\", observedGeneration: {generation}}}]}}]}}"
        )
    };
    check(
        "apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: x, generation: 2}",
        &[
            ("spec: {}", "Progressing: Waiting for HTTPRoute status"),
            (
                &parent(2, "Accepted", "True"),
                "Healthy: HTTPRoute is healthy",
            ),
            (
                &parent(1, "Accepted", "True"),
                "Progressing: Waiting for HTTPRoute status",
            ),
            (
                &parent(2, "Accepted", "False"),
                "Degraded: Parent gw: Failed condition: Accepted",
            ),
        ],
    );
}

#[test]
fn rollouts() {
    check(
        "apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: x, generation: 2}",
        &[
            (
                "spec: {}",
                "Progressing: Waiting for rollout spec update to be observed",
            ),
            (
                "status: {observedGeneration: \"1\"}",
                "Progressing: Waiting for rollout spec update to be observed",
            ),
            (
                "status: {observedGeneration: \"2\", conditions: [{type: Progressing, reason: RolloutAborted, message: metric failed}]}",
                "Degraded: metric failed",
            ),
            (
                "status: {observedGeneration: \"2\", pauseConditions: [{reason: CanaryPauseStep}]}",
                "Suspended: Rollout is paused",
            ),
            (
                "status: {observedGeneration: \"2\"}",
                "Progressing: Waiting for rollout to finish: status has not been reconciled.",
            ),
            (
                "spec: {replicas: 2}, status: {observedGeneration: \"2\", currentPodHash: a, updatedReplicas: 1}",
                "Progressing: Waiting for roll out to finish: More replicas need to be updated",
            ),
            (
                "spec: {replicas: 1, strategy: {canary: {}}}, status: {observedGeneration: \"2\", currentPodHash: b, stableRS: a, replicas: 1, updatedReplicas: 1, availableReplicas: 1}",
                "Progressing: Waiting for rollout to finish steps",
            ),
            (
                "spec: {replicas: 1, strategy: {canary: {}}}, status: {observedGeneration: \"2\", currentPodHash: b, stableRS: b, replicas: 1, updatedReplicas: 1, availableReplicas: 1}",
                "Healthy",
            ),
            (
                "spec: {strategy: {blueGreen: {}}}, status: {observedGeneration: \"2\", currentPodHash: b, updatedReplicas: 1, availableReplicas: 1, blueGreen: {activeSelector: a}}",
                "Progressing: active service cutover pending",
            ),
        ],
    );
}
