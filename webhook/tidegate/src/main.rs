//! The door: arguments in, rooms wired, exit code out.
//!
//! Exit codes are part of the contract: 0 nothing denied, 1 something denied (or a policy's test failed), 2 bad usage or unreadable input. Nothing is
//! decided here; what can be decided without I/O is in a pure room.

mod app;
mod check;
mod connect;
mod explain;
mod gate;
mod migrate;
mod plan_review;
mod policies;
mod policy;
mod schema;
mod serve;
mod sources;
mod tx_mode;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

/// For the SQLite inside, which asks the C library: it allocates each part of its schema anew for each `ALTER TABLE`, and the C library's allocator takes
/// a third of that time. Naming it here links it; its `malloc` then stands in for the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command says what it found, where there is no third way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HumanOrJson {
    Human,
    Json,
}

/// The gate between Git and the database.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the admission webhook, and the reconciler beside it.
    Serve(Box<serve::ServeArgs>),
    /// Judge manifests and SQL files as the webhook would. Exits with 1 when something is denied.
    Check(check::CheckArgs),
    /// Applications: list, sync, wait, roll back; what their sources make, what a sync would do, how healthy objects are.
    #[command(subcommand)]
    App(app::AppCommand),
    /// Folders of versioned migrations: seal, validate, import, apply.
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Databases: what is there, what should be, and the way from one to the other.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Explain a rule: what, why, an example, and what to write instead.
    Explain(explain::ExplainArgs),
    /// Write, build, test and inspect policies.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Print a shell's completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("cannot start threads")),
    };
    let result = runtime.block_on(run(cli.command));
    // What still runs (a guest's last call, a blocking read) must not keep a finished command from ending.
    runtime.shutdown_background();
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => failed(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Serve(args) => serve::run(*args).await.map(|()| true),
        Command::Check(args) => {
            quiet_logs();
            check::run(&args).await
        }
        Command::App(command) => {
            quiet_logs();
            Box::pin(app::run(&command)).await
        }
        Command::Migrate(command) => {
            quiet_logs();
            Box::pin(migrate::run(command)).await
        }
        Command::Schema(command) => {
            quiet_logs();
            Box::pin(schema::run(command)).await
        }
        Command::Explain(args) => {
            quiet_logs();
            explain::run(&args).await.map(|()| true)
        }
        Command::Policy(command) => {
            quiet_logs();
            policy::run(command).await
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tidegate", &mut script);
            print(&String::from_utf8_lossy(&script)).map(|()| true)
        }
    }
}

/// For commands that a person runs: only warnings, and on standard error.
fn quiet_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TIDEGATE_LOG")
        .unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
}

fn failed(error: &anyhow::Error) -> ExitCode {
    // A reader that had enough (`| head`) is no error.
    let broken_pipe = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
    if broken_pipe {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(anstream::stderr(), "error: {error:#}");
    ExitCode::from(2)
}

/// To standard error, as a reason for the exit code 1.
fn print_error(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(anstream::stderr(), "error: {text}")?)
}

/// To standard output; colours are taken out where it is no terminal.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// `1 file`, `2 files`.
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Whether a person at the terminal says yes to `question`; none where nobody sits at one.
fn agreed(question: &str) -> anyhow::Result<Option<bool>> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(None);
    }
    // Not among what a script reads.
    anstream::stderr().write_all(question.as_bytes())?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let answer = answer.trim().to_lowercase();
    Ok(Some(matches!(answer.as_str(), "yes" | "y")))
}
