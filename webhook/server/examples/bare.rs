//! The server without policies: the floor that `make bench` measures policies against.
//!
//! `bare CA_FILE [none|one]` writes the certificate authority to `CA_FILE`, prints `listening on ADDRESS`, and answers until it is interrupted. With
//! `none` no policy is asked; with `one` a policy that says nothing, which adds the counting and deciding for one policy but no sandbox.
#![expect(
    clippy::print_stdout,
    reason = "the address is for whoever started this"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tidegate_admission::{
    Call, Enforcement, Evaluate, Evaluated, PolicyState, PolicyStatus, Timing, Verdict,
};
use tidegate_server::{
    Authority, CertificateSource, Gate, Readiness, RequestLimits, Server, Settings,
};

/// So many policies that say nothing: none or one.
struct Silent {
    enforcement: Option<Arc<Enforcement>>,
    name: Arc<str>,
}

impl Evaluate for Silent {
    async fn evaluate(&self, _: Call) -> Vec<Evaluated> {
        let said = |enforcement: &Arc<Enforcement>| Evaluated {
            policy: Arc::clone(&self.name),
            enforcement: Arc::clone(enforcement),
            outcome: Ok(Verdict::default()),
            timing: Timing::default(),
            memory_bytes: 0,
        };
        self.enforcement.iter().map(said).collect()
    }

    fn policies(&self) -> Vec<PolicyStatus> {
        let status = |_| PolicyStatus {
            name: Arc::clone(&self.name),
            digest: None,
            state: PolicyState::Ready,
            info: None,
        };
        self.enforcement.iter().map(status).collect()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let ca_file = arguments.next().context("usage: bare CA_FILE [none|one]")?;
    let one = arguments.next().is_some_and(|policies| policies == "one");

    let authority = Authority::generate(SystemTime::now())?;
    std::fs::write(&ca_file, authority.certificate_pem())
        .with_context(|| format!("writing {ca_file}"))?;
    let names = vec!["localhost".into(), "127.0.0.1".into()];
    let certificate = CertificateSource::Own {
        authority: authority.into(),
        names,
        lifetime: Duration::from_hours(24),
    };
    let mut settings = Settings::new(certificate);
    settings.webhook = ([127, 0, 0, 1], 0).into();
    settings.health = None;
    settings.drain.announce = Duration::ZERO;

    let gate = Gate::new(RequestLimits::default(), Readiness::default());
    gate.serve_policies(Arc::new(Silent {
        enforcement: one.then(Arc::default),
        name: "silent".into(),
    }));
    let server = Server::bind(settings, gate)?;
    println!("listening on {}", server.webhook_address()?);
    server
        .run(async {
            // Without a handler for interrupts there is nothing better to do than to go.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
    Ok(())
}
