//! The built-in rules.

use super::{all, shown, yaml};
use crate::{Customizations, Status};

/// What is written in `rest` follows the type and a name.
#[track_caller]
pub(super) fn check(type_and_name: &str, cases: &[(&str, &str)]) {
    let none = Customizations::default();
    all(cases.iter().map(|(rest, expected)| {
        let object = yaml(&format!("{{{type_and_name}, {rest}}}"));
        (
            (*rest).to_owned(),
            shown(&object, &none),
            (*expected).to_owned(),
        )
    }));
}

#[test]
fn deployments() {
    check(
        "apiVersion: apps/v1, kind: Deployment",
        &[
            ("metadata: {name: web}", "Healthy"),
            (
                "metadata: {name: web}, spec: {paused: true}, status: {}",
                "Suspended: Deployment is paused",
            ),
            (
                "metadata: {name: web, generation: 2}, status: {observedGeneration: 1}",
                "Progressing: Waiting for rollout to finish: observed deployment generation less than desired generation",
            ),
            (
                "metadata: {name: web, generation: 2}, spec: {paused: true}, status: {observedGeneration: 1}",
                "Suspended: Deployment is paused",
            ),
            (
                "metadata: {name: web}, status: {conditions: [{type: Progressing, reason: ProgressDeadlineExceeded}]}",
                "Degraded: Deployment \"web\" exceeded its progress deadline",
            ),
            (
                "metadata: {name: web}, status: {conditions: [{type: Available, reason: ProgressDeadlineExceeded}]}",
                "Healthy",
            ),
            (
                "metadata: {name: web}, status: {conditions: [{type: Progressing, reason: NewReplicaSetAvailable}]}",
                "Healthy",
            ),
            (
                "metadata: {name: web}, spec: {replicas: 3}, status: {updatedReplicas: 1}",
                "Progressing: Waiting for rollout to finish: 1 out of 3 new replicas have been updated...",
            ),
            (
                "metadata: {name: web}, spec: {replicas: 3}, status: {replicas: 5, updatedReplicas: 3}",
                "Progressing: Waiting for rollout to finish: 2 old replicas are pending termination...",
            ),
            (
                "metadata: {name: web}, spec: {replicas: 3}, status: {replicas: 3, updatedReplicas: 3, availableReplicas: 2}",
                "Progressing: Waiting for rollout to finish: 2 of 3 updated replicas are available...",
            ),
            (
                "metadata: {name: web}, spec: {replicas: 3}, status: {replicas: 3, updatedReplicas: 3, availableReplicas: 3}",
                "Healthy",
            ),
            ("metadata: {name: web}, spec: {replicas: 0}", "Healthy"),
            (
                "metadata: {name: web}, spec: {replicas: null}, status: {replicas: 1}",
                "Progressing: Waiting for rollout to finish: 1 old replicas are pending termination...",
            ),
            (
                "metadata: {name: web}, spec: {replicas: \"3\"}",
                "Unknown: failed to convert unstructured Deployment to typed: spec.replicas: expected a number",
            ),
            (
                "metadata: {name: web}, spec: {paused: 1}",
                "Unknown: failed to convert unstructured Deployment to typed: spec.paused: expected a boolean",
            ),
            (
                "metadata: {name: web}, status: {conditions: {}}",
                "Unknown: failed to convert unstructured Deployment to typed: status.conditions: expected a list",
            ),
            ("metadata: {name: web}, spec: [], status: 3", "Healthy"),
        ],
    );
    check(
        "kind: Deployment, metadata: {name: web}",
        &[
            (
                "apiVersion: apps/v1beta2",
                "Unknown: unsupported Deployment GVK: apps/v1beta2, Kind=Deployment",
            ),
            ("apiVersion: extensions/v1beta1", "-"),
            ("apiVersion: v1", "-"),
        ],
    );
}

