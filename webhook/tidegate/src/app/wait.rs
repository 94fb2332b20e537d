//! `tidegate app wait`, and the waiting that other commands do: look until the Application is as it should be, and say what happens meanwhile.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::Value;
use tidegate_model::object::{at, text};
use tidegate_reconcile::remote::{Remote, RemoteError};

use super::cluster::{ClusterArgs, Place};
use super::status::{self, RowKey};
use super::{chosen, seconds};

/// Between two looks: soon at first, as most syncs are quick.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often in a row the API server may be away while something is waited for.
const MOST_FAILURES: u32 = 30;

/// Until when to wait.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The Applications: NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    names: Vec<String>,
    /// Those with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Until it is synced.
    #[arg(long)]
    sync: bool,
    /// Until it is healthy.
    #[arg(long)]
    health: bool,
    /// Until no operation runs.
    #[arg(long)]
    operation: bool,
    /// Until it is suspended; with --health, either.
    #[arg(long)]
    suspended: bool,
    /// Until it is degraded; with --health, either.
    #[arg(long)]
    degraded: bool,
    /// Until it is gone.
    #[arg(long)]
    delete: bool,
    /// How many seconds to wait; 0 is for ever.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What is waited for. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) synced: bool,
    /// One of these; any where it is empty.
    pub(crate) health: Vec<&'static str>,
    pub(crate) no_operation: bool,
    pub(crate) gone: bool,
}

impl WaitArgs {
    fn wish(&self) -> Wish {
        let nothing_said = ![
            self.sync,
            self.health,
            self.operation,
            self.suspended,
            self.degraded,
            self.delete,
        ]
        .contains(&true);
        let health = [
            (self.health || nothing_said, "Healthy"),
            (self.suspended, "Suspended"),
            (self.degraded, "Degraded"),
        ];
        Wish {
            synced: self.sync || nothing_said,
            health: health
                .iter()
                .filter(|(is, _)| *is)
                .map(|(_, word)| *word)
                .collect(),
            no_operation: self.operation || nothing_said,
            gone: self.delete,
        }
    }
}

pub(crate) async fn run(args: &WaitArgs) -> Result<bool> {
    let (remote, places) = chosen(&args.cluster, &args.names, args.selector.as_deref()).await?;
    let until = deadline(args.timeout);
    let mut all = true;
    for place in places {
        all &= wait(&remote, &place, &args.wish(), until, args.timeout).await?;
    }
    Ok(all)
}

/// None for ever.
pub(crate) fn deadline(timeout: Duration) -> Option<Instant> {
    (!timeout.is_zero()).then(|| Instant::now() + timeout)
}

