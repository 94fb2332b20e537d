//! Kinds of operators whose health is a table: what is looked at, in which order, and what it means.
//!
//! Argo CD ships a Lua script for each of them (`resource_customizations` of its 3.5), and people count on it without having written one. The answers
//! here are those; a script of one's own for the same kind goes before them, as there. What a table cannot say is in [`operators`](super::operators).
//!
//! On purpose not as there: an object of Crossplane that nobody has looked at yet waits, instead of being healthy before it was begun; a definition whose
//! names were accepted and that is served in a moment waits, where the script calls it degraded, which would end a sync; and a Flux `HelmRelease` that is
//! released and tested is healthy, where the script counts one too many.

use serde_json::Value;

use super::operators::{condition, text};
use crate::{Health, Status};
use Said::{Field, Fixed, Message, MessageAfter, MessageOrReason, Reason};
use Seen::{All, Because, Has, Is, IsNot, NoConditions, Otherwise, Starts, True, Word};
use Status::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};

/// What is looked for in an object. Conditions are named by their type; fields by a JSON pointer.
enum Seen {
    /// The condition has this status.
    Is(&'static str, &'static str),
    /// The condition is not there, or has another status.
    IsNot(&'static str, &'static str),
    /// The condition has this reason.
    Because(&'static str, &'static str),
    /// There is no condition at all yet.
    NoConditions,
    /// The field is this word.
    Word(&'static str, &'static str),
    /// The field begins with this word.
    Starts(&'static str, &'static str),
    /// The field is true.
    True(&'static str),
    /// The field is there.
    Has(&'static str),
    /// All of these.
    All(&'static [Self]),
    /// Whatever is left.
    Otherwise,
}

/// What is said about it.
enum Said {
    Fixed(&'static str),
    /// The condition's message.
    Message(&'static str),
    /// The condition's message after some words.
    MessageAfter(&'static str, &'static str),
    /// The condition's message, or its reason where it has none.
    MessageOrReason(&'static str),
    /// The condition's reason.
    Reason(&'static str),
    /// A field's text.
    Field(&'static str),
}

/// A table for some kinds. Its first line that applies is the answer; without one, the object waits.
struct Table {
    /// `*.` at the start stands for any group below.
    group: &'static str,
    /// None for all kinds of the group.
    kinds: &'static [&'static str],
    lines: &'static [(Seen, Status, Said)],
    waits: &'static str,
}

const fn ready(group: &'static str, kind: &'static [&'static str], waits: &'static str) -> Table {
    Table {
        group,
        kinds: kind,
        lines: &[
            (Is("Ready", "True"), Healthy, Message("Ready")),
            (Is("Ready", "False"), Degraded, Message("Ready")),
        ],
        waits,
    }
}

const fn strimzi(kind: &'static [&'static str], waits: &'static str) -> Table {
    Table {
        group: "kafka.strimzi.io",
        kinds: kind,
        lines: &[
            (Is("NotReady", "True"), Degraded, Message("NotReady")),
            (Is("Ready", "True"), Healthy, Fixed("")),
        ],
        waits,
    }
}

const IS_SUSPENDED: (Seen, Status, Said) =
    (True("/spec/suspend"), Suspended, Fixed(KIND_SUSPENDED));
/// `{kind}` is the object's.
const KIND_SUSPENDED: &str = "{kind} is suspended";
const IS_NEW: (Seen, Status, Said) = (NoConditions, Progressing, Fixed("Status unknown"));
const IS_RECONCILED: (Seen, Status, Said) = (
    All(&[Is("Ready", "Unknown"), Is("Reconciling", "True")]),
    Progressing,
    Reason("Ready"),
);
const IS_NOT_READY: (Seen, Status, Said) = (Otherwise, Degraded, Reason("Ready"));

const UP_TO_DATE: Said = Fixed("Resource is up-to-date.");
/// Kinds of Crossplane that are settings: nothing reconciles them, and they have no status.
const SETTINGS_OF_CROSSPLANE: &[&str] = &[
    "ClusterProviderConfig",
    "ClusterProviderConfigUsage",
    "Composition",
    "CompositionRevision",
    "ControllerConfig",
    "DeploymentRuntimeConfig",
    "EnvironmentConfig",
    "ImageConfig",
    "ProviderConfig",
    "ProviderConfigUsage",
    "StoreConfig",
];
const OF_CROSSPLANE: &[(Seen, Status, Said)] = &[
    (Has("/status/users"), Healthy, Fixed("Resource is in use.")),
    (
        Is("LastAsyncOperation", "False"),
        Degraded,
        Message("LastAsyncOperation"),
    ),
    (Is("Synced", "False"), Degraded, Message("Synced")),
    (Is("Ready", "True"), Healthy, UP_TO_DATE),
    (Is("Healthy", "True"), Healthy, UP_TO_DATE),
    (Is("Offered", "True"), Healthy, UP_TO_DATE),
    (Is("Established", "True"), Healthy, UP_TO_DATE),
    (Is("ValidPipeline", "True"), Healthy, UP_TO_DATE),
    (Is("RevisionHealthy", "True"), Healthy, UP_TO_DATE),
];
const SETTING: &[(Seen, Status, Said)] = &[(Otherwise, Healthy, UP_TO_DATE)];

const TABLES: &[Table] = &[
    Table {
        group: "apiextensions.k8s.io",
        kinds: &["CustomResourceDefinition"],
        lines: &[
            (
                Is("Terminating", "True"),
                Progressing,
                MessageAfter("CRD is terminating: ", "Terminating"),
            ),
            (
                Is("NamesAccepted", "False"),
                Degraded,
                MessageAfter("CRD names have not been accepted: ", "NamesAccepted"),
            ),
            (
                NoConditions,
                Progressing,
                Fixed("Status conditions not found"),
            ),
            (
                IsNot("Established", "True"),
                Progressing,
                Fixed("CRD is not established"),
            ),
            (
                Is("NonStructuralSchema", "True"),
                Degraded,
                MessageAfter("Schema violations found: ", "NonStructuralSchema"),
            ),
            (Otherwise, Healthy, Fixed("CRD is healthy")),
        ],
        waits: "",
    },
    Table {
        group: "cert-manager.io",
        kinds: &["Certificate"],
        lines: &[
            (Is("Issuing", "True"), Progressing, Message("Issuing")),
            (Is("Ready", "True"), Healthy, Message("Ready")),
            (Is("Ready", "False"), Degraded, Message("Ready")),
        ],
        waits: "Waiting for certificate",
    },
    ready(
        "cert-manager.io",
        &["ClusterIssuer"],
        "Initializing ClusterIssuer",
    ),
    ready("cert-manager.io", &["Issuer"], "Initializing issuer"),
    ready(
        "external-secrets.io",
        &["ClusterSecretStore"],
        "Waiting for ClusterSecretStore",
    ),
    ready(
        "external-secrets.io",
        &["ExternalSecret"],
        "Waiting for ExternalSecret",
    ),
    ready(
        "external-secrets.io",
        &["SecretStore"],
        "Waiting for SecretStore",
    ),
    Table {
        group: "bitnami.com",
        kinds: &["SealedSecret"],
        lines: &[
            (Is("Synced", "True"), Healthy, Message("Synced")),
            (Is("Synced", "False"), Degraded, Message("Synced")),
        ],
        waits: "Waiting for Sealed Secret to be decrypted",
    },
    Table {
        group: "argoproj.io",
        kinds: &["ApplicationSet"],
        lines: &[
            (
                Is("ErrorOccurred", "True"),
                Degraded,
                Message("ErrorOccurred"),
            ),
            (
                Is("ResourcesUpToDate", "False"),
                Degraded,
                Message("ResourcesUpToDate"),
            ),
            (
                Is("RolloutProgressing", "True"),
                Progressing,
                Message("RolloutProgressing"),
            ),
            (
                Is("ResourcesUpToDate", "True"),
                Healthy,
                Message("ResourcesUpToDate"),
            ),
        ],
        waits: "Waiting for the status to be reported",
    },
    Table {
        group: "keda.sh",
        kinds: &["ScaledObject"],
        lines: &[
            (Is("Fallback", "True"), Degraded, Message("Fallback")),
            (Is("Ready", "False"), Degraded, Message("Ready")),
            (
                All(&[Is("Ready", "True"), Is("Paused", "True")]),
                Suspended,
                Message("Paused"),
            ),
            (Is("Ready", "True"), Healthy, Message("Ready")),
        ],
        waits: "Creating HorizontalPodAutoscaler Object",
    },
    Table {
        group: "*.crossplane.io",
        kinds: &[],
        lines: OF_CROSSPLANE,
        waits: "Provisioning ...",
    },
    Table {
        group: "*.upbound.io",
        kinds: &[],
        lines: OF_CROSSPLANE,
        waits: "Provisioning ...",
    },
    Table {
        group: "kustomize.toolkit.fluxcd.io",
        kinds: &["Kustomization"],
        lines: &[
            IS_SUSPENDED,
            IS_NEW,
            IS_RECONCILED,
            (Is("Ready", "True"), Healthy, Reason("Ready")),
            IS_NOT_READY,
        ],
        waits: "",
    },
    Table {
        group: "helm.toolkit.fluxcd.io",
        kinds: &["HelmRelease"],
        lines: &[
            IS_SUSPENDED,
            IS_NEW,
            IS_RECONCILED,
            (
                All(&[Is("Ready", "True"), Is("Released", "True")]),
                Healthy,
                Reason("Ready"),
            ),
            (
                All(&[Is("Ready", "True"), Is("TestSuccess", "True")]),
                Healthy,
                Reason("Ready"),
            ),
            IS_NOT_READY,
        ],
        waits: "",
    },
    Table {
        group: "source.toolkit.fluxcd.io",
        kinds: &["GitRepository"],
        lines: &[
            IS_SUSPENDED,
            IS_NEW,
            IS_RECONCILED,
            (
                All(&[Is("Ready", "True"), Is("ArtifactInStorage", "True")]),
                Healthy,
                Reason("Ready"),
            ),
            IS_NOT_READY,
        ],
        waits: "",
    },
    Table {
        group: "kafka.strimzi.io",
        kinds: &["Kafka"],
        lines: &[
            (
                All(&[Is("NotReady", "True"), Because("NotReady", "Creating")]),
                Progressing,
                Fixed("Waiting for Kafka Cluster"),
            ),
            (Is("NotReady", "True"), Degraded, Message("NotReady")),
            (Is("Ready", "True"), Healthy, Fixed("")),
        ],
        waits: "Waiting for Kafka Cluster",
    },
    strimzi(&["KafkaConnect"], "Waiting for Kafka Connect"),
    strimzi(&["KafkaTopic"], "Waiting for Kafka Topic"),
    strimzi(&["KafkaUser"], "Waiting for Kafka User"),
    Table {
        group: "cluster.x-k8s.io",
        kinds: &["Cluster"],
        lines: &[
            (True("/spec/paused"), Suspended, Fixed("Cluster is paused")),
            (Is("Ready", "False"), Degraded, Message("Ready")),
            (
                Word("/status/phase", "Provisioned"),
                Healthy,
                Fixed("Cluster is running"),
            ),
            (Word("/status/phase", "Failed"), Degraded, Fixed("")),
        ],
        waits: "Waiting for clusters",
    },
    Table {
        group: "monitoring.coreos.com",
        kinds: &["Alertmanager", "Prometheus"],
        lines: &[
            (
                Is("Available", "True"),
                Healthy,
                Fixed("All instances are available"),
            ),
            (
                Because("Available", "SomePodsNotReady"),
                Progressing,
                MessageOrReason("Available"),
            ),
            (
                Is("Available", "False"),
                Degraded,
                MessageOrReason("Available"),
            ),
            (
                Is("Available", "Unknown"),
                Degraded,
                MessageOrReason("Available"),
            ),
        ],
        waits: "Waiting for initialization",
    },
    Table {
        group: "acid.zalan.do",
        kinds: &["postgresql"],
        lines: &[
            (Word(ZALANDO, "Running"), Healthy, Field(ZALANDO)),
            (Word(ZALANDO, "Creating"), Progressing, Field(ZALANDO)),
            (Word(ZALANDO, "Updating"), Progressing, Field(ZALANDO)),
            (Has(ZALANDO), Degraded, Field(ZALANDO)),
        ],
        waits: "Waiting for postgres cluster status...",
    },
    Table {
        group: "minio.min.io",
        kinds: &["Tenant"],
        lines: &[
            (Word(MINIO, "Initialized"), Healthy, Field(MINIO)),
            (Starts(MINIO, "Provisioning"), Progressing, Field(MINIO)),
            (Starts(MINIO, "Waiting"), Progressing, Field(MINIO)),
            (Starts(MINIO, "Updating"), Progressing, Field(MINIO)),
            (
                Word(MINIO, "Statefulset not controlled by operator"),
                Degraded,
                Field(MINIO),
            ),
            (
                Word(
                    MINIO,
                    "Another MinIO Tenant already exists in the namespace",
                ),
                Degraded,
                Field(MINIO),
            ),
            (
                Word(MINIO, "Different versions across MinIO Pools"),
                Degraded,
                Field(MINIO),
            ),
            (Has(MINIO), Unknown, Field(MINIO)),
            (Otherwise, Missing, Fixed("No status info available")),
        ],
        waits: "",
    },
];

const ZALANDO: &str = "/status/PostgresClusterStatus";
const MINIO: &str = "/status/currentState";

/// What the kind's table says; none for a kind without one.
pub(super) fn assess(group: &str, kind: &str, object: &Value) -> Option<Health> {
    let table = TABLES.iter().find(|table| table.is_of(group, kind))?;
    let lines = if table.group.starts_with("*.")
        && NoConditions.applies(object)
        && SETTINGS_OF_CROSSPLANE.contains(&kind)
        && !Has("/status/users").applies(object)
    {
        SETTING
    } else {
        table.lines
    };
    let line = lines.iter().find(|(seen, ..)| seen.applies(object));
    Some(match line {
        Some((_, status, said)) => Health::new(*status, said.text(object, kind)),
        None => Health::new(Progressing, table.waits),
    })
}

impl Table {
    fn is_of(&self, group: &str, kind: &str) -> bool {
        let is_group = match self.group.strip_prefix('*') {
            Some(end) => group.ends_with(end),
            None => group == self.group,
        };
        is_group && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }
}

impl Seen {
    fn applies(&self, object: &Value) -> bool {
        match self {
            Is(wanted, status) => text(condition(object, wanted), "/status") == *status,
            IsNot(wanted, status) => text(condition(object, wanted), "/status") != *status,
            NoConditions => object
                .pointer("/status/conditions")
                .and_then(Value::as_array)
                .is_none_or(Vec::is_empty),
            Because(wanted, reason) => text(condition(object, wanted), "/reason") == *reason,
            Word(place, word) => text(Some(object), place) == *word,
            Starts(place, word) => text(Some(object), place).starts_with(word),
            True(place) => object.pointer(place) == Some(&Value::Bool(true)),
            Has(place) => object.pointer(place).is_some_and(|value| !value.is_null()),
            All(all) => all.iter().all(|seen| seen.applies(object)),
            Otherwise => true,
        }
    }
}

impl Said {
    fn text(&self, object: &Value, kind: &str) -> String {
        let of = |wanted, field| text(condition(object, wanted), field);
        match self {
            Fixed(words) => words.replace("{kind}", kind),
            Message(wanted) => of(wanted, "/message").to_owned(),
            MessageAfter(words, wanted) => format!("{words}{}", of(wanted, "/message")),
            MessageOrReason(wanted) => match of(wanted, "/message") {
                "" => of(wanted, "/reason").to_owned(),
                message => message.to_owned(),
            },
            Reason(wanted) => of(wanted, "/reason").to_owned(),
            Field(place) => text(Some(object), place).to_owned(),
        }
    }
}