#[test]
fn replica_sets() {
    check(
        "apiVersion: apps/v1, kind: ReplicaSet",
        &[
            ("metadata: {name: web}", "Healthy"),
            (
                "metadata: {name: web, generation: 2}",
                "Progressing: Waiting for rollout to finish: observed replica set generation less than desired generation",
            ),
            (
                "spec: {replicas: 2}, status: {availableReplicas: 1}",
                "Progressing: Waiting for rollout to finish: 1 out of 2 new replicas are available...",
            ),
            (
                "spec: {replicas: 2}, status: {availableReplicas: 2}",
                "Healthy",
            ),
            (
                "status: {conditions: [{type: ReplicaFailure, status: \"True\", message: quota}]}",
                "Degraded: quota",
            ),
            (
                "status: {conditions: [{type: ReplicaFailure, status: \"False\", message: quota}]}",
                "Healthy",
            ),
        ],
    );
}

#[test]
fn stateful_sets() {
    check(
        "apiVersion: apps/v1, kind: StatefulSet",
        &[
            (
                "metadata: {name: db}",
                "Progressing: Waiting for statefulset spec update to be observed...",
            ),
            (
                "metadata: {generation: 2}, status: {observedGeneration: 1}",
                "Progressing: Waiting for statefulset spec update to be observed...",
            ),
            (
                "spec: {replicas: 3}, status: {observedGeneration: 1, readyReplicas: 1}",
                "Progressing: Waiting for 2 pods to be ready...",
            ),
            (
                "spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}}, status: {observedGeneration: 1, readyReplicas: 3, updatedReplicas: 1}",
                "Progressing: Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            ),
            (
                "spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}}, status: {observedGeneration: 1, readyReplicas: 3, updatedReplicas: 2}",
                "Healthy: partitioned roll out complete: 2 new pods have been updated...",
            ),
            (
                "spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {}}}, status: {observedGeneration: 1, updatedReplicas: 2}",
                "Healthy: partitioned roll out complete: 2 new pods have been updated...",
            ),
            (
                "spec: {updateStrategy: {type: OnDelete}}, status: {observedGeneration: 1, readyReplicas: 4}",
                "Healthy: statefulset has 4 ready pods",
            ),
            (
                "spec: {updateStrategy: {type: RollingUpdate}}, status: {observedGeneration: 1, updatedReplicas: 1, currentRevision: a, updateRevision: b}",
                "Progressing: waiting for statefulset rolling update to complete 1 pods at revision b...",
            ),
            (
                "status: {observedGeneration: 1, currentReplicas: 2, currentRevision: a, updateRevision: a}",
                "Healthy: statefulset rolling update complete 2 pods at revision a...",
            ),
        ],
    );
}

#[test]
fn daemon_sets() {
    check(
        "apiVersion: apps/v1, kind: DaemonSet",
        &[
            (
                "metadata: {name: log, generation: 1}",
                "Progressing: Waiting for rollout to finish: observed daemon set generation less than desired generation",
            ),
            (
                "spec: {updateStrategy: {type: OnDelete}}, status: {updatedNumberScheduled: 1, desiredNumberScheduled: 3}",
                "Healthy: daemon set 1 out of 3 new pods have been updated",
            ),
            (
                "metadata: {name: log}, status: {updatedNumberScheduled: 1, desiredNumberScheduled: 3}",
                "Progressing: Waiting for daemon set \"log\" rollout to finish: 1 out of 3 new pods have been updated...",
            ),
            (
                "metadata: {name: log}, status: {updatedNumberScheduled: 3, desiredNumberScheduled: 3, numberAvailable: 2}",
                "Progressing: Waiting for daemon set \"log\" rollout to finish: 2 of 3 updated pods are available...",
            ),
            (
                "status: {updatedNumberScheduled: 3, desiredNumberScheduled: 3, numberAvailable: 3}",
                "Healthy",
            ),
        ],
    );
}

#[test]
fn pods() {
    check(
        "apiVersion: v1, kind: Pod",
        &[
            (
                "status: {phase: Pending, message: no node}",
                "Progressing: no node",
            ),
            ("status: {phase: Succeeded}", "Healthy"),
            (
                "status: {phase: Failed, message: evicted}",
                "Degraded: evicted",
            ),
            ("status: {phase: Failed}", "Degraded"),
            (
                "status: {phase: Failed, initContainerStatuses: [{name: init, state: {terminated: {exitCode: 3}}}], containerStatuses: [{name: c, state: {terminated: {message: later}}}]}",
                "Degraded: container \"init\" failed with exit code 3",
            ),
            (
                "status: {phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: 0}}}, {name: b, state: {terminated: {exitCode: 137, reason: OOMKilled}}}]}",
                "Degraded: OOMKilled",
            ),
            (
                "status: {phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: 1, message: boom}}}]}",
                "Degraded: boom",
            ),
            (
                "spec: {restartPolicy: Always}, status: {phase: Running, conditions: [{type: Ready, status: \"True\"}]}",
                "Healthy",
            ),
            (
                "spec: {restartPolicy: Always}, status: {phase: Running, containerStatuses: [{lastState: {terminated: {exitCode: 1}}}]}",
                "Degraded",
            ),
            (
                "spec: {restartPolicy: Always}, status: {phase: Running, containerStatuses: [{lastState: {}}]}",
                "Progressing",
            ),
            (
                "spec: {restartPolicy: Always}, status: {phase: Running, containerStatuses: [{state: {waiting: {reason: CrashLoopBackOff, message: m}}}, {state: {waiting: {reason: ErrImagePull, message: bad}}}]}",
                "Degraded: m, bad",
            ),
            (
                "spec: {restartPolicy: Always}, status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: CreateContainerConfigError, message: m}}}]}",
                "Degraded: m",
            ),
            (
                "spec: {restartPolicy: Always}, status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}",
                "Progressing",
            ),
            (
                "spec: {restartPolicy: Never}, status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: m}}}]}",
                "Progressing",
            ),
            (
                "spec: {restartPolicy: Never}, status: {phase: Running, conditions: [{type: Ready, status: \"True\"}]}",
                "Progressing",
            ),
            (
                "spec: {restartPolicy: OnFailure}, status: {phase: Running}",
                "Progressing",
            ),
            (
                "metadata: {annotations: {argocd.argoproj.io/ignore-restart-policy: \"true\"}}, spec: {restartPolicy: Never}, status: {phase: Running, conditions: [{type: Ready, status: \"True\"}]}",
                "Healthy",
            ),
            (
                "metadata: {annotations: {argocd.argoproj.io/ignore-restart-policy: \"true\", argocd.argoproj.io/hook: PostSync}}, spec: {restartPolicy: Never}, status: {phase: Running, conditions: [{type: Ready, status: \"True\"}]}",
                "Progressing",
            ),
            (
                "metadata: {annotations: {argocd.argoproj.io/ignore-restart-policy: \"true\"}}, spec: {restartPolicy: Never}, status: {phase: Running, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: m}}}]}",
                "Degraded: m",
            ),
            (
                "metadata: {annotations: {argocd.argoproj.io/ignore-restart-policy: \"false\"}}, spec: {restartPolicy: Never}, status: {phase: Running, conditions: [{type: Ready, status: \"True\"}]}",
                "Progressing",
            ),
            ("spec: {}, status: {phase: Running}", "Unknown"),
            ("status: {phase: Unknown, message: lost}", "Unknown: lost"),
        ],
    );
}

#[test]
fn jobs_and_workflows() {
    check(
        "apiVersion: batch/v1, kind: Job",
        &[
            ("status: {}", "Progressing"),
            (
                "status: {conditions: [{type: Complete, status: \"True\", message: done}]}",
                "Healthy: done",
            ),
            (
                "status: {conditions: [{type: Failed, status: \"True\", message: backoff}]}",
                "Degraded: backoff",
            ),
            (
                "status: {conditions: [{type: Suspended, status: \"True\", message: paused}]}",
                "Suspended",
            ),
            (
                "status: {conditions: [{type: Suspended, status: \"False\", message: resumed}]}",
                "Healthy: resumed",
            ),
            (
                "status: {conditions: [{type: Suspended, status: \"True\"}, {type: Failed, message: f}]}",
                "Degraded: f",
            ),
        ],
    );
    check(
        "apiVersion: argoproj.io/v1alpha1, kind: Workflow",
        &[
            ("spec: {}", "Progressing"),
            ("status: {phase: Running, message: r}", "Progressing: r"),
            ("status: {phase: Succeeded}", "Healthy"),
            ("status: {phase: Failed, message: f}", "Degraded: f"),
            ("status: {phase: Error}", "Degraded"),
            ("status: {phase: Odd}", "Unknown"),
        ],
    );
}

#[test]
fn services_and_claims() {
    check(
        "apiVersion: v1, kind: Service",
        &[
            ("spec: {type: ClusterIP}", "Healthy"),
            ("spec: {type: LoadBalancer}", "Progressing"),
            (
                "spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{}]}}",
                "Healthy",
            ),
        ],
    );
    check(
        "kind: Ingress",
        &[
            ("apiVersion: networking.k8s.io/v1", "Progressing"),
            (
                "apiVersion: networking.k8s.io/v1, status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}",
                "Healthy",
            ),
            (
                "apiVersion: extensions/v1beta1, status: {loadBalancer: {ingress: odd}}",
                "Progressing",
            ),
            ("apiVersion: example.com/v1", "-"),
        ],
    );
    check(
        "apiVersion: v1, kind: PersistentVolumeClaim",
        &[
            ("status: {phase: Bound}", "Healthy"),
            ("status: {phase: Pending}", "Progressing"),
            ("status: {phase: Lost}", "Degraded"),
            ("status: {}", "Unknown"),
        ],
    );
    check(
        "kind: APIService",
        &[
            (
                "apiVersion: apiregistration.k8s.io/v1",
                "Progressing: Waiting to be processed",
            ),
            (
                "apiVersion: apiregistration.k8s.io/v1, status: {conditions: [{type: Available, status: \"True\", reason: Passed, message: ok}]}",
                "Healthy: Passed: ok",
            ),
            (
                "apiVersion: apiregistration.k8s.io/v1beta1, status: {conditions: [{type: Available, status: \"False\", reason: Gone, message: x}]}",
                "Progressing: Gone: x",
            ),
            (
                "apiVersion: apiregistration.k8s.io/v2",
                "Unknown: unsupported APIService GVK: apiregistration.k8s.io/v2, Kind=APIService",
            ),
        ],
    );
}

#[test]
fn autoscalers() {
    let failed = "{type: ScalingActive, status: \"False\", reason: FailedGetObjectMetric, message: no metric}";
    let able = "{type: AbleToScale, status: \"True\", reason: ReadyForNewScale, message: ready}";
    for version in ["v2", "v2beta1", "v2beta2"] {
        check(
            &format!("apiVersion: autoscaling/{version}, kind: HorizontalPodAutoscaler"),
            &[
                ("status: {}", "Progressing: Waiting to Autoscale"),
                (
                    &format!("status: {{conditions: [{able}]}}"),
                    "Healthy: ready",
                ),
                (
                    &format!("status: {{conditions: [{able}, {failed}]}}"),
                    "Degraded: no metric",
                ),
                (
                    "status: {conditions: [{type: ScalingLimited, status: \"False\", message: m}]}",
                    "Progressing: Waiting to Autoscale",
                ),
            ],
        );
    }
    let annotated = |text: &str| {
        format!(
            "metadata: {{annotations: {{autoscaling.alpha.kubernetes.io/conditions: '{text}'}}}}"
        )
    };
    check(
        "apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler",
        &[
            ("metadata: {}", "Progressing: Waiting to Autoscale"),
            (&annotated("[]"), "Progressing: Waiting to Autoscale"),
            (&annotated("null"), "Progressing: Waiting to Autoscale"),
            (
                &annotated(r#"[{"type":"AbleToScale","status":"True","message":"ok"}]"#),
                "Healthy: ok",
            ),
            (
                &annotated(r#"[{"Type":"AbleToScale","reason":"FailedGetScale","message":"no"}]"#),
                "Degraded: no",
            ),
        ],
    );
    check(
        "apiVersion: autoscaling/v3, kind: HorizontalPodAutoscaler",
        &[(
            "status: {}",
            "Unknown: unsupported HPA GVK: autoscaling/v3, Kind=HorizontalPodAutoscaler",
        )],
    );
    let broken = yaml(&format!(
        "{{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, {}}}",
        annotated("{")
    ));
    let found = shown(&broken, &Customizations::default());
    assert!(
        found.starts_with("Unknown: failed to convert conditions annotation to typed: "),
        "{found}"
    );
}

#[test]
fn atlas_objects() {
    let condition = |rest: &str| format!("status: {{conditions: [{{type: Ready, {rest}}}]}}");
    let cases = [
        (
            String::from("spec: {}"),
            "Progressing: Waiting for Atlas Operator",
        ),
        (
            condition(
                "status: \"True\", reason: Applied, message: The schema has been applied successfully.",
            ),
            "Healthy: Applied",
        ),
        (
            condition("status: \"False\", reason: Reconciling, message: Reconciling"),
            "Progressing: Reconciling",
        ),
        (
            condition("status: \"False\", reason: LintPolicyError, message: no"),
            "Degraded: LintPolicyError",
        ),
    ];
    let cases: Vec<(&str, &str)> = cases
        .iter()
        .map(|(rest, expected)| (rest.as_str(), *expected))
        .collect();
    check(
        "apiVersion: db.atlasgo.io/v1alpha1, kind: AtlasSchema",
        &cases,
    );
    check(
        "apiVersion: db.atlasgo.io/v1alpha1, kind: AtlasMigration",
        &cases,
    );
    // The two scripts of Argo CD differ in where they look.
    let reason_only = condition("status: \"False\", reason: Reconciling, message: applying");
    check(
        "apiVersion: db.atlasgo.io/v1alpha1, kind: AtlasSchema",
        &[(&reason_only, "Degraded: Reconciling")],
    );
    check(
        "apiVersion: db.atlasgo.io/v1alpha1, kind: AtlasMigration",
        &[(&reason_only, "Progressing: Reconciling")],
    );
}

#[test]
fn deleted_and_unknown_objects() {
    check(
        "apiVersion: v1, kind: Pod",
        &[
            (
                "metadata: {deletionTimestamp: \"2026-01-01T00:00:00Z\"}, status: {phase: Succeeded}",
                "Progressing: Pending deletion",
            ),
            (
                "metadata: {deletionTimestamp: \"2026-01-01T00:00:00Z\", finalizers: [argocd.argoproj.io/hook-finalizer]}, status: {phase: Succeeded}",
                "Healthy",
            ),
            (
                "metadata: {deletionTimestamp: \"2026-01-01T00:00:00Z\", finalizers: [other]}, status: {phase: Succeeded}",
                "Progressing: Pending deletion",
            ),
            (
                "metadata: {deletionTimestamp: null}, status: {phase: Succeeded}",
                "Healthy",
            ),
        ],
    );
    check(
        "metadata: {name: x}",
        &[
            ("apiVersion: v1, kind: ConfigMap", "-"),
            (
                "apiVersion: argoproj.io/v1alpha1, kind: Application, status: {health: {status: Degraded}}",
                "-",
            ),
            (
                "apiVersion: example.com/v1, kind: Widget, metadata2: 1",
                "-",
            ),
            ("apiVersion: 7, kind: []", "-"),
            ("spec: 1", "-"),
        ],
    );
}

#[test]
fn the_worst_counts() {
    let mut sorted = Status::ALL;
    sorted.sort();
    assert_eq!(sorted, Status::ALL);
    assert!(Status::Missing > Status::Progressing && Status::Unknown > Status::Degraded);
    assert_eq!(Status::parse("healthy"), None);
}
