//! Third part of `make bench`: what it takes from a commit to the cluster, on a real control plane and from a real repository.
//!
//! The targets of processor time are a tenth of what Argo CD 3.5 needed on a machine of this kind (0.09 s for each resource of each sync, changed or not);
//! those of the clock are its own, or what was promised where that is less. Time of processors is the program's with the `git` that it runs.
#![expect(clippy::print_stdout, reason = "the tables are the output")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use serde_json::{Value, json};
use tidegate_load::plane::{Api, Plane};
use tidegate_load::repository::Repository;
use tidegate_load::server::{Bench, Server};
use tidegate_load::table::{Row, Target, machine_load, print};

/// Measures the optimised program on a control plane of its own.
#[derive(Debug, Parser)]
struct Args {
    /// The program to measure.
    #[arg(long)]
    tidegate: PathBuf,
    /// How many times everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The most objects of one Application.
    #[arg(long, default_value_t = 1000)]
    objects: usize,
    /// How many Applications are made at once.
    #[arg(long, default_value_t = 100)]
    applications: usize,
}

/// Objects, and the seconds that it may take from a commit: all of them made, one of them changed, nothing changed.
const SIZES: [(usize, [f64; 3]); 3] = [
    (10, [2.1, 1.2, 0.2]),
    (100, [6.5, 5.5, 0.3]),
    (1000, [128.0, 1.0, 4.3]),
];
const STEPS: [&str; 3] = ["created", "one changed", "nothing changed"];
/// A tenth of the peer's processor time for each resource.
const MOST_FOR_EACH: f64 = 0.009;
const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
/// Objects of each of many Applications at first, and when memory is looked at.
const FEW: usize = 5;
const MANY: usize = 100;
const DRIFTS: usize = 5;
const IDLE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let bench = Bench::new(args.tidegate.clone())?;
    println!("load average before: {}", machine_load());
    let mut figures = Figures::default();
    for round in 0..args.rounds {
        measure(&args, &bench, round, &mut figures).await?;
    }
    print("Figures and targets", &figures.rows);
    println!("load average after: {}", machine_load());
    Ok(())
}

async fn measure(args: &Args, bench: &Bench, round: usize, figures: &mut Figures) -> Result<()> {
    let plane = Plane::start()?;
    let name = format!("applications-{round}");
    let folder = bench.folder.path().join(&name);
    let cache = folder.join("cache");
    let cache = cache.to_str().context("the folder's path is not UTF-8")?;
    let arguments = ["--control-namespace", "argocd", "--sources-cache", cache];
    let server = plane.reconciler(bench, &name, "Application", &arguments)?;
    let mut lab = Lab {
        api: plane.api().await?,
        plane: &plane,
        server,
        repository: Repository::new(folder.join("repository"))?,
    };
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}});
    lab.api.create("/api/v1/namespaces", &namespace).await?;
    // A new API server turns requests for new kinds away for a second or two.
    lab.repository.write("first", 0..1, "1", |_| 0)?;
    lab.repository.commit()?;
    lab.sync("first").await?;
    for (count, targets) in SIZES {
        if count <= args.objects {
            lab.commits(count, targets, figures).await?;
        }
    }
    lab.waves(figures).await?;
    lab.crowd(args.applications, figures).await
}

/// A control plane, the program and a repository.
struct Lab<'a> {
    plane: &'a Plane,
    api: Api,
    server: Server,
    repository: Repository,
}

