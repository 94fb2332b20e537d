//! What objects on a real API server cost: one after another, many at once, what the program holds when nothing happens, and looks at large schemas.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tidegate_load::plane::{Api, Plane};
use tidegate_load::server::{Bench, Server};
use tidegate_load::table::{Row, Target};
use tidegate_load::tables::Tables;

use crate::databases::{Databases, ENGINES};
use crate::{Args, ratios};

const ONE_BY_ONE: usize = 30;
const AT_ONCE: usize = 100;
const AT_REST: usize = 1000;
/// Looks that find nothing: the kernel counts in hundredths of a second, and one takes one or a few.
const LOOKS: u32 = 10;
/// How long a look is waited for: `MOST_WAITS` times `WAIT`.
const WAIT: Duration = Duration::from_millis(100);
const MOST_WAITS: u32 = 600;
/// What an ordinary object wants.
const ORDINARY: Tables = Tables {
    count: 3,
    grown: false,
};

/// Objects on a real API server: one after another, many at once, and what the program holds when nothing happens, on SQLite; and a large schema on
/// each engine.
pub(crate) async fn measure(args: &Args, bench: &Bench) -> Result<Vec<Row>> {
    let plane = Plane::start()?;
    let mut latency = Vec::new();
    let (mut at_once, mut at_once_cpu, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    let mut large = Vec::new();
    for engine in ENGINES {
        let databases = Databases::start(engine, bench.folder.path())?;
        large.push((engine, databases, Looks::default()));
    }
    for round in 0..args.rounds {
        let name = format!("schemas-{round}");
        // The objects of earlier rounds are nobody's any more.
        let only = ["--reconcile-namespace", &name];
        let server = plane.reconciler(bench, &name, "AtlasSchema", &only)?;
        let objects = Objects::new(&plane, bench, &name)?;
        let mut api = objects.namespace().await?;
        for number in 0..ONE_BY_ONE {
            let begun = Instant::now();
            objects
                .create(&mut api, number, &objects.file(number), ORDINARY)
                .await?;
            objects.ready(number + 1).await?;
            latency.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let spent = || server.whole_processor_time().map(|time| time.as_secs_f64());
        let (begun, before) = (Instant::now(), spent()?);
        for number in ONE_BY_ONE..ONE_BY_ONE + AT_ONCE {
            objects
                .create(&mut api, number, &objects.file(number), ORDINARY)
                .await?;
        }
        objects.ready(ONE_BY_ONE + AT_ONCE).await?;
        at_once.push(begun.elapsed().as_secs_f64());
        at_once_cpu.push(spent()? - before);
        for number in ONE_BY_ONE + AT_ONCE..AT_REST {
            objects
                .create(&mut api, number, &objects.file(number), ORDINARY)
                .await?;
        }
        objects.ready(AT_REST).await?;
        resident.push(server.resident()?);

        let tables = Tables {
            count: args.tables,
            grown: false,
        };
        for (number, (_, databases, looks)) in (AT_REST..).zip(&mut large) {
            let url = databases.url(&format!("large_{round}"))?;
            let before = server.processor_time_at_rest().await?;
            objects.create(&mut api, number, &url, tables).await?;
            objects.ready(number + 1).await?;
            let ready = server.processor_time_at_rest().await?;
            looks.first.push(seconds(before, ready, 1));
            for look in 0..LOOKS {
                objects.annotate(&mut api, &server, number, look).await?;
            }
            let same = server.processor_time_at_rest().await?;
            looks.same.push(seconds(ready, same, LOOKS));
            for look in 0..LOOKS {
                objects.comment(&mut api, number, tables, look).await?;
            }
            let commented = server.processor_time_at_rest().await?;
            looks.commented.push(seconds(same, commented, LOOKS));
        }
    }
    let row = |what: String, values, unit, target| Row {
        what,
        values,
        unit,
        target,
    };
    let tables = args.tables;
    let mut rows = vec![
        row(
            "AtlasSchema on SQLite, created to Ready".to_owned(),
            latency,
            "ms",
            Target::Most(150.0),
        ),
        row(
            format!("{AT_ONCE} AtlasSchemas at once, all Ready"),
            at_once,
            "s",
            Target::Most(5.0),
        ),
        row(
            format!("{AT_ONCE} AtlasSchemas at once, processor time"),
            at_once_cpu,
            "s",
            Target::None,
        ),
        row(
            format!("resident, {AT_REST} AtlasSchemas at rest"),
            resident,
            "MiB",
            Target::Most(100.0),
        ),
    ];
    for (engine, _, looks) in large {
        let Looks {
            first,
            same,
            commented,
        } = looks;
        let ratio = ratios(&first, &same);
        let what = |look| format!("AtlasSchema of {tables} tables on {engine}, {look}");
        rows.extend([
            row(what("first look, processor time"), first, "s", Target::None),
            row(
                what("look that finds nothing, processor time"),
                same,
                "s",
                Target::None,
            ),
            row(
                what("look that finds another comment, processor time"),
                commented,
                "s",
                Target::None,
            ),
            row(
                what("the first look / the one that finds nothing"),
                ratio,
                "x",
                Target::Least(10.0),
            ),
        ]);
    }
    Ok(rows)
}

/// Seconds of processor time of looks at an object of many tables, by rounds.
#[derive(Default)]
struct Looks {
    /// The one that makes the tables, with what is done when the object is ready.
    first: Vec<f64>,
    /// Another, at the same object.
    same: Vec<f64>,
    /// Another, where a comment in the text has changed: the text has to be read anew.
    commented: Vec<f64>,
}

/// What each of so many looks took.
fn seconds(before: Duration, after: Duration, looks: u32) -> f64 {
    after.saturating_sub(before).as_secs_f64() / f64::from(looks)
}

/// Objects in a namespace of their own.
struct Objects<'a> {
    plane: &'a Plane,
    folder: PathBuf,
    namespace: String,
    path: String,
}

impl<'a> Objects<'a> {
    fn new(plane: &'a Plane, bench: &Bench, namespace: &str) -> Result<Self> {
        let folder = bench.folder.path().join(namespace);
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            plane,
            folder,
            namespace: namespace.to_owned(),
            path: format!("/apis/db.atlasgo.io/v1alpha1/namespaces/{namespace}/atlasschemas"),
        })
    }

    async fn namespace(&self) -> Result<Api> {
        let mut api = self.plane.api().await?;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}});
        api.create("/api/v1/namespaces", &namespace).await?;
        Ok(api)
    }

    /// Where an ordinary object's database is.
    fn file(&self, number: usize) -> String {
        format!("sqlite://{}/{number}.db", self.folder.display())
    }

    async fn create(&self, api: &mut Api, number: usize, url: &str, tables: Tables) -> Result<()> {
        let object = json!({
            "apiVersion": "db.atlasgo.io/v1alpha1",
            "kind": "AtlasSchema",
            "metadata": {"name": format!("s{number}")},
            "spec": {"url": url, "schema": {"sql": tables.sql()}},
        });
        api.create(&self.path, &object).await?;
        Ok(())
    }

    /// So many are what their generation wants.
    async fn ready(&self, count: usize) -> Result<()> {
        self.plane.until(&self.path, count, is_ready).await
    }

    /// Somebody writes an annotation that means nothing here: the object is looked at once.
    async fn annotate(
        &self,
        api: &mut Api,
        server: &Server,
        number: usize,
        look: u32,
    ) -> Result<()> {
        const LOOKED: &str =
            r#"tidegate_reconcile_duration_seconds_count{kind="AtlasSchema",outcome="done"}"#;
        let before = server.metric(LOOKED)?;
        let path = format!("{}/s{number}", self.path);
        let patch = json!({"metadata": {"annotations": {"example.org/look": look.to_string()}}});
        api.patch(&path, &patch).await?;
        for _ in 0..MOST_WAITS {
            if server.metric(LOOKED)? > before {
                return Ok(());
            }
            tokio::time::sleep(WAIT).await;
        }
        bail!("s{number} is not looked at");
    }

    /// The same schema with another comment: a new generation, and nothing to do.
    async fn comment(&self, api: &mut Api, number: usize, tables: Tables, look: u32) -> Result<()> {
        let sql = format!("-- The same, {look}.\n{}", tables.sql());
        let name = format!("s{number}");
        let path = format!("{}/{name}", self.path);
        let patch = json!({"spec": {"schema": {"sql": sql}}});
        let generation = api.patch(&path, &patch).await?;
        let generation = generation.pointer("/metadata/generation").cloned();
        let current = |object: &Value| {
            object.pointer("/metadata/name") == Some(&json!(name))
                && object.pointer("/metadata/generation") == generation.as_ref()
                && is_ready(object)
        };
        self.plane.until(&self.path, 1, current).await
    }
}

fn is_ready(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    let generation = object.pointer("/metadata/generation");
    generation.is_some()
        && conditions.into_iter().any(|condition| {
            condition.get("type") == Some(&json!("Ready"))
                && condition.get("status") == Some(&json!("True"))
                && condition.get("observedGeneration") == generation
        })
}