/// Waits for one, telling each change. Whether the wish came true; on standard error why not.
pub(crate) async fn wait(
    remote: &Remote,
    place: &Place,
    wish: &Wish,
    until: Option<Instant>,
    timeout: Duration,
) -> Result<bool> {
    let mut told = BTreeMap::new();
    let mut pause = SHORTEST_PAUSE;
    let mut failures = 0;
    loop {
        let missing = match remote.get(&place.namespace, &place.name).await {
            Ok(application) => {
                failures = 0;
                if tell(&application, &mut told)? {
                    pause = SHORTEST_PAUSE;
                }
                missing(&application, wish)
            }
            Err(RemoteError::NotFound { .. }) if wish.gone => None,
            Err(error @ RemoteError::NotFound { .. }) => return Err(error.into()),
            // It may be restarting; what is waited for goes on without it.
            Err(error) => {
                failures += 1;
                if failures > MOST_FAILURES {
                    return Err(error.into());
                }
                Some(error.to_string())
            }
        };
        let Some(missing) = missing else {
            return Ok(true);
        };
        if until.is_some_and(|until| Instant::now() >= until) {
            crate::print_error(&format!(
                "timed out ({}s) waiting for application {place}: {missing}",
                timeout.as_secs()
            ))?;
            return Ok(false);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// What is not yet as it should be; none when everything is.
pub(crate) fn missing(application: &Value, wish: &Wish) -> Option<String> {
    if wish.gone {
        return Some("it is still there".to_owned());
    }
    let of = |pointer: &str| text(application, pointer).unwrap_or_default();
    let under_way = operation_under_way(application).filter(|_| wish.no_operation);
    if under_way.is_some() {
        return under_way;
    }
    let sync = of("/status/sync/status");
    if wish.synced && sync != "Synced" {
        return Some(format!("sync status is {}", or_unknown(sync)));
    }
    let health = of("/status/health/status");
    if !wish.health.is_empty() && !wish.health.contains(&health) {
        return Some(format!("health status is {}", or_unknown(health)));
    }
    None
}

/// An operation that is asked for, that runs, or whose end the status does not show yet.
fn operation_under_way(application: &Value) -> Option<String> {
    if at(application, "/operation").is_some_and(Value::is_object) {
        return Some("an operation runs".to_owned());
    }
    let state = at(application, "/status/operationState").filter(|state| state.is_object())?;
    let of = |pointer: &str| text(state, pointer).unwrap_or_default();
    if matches!(of("/phase"), "Running" | "Terminating") {
        return Some(format!("an operation runs: {}", of("/message")));
    }
    // Both are RFC 3339 in UTC with whole seconds, and so compare as text.
    let reconciled = text(application, "/status/reconciledAt").unwrap_or_default();
    (reconciled < of("/finishedAt")).then(|| "the status is being refreshed".to_owned())
}

fn or_unknown(status: &str) -> &str {
    if status.is_empty() {
        "not known yet"
    } else {
        status
    }
}

/// Prints the rows that changed since they were told, on standard error: the result is what goes to standard output. Whether there were any.
fn tell(application: &Value, told: &mut BTreeMap<RowKey, Vec<String>>) -> Result<bool> {
    let mut is_news = false;
    for (key, row) in status::resources(application) {
        if told.get(&key) == Some(&row) {
            continue;
        }
        let [group, kind, namespace, name, hook] = &key;
        let column = |at: usize| row.get(at).map(String::as_str).unwrap_or_default();
        let words = [
            group,
            kind,
            namespace,
            name,
            column(4),
            column(5),
            hook,
            column(7),
        ];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let now = jiff::Timestamp::now().strftime("%H:%M:%S");
        writeln!(
            anstream::stderr(),
            "{now}  {}",
            words.join("  ").replace('\n', " ")
        )?;
        told.insert(key, row);
        is_news = true;
    }
    Ok(is_news)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::app::status::tests::synced;

    fn wish(change: impl FnOnce(&mut Wish)) -> Wish {
        let mut wish = Wish::default();
        change(&mut wish);
        wish
    }

    #[test]
    fn what_is_missing_is_named() {
        let everything = wish(|wish| {
            wish.synced = true;
            wish.health = vec!["Healthy"];
            wish.no_operation = true;
        });
        let changed = |pointer: &str, value: Value| {
            let mut application = synced();
            *application.pointer_mut(pointer).expect("there") = value;
            application
        };
        let healthy = || changed("/status/health/status", json!("Healthy"));
        let with_operation = {
            let mut application = healthy();
            application["operation"] = json!({"sync": {}});
            application
        };
        for (application, wish, expected) in [
            (healthy(), &everything, None),
            (synced(), &everything, Some("health status is Progressing")),
            (with_operation, &everything, Some("an operation runs")),
            (
                changed("/status/operationState/phase", json!("Running")),
                &everything,
                Some("an operation runs: successfully synced (all tasks run)"),
            ),
            (
                changed("/status/reconciledAt", json!("2026-01-01T00:00:01Z")),
                &everything,
                Some("the status is being refreshed"),
            ),
            (
                changed("/status/sync/status", json!("OutOfSync")),
                &everything,
                Some("sync status is OutOfSync"),
            ),
            (synced(), &wish(|wish| wish.synced = true), None),
            (
                synced(),
                &wish(|wish| wish.health = vec!["Healthy", "Progressing"]),
                None,
            ),
            (
                synced(),
                &wish(|wish| wish.gone = true),
                Some("it is still there"),
            ),
            (json!({}), &everything, Some("sync status is not known yet")),
        ] {
            assert_eq!(missing(&application, wish).as_deref(), expected, "{wish:?}");
        }
    }
}
