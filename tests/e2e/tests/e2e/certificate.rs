//! Certificates that somebody else renews, as Kubernetes mounts them: a link to a folder that is swapped.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tidegate_kit::certificates::{Authority, Identity};

use crate::gate::plane;
use crate::tidegate::{Gated, Start, Tidegate, eventually};

/// A Secret's mount: `tls.crt` leads to `..data/tls.crt`, and `..data` to the folder of the moment.
fn mount(folder: &Path, generation: usize, identity: &Identity) {
    let name = format!("..{generation}");
    std::fs::create_dir(folder.join(&name)).unwrap();
    std::fs::write(folder.join(&name).join("tls.crt"), &identity.certificate).unwrap();
    std::fs::write(folder.join(&name).join("tls.key"), &identity.key).unwrap();
    symlink(&name, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    if let Some(previous) = generation.checked_sub(1) {
        std::fs::remove_dir_all(folder.join(format!("..{previous}"))).unwrap();
        return;
    }
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), folder.join(file)).unwrap();
    }
}

/// The certificate that a new connection gets.
fn served(tidegate: &Tidegate) -> String {
    let (host, port) = tidegate.webhook.rsplit_once(':').unwrap();
    let program = "import ssl,sys; print(ssl.get_server_certificate((sys.argv[1], int(sys.argv[2]))), end='')";
    let output = Command::new("python3")
        .args(["-c", program, host, port])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n")
}

#[test]
fn five_swaps_under_load_lose_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("e2e").unwrap();
    let leaf = || authority.server("tidegate", &["127.0.0.1"]).unwrap();
    mount(folder.path(), 0, &leaf());
    let path = |file: &str| folder.path().join(file).display().to_string();
    let start = Start {
        arguments: vec![
            "--tls-cert".into(),
            path("tls.crt"),
            "--tls-key".into(),
            path("tls.key"),
        ],
        ..Start::default()
    };
    let tidegate = Tidegate::start(&start).unwrap();
    let gate = Gated::new(
        plane(),
        "swap",
        &tidegate.webhook,
        authority.certificate(),
        "Fail",
    )
    .unwrap();
    let calls = crate::shutdown::under_load(&gate, || {
        for generation in 1..=5usize {
            let next = leaf();
            mount(folder.path(), generation, &next);
            eventually("the swapped certificate", || {
                Ok((served(&tidegate) == next.certificate).then_some(()))
            })
            .unwrap();
        }
    });
    assert!(calls > 50, "too little load to tell: {calls} calls");
}
