//! Runs a control plane for a person or a script, with the chart's CRDs installed where asked for.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use tidegate_kit::{ControlPlane, Options};

/// Runs a throw-away Kubernetes control plane: etcd, kube-apiserver, controller manager, all on loopback.
///
/// Prints the path of its kubeconfig as the first line when it is ready, then waits for the end of standard input or a
/// signal and takes everything down again.
#[derive(Debug, Parser)]
struct Args {
    /// Folder for the kubeconfig, certificates and logs; it stays.
    #[arg(long)]
    dir: PathBuf,
    /// Install the CRDs of charts/tidegate.
    #[arg(long)]
    crds: bool,
    /// Run until a signal comes, whatever happens to standard input.
    #[arg(long)]
    ignore_stdin: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let options = Options {
        folder: Some(args.dir),
        ..Options::default()
    }
    .with_housekeeping();
    let plane = ControlPlane::start_with(&options)?;
    if args.crds {
        plane.install_crds()?;
    }
    writeln!(io::stdout(), "{}", plane.kubeconfig().display())
        .context("printing the kubeconfig's path")?;
    // Signals need no handler: the plane's guard sees this process go.
    if args.ignore_stdin {
        loop {
            std::thread::park();
        }
    }
    io::copy(&mut io::stdin(), &mut io::sink()).context("waiting for the end of standard input")?;
    Ok(())
}
