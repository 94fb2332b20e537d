//! SIGTERM under load: a replica goes, another takes over, and no call is lost.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::gate::plane;
use crate::tidegate::{Gated, Start, Tidegate, atlas_schema};

/// Server-side dry runs from four kubectls, each of many objects, while `meanwhile` runs and until it has ended. All must be accepted. Gives how
/// many there were.
pub(crate) fn under_load(gate: &Gated<'_>, meanwhile: impl FnOnce()) -> usize {
    const OBJECTS: usize = 40;
    let list: Vec<String> = (0..OBJECTS)
        .map(|index| {
            atlas_schema(
                &format!("load-{index}"),
                "sqlite://load.db",
                "CREATE TABLE t (id integer PRIMARY KEY);",
            )
        })
        .collect();
    let list = list.join("\n---\n");
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let arguments = [
                            "create",
                            "-n",
                            &gate.namespace,
                            "--dry-run=server",
                            "-f",
                            "-",
                        ];
                        let output = gate.plane.kubectl(&arguments, &list).unwrap();
                        assert!(output.success(), "a call was lost: {}", output.stderr);
                        calls.fetch_add(OBJECTS, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
    });
    calls.into_inner()
}

/// What a Service does: new connections go to a replica that is ready; those that are open stay where they are.
struct Service {
    address: String,
}

impl Service {
    fn new(backends: Arc<Mutex<Vec<String>>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        std::thread::spawn(move || {
            for (turn, client) in listener.incoming().map_while(Result::ok).enumerate() {
                let ready = backends.lock().unwrap().clone();
                if let Ok(backend) = TcpStream::connect(&ready[turn % ready.len()]) {
                    for (mut from, mut to) in [
                        (client.try_clone().unwrap(), backend.try_clone().unwrap()),
                        (backend, client),
                    ] {
                        std::thread::spawn(move || {
                            let _ = io::copy(&mut from, &mut to);
                            let _ = to.shutdown(std::net::Shutdown::Write);
                        });
                    }
                }
            }
        });
        Ok(Self { address })
    }
}

#[test]
fn a_replica_that_goes_under_load_loses_no_call() {
    let ca = tempfile::tempdir().unwrap();
    let start = || Start {
        arguments: vec!["--ca-folder".into(), ca.path().display().to_string()],
        ..Start::default()
    };
    let mut first = Tidegate::start(&start()).unwrap();
    let second = Tidegate::start(&start()).unwrap();
    let backends = Arc::new(Mutex::new(vec![first.webhook.clone()]));
    let service = Service::new(backends.clone()).unwrap();
    let bundle = std::fs::read_to_string(ca.path().join("ca.crt")).unwrap();
    let gate = Gated::new(plane(), "drain", &service.address, &bundle, "Fail").unwrap();
    let answered = |tidegate: &Tidegate| {
        tidegate
            .metric("tidegate_admission_requests_total", "")
            .unwrap()
    };
    let before = answered(&first);
    let calls = under_load(&gate, || {
        crate::tidegate::eventually("load on the first replica", || {
            Ok((answered(&first) > before + 50.0).then_some(()))
        })
        .unwrap();
        first.terminate().unwrap();
        // The endpoint goes as soon as the replica says that it is not ready, as the endpoint controller sees to.
        crate::tidegate::eventually("the first replica to be not ready", || {
            Ok(first.get("/readyz")?.0.eq(&503).then_some(()))
        })
        .unwrap();
        *backends.lock().unwrap() = vec![second.webhook.clone()];
        assert!(first.wait_exit().unwrap().success());
        crate::tidegate::eventually("load on the second replica", || {
            Ok((answered(&second) > 50.0).then_some(()))
        })
        .unwrap();
    });
    assert!(calls > 100, "too little load to tell: {calls} calls");
}