impl Lab<'_> {
    /// One Application: made, one of its objects changed, and nothing changed.
    async fn commits(
        &mut self,
        count: usize,
        targets: [f64; 3],
        figures: &mut Figures,
    ) -> Result<()> {
        let name = format!("one-{count}");
        self.repository.write(&name, 0..count, "1", |_| 0)?;
        for (step, (what, target)) in STEPS.into_iter().zip(targets).enumerate() {
            if step == 1 {
                self.repository.write(&name, 0..1, "2", |_| 0)?;
            }
            // The last step has nothing to commit.
            let revision = match step {
                2 => None,
                _ => Some(self.repository.commit()?),
            };
            let (begun, before) = (Instant::now(), self.spent()?);
            if step == 0 {
                self.create(&name).await?;
            } else {
                self.refresh(&name).await?;
            }
            let is_done = |object: &Value| {
                let is_at = |revision: &String| {
                    object.pointer("/status/sync/revision") == Some(&json!(revision))
                };
                is_named(object, &name)
                    && revision.as_ref().is_none_or(is_at)
                    && is_settled(object)
                    && object.pointer(REFRESH).is_none()
            };
            self.plane.until(APPLICATIONS, 1, is_done).await?;
            let clock = begun.elapsed().as_secs_f64();
            let spent = self.spent()? - before;
            let what = format!("{count} objects, {what}");
            figures.add(&what, clock, "s", Target::Most(target));
            // What changes nothing is a hundredth of a second or two, which is what the kernel counts in.
            let most = f64::from(u32::try_from(count)?) * MOST_FOR_EACH;
            let what = format!("{what}, processor time");
            figures.add(&what, spent, "s", Target::Most(most));
        }
        Ok(())
    }

    /// Five waves of objects that are healthy as soon as they are there.
    async fn waves(&mut self, figures: &mut Figures) -> Result<()> {
        self.repository.write("waves", 0..5, "1", |number| number)?;
        self.repository.commit()?;
        let begun = Instant::now();
        self.sync("waves").await?;
        let clock = begun.elapsed().as_secs_f64();
        figures.add("five waves, created", clock, "s", Target::Most(1.5));
        Ok(())
    }

    /// Many Applications: made at once, one of them drifting, at rest, and grown.
    async fn crowd(&mut self, count: usize, figures: &mut Figures) -> Result<()> {
        let names: Vec<String> = (0..count).map(|number| format!("many-{number}")).collect();
        for name in &names {
            self.repository.write(name, 0..FEW, "1", |_| 0)?;
        }
        self.repository.commit()?;
        let (begun, before, writes) = (Instant::now(), self.spent()?, self.writes().await?);
        for name in &names {
            self.create(name).await?;
        }
        let is_done = |object: &Value| is_one_of_many(object) && is_settled(object);
        self.plane.until(APPLICATIONS, count, is_done).await?;
        let clock = begun.elapsed().as_secs_f64();
        let spent = self.spent()? - before;
        let many = f64::from(u32::try_from(count)?);
        let writes = (self.writes().await? - writes) / many;
        let what = format!("{count} Applications of {FEW} objects, created");
        figures.add(&what, clock, "s", Target::Most(10.0));
        let few = f64::from(u32::try_from(FEW)?);
        let most = Target::Most(many * few * MOST_FOR_EACH);
        figures.add(&format!("{what}, processor time"), spent, "s", most);
        let what = format!("{what}, writes to each");
        figures.add(&what, writes, "", Target::Most(3.0));

        for number in 0..DRIFTS {
            let clock = self.drift("many-0", &format!("drift {number}")).await?;
            let what = format!("drift {}, healed", number + 1);
            figures.add(&what, clock * 1e3, "ms", Target::Most(300.0));
        }

        // What was delivered last is looked at once more before there is rest.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = self.spent()?;
        tokio::time::sleep(IDLE).await;
        let share = (self.spent()? - before) / IDLE.as_secs_f64() * 100.0;
        let what = format!("{count} Applications at rest, of one processor");
        figures.add(&what, share, "%", Target::Most(1.0));

        for name in &names {
            self.repository.write(name, 0..MANY, "2", |_| 0)?;
        }
        let revision = self.repository.commit()?;
        for name in &names {
            self.refresh(name).await?;
        }
        let is_done = |object: &Value| {
            is_one_of_many(object)
                && object.pointer("/status/sync/revision") == Some(&json!(revision))
                && is_settled(object)
        };
        self.plane.until(APPLICATIONS, count, is_done).await?;
        let objects = count * MANY;
        let what = format!("resident, {count} Applications, {objects} objects");
        let resident = self.server.resident()?;
        figures.add(&what, resident, "MiB", Target::Most(100.0));
        let what = format!("most that was resident, {count} Applications, {objects} objects");
        figures.add(&what, self.server.peak()?, "MiB", Target::None);
        Ok(())
    }

    /// Changes an object behind the Application's back; the seconds until it is as it was.
    async fn drift(&mut self, name: &str, value: &str) -> Result<f64> {
        let objects = format!("/api/v1/namespaces/{name}/configmaps");
        let begun = Instant::now();
        let patch = json!({"data": {"value": value}});
        let drifted = self.api.patch(&format!("{objects}/c-0"), &patch).await?;
        let since = version(&drifted);
        let is_done = |object: &Value| {
            is_named(object, "c-0")
                && version(object) > since
                && object.pointer("/data/value") == Some(&json!("1"))
        };
        self.plane.until(&objects, 1, is_done).await?;
        let healed = begun.elapsed().as_secs_f64();
        let is_done = |object: &Value| is_named(object, name) && is_settled(object);
        self.plane.until(APPLICATIONS, 1, is_done).await?;
        Ok(healed)
    }

    /// Makes an Application and waits until it is synced.
    async fn sync(&mut self, name: &str) -> Result<()> {
        self.create(name).await?;
        let is_done = |object: &Value| is_named(object, name) && is_settled(object);
        self.plane.until(APPLICATIONS, 1, is_done).await
    }

    async fn create(&mut self, name: &str) -> Result<()> {
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.repository.url(), "path": name, "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}, "syncOptions": ["CreateNamespace=true"]},
            },
        });
        self.api.create(APPLICATIONS, &application).await?;
        Ok(())
    }

    async fn refresh(&mut self, name: &str) -> Result<()> {
        let patch = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
        let path = format!("{APPLICATIONS}/{name}");
        self.api.patch(&path, &patch).await?;
        Ok(())
    }

    /// Seconds of processor time so far.
    fn spent(&self) -> Result<f64> {
        Ok(self.server.whole_processor_time()?.as_secs_f64())
    }

    /// Writes to Applications so far, creations aside.
    async fn writes(&mut self) -> Result<f64> {
        let metrics = self.api.get("/metrics").await?;
        let counts = metrics.lines().filter(|line| {
            line.starts_with("apiserver_request_total{")
                && line.contains(r#"resource="applications""#)
                && ["PATCH", "PUT"]
                    .iter()
                    .any(|verb| line.contains(&format!(r#"verb="{verb}""#)))
        });
        let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(counts.sum())
    }
}

/// Where the wish for a look stands until it was had.
const REFRESH: &str = "/metadata/annotations/argocd.argoproj.io~1refresh";

fn is_named(object: &Value, name: &str) -> bool {
    object.pointer("/metadata/name") == Some(&json!(name))
}

fn is_one_of_many(object: &Value) -> bool {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.is_some_and(|name| name.starts_with("many-"))
}

/// Synced, healthy, and no operation under way.
fn is_settled(object: &Value) -> bool {
    [
        ("/status/sync/status", "Synced"),
        ("/status/health/status", "Healthy"),
        ("/status/operationState/phase", "Succeeded"),
    ]
    .iter()
    .all(|(pointer, word)| object.pointer(pointer) == Some(&json!(word)))
}

fn version(object: &Value) -> Option<u64> {
    let version = object.pointer("/metadata/resourceVersion")?;
    version.as_str()?.parse().ok()
}

/// Rows as they come, each with the values of all rounds.
#[derive(Default)]
struct Figures {
    rows: Vec<Row>,
    places: BTreeMap<String, usize>,
}

impl Figures {
    fn add(&mut self, what: &str, value: f64, unit: &'static str, target: Target) {
        let next = self.rows.len();
        let place = *self.places.entry(what.to_owned()).or_insert(next);
        if place == next {
            self.rows.push(Row {
                what: what.to_owned(),
                values: Vec::new(),
                unit,
                target,
            });
        }
        if let Some(row) = self.rows.get_mut(place) {
            row.values.push(value);
        }
    }
}
