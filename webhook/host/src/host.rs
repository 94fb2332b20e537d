//! The process's one [`Host`]: engine, clock, slow lane and cache of compiled code, shared by all policy sets that it loads.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use tidegate_admission::ByteSize;
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::cache::Cache;
use crate::engine::{self, Allocation, EngineSize};
use crate::lane::Lane;
use crate::ticker::Ticker;

/// How a host is set up. The defaults fit a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSettings {
    /// Where compiled code is kept between starts; none: compile at each start.
    pub cache: Option<PathBuf>,
    /// Calls at once on the threads of whoever calls; each leaves after 2 ms at the latest.
    pub concurrency: u32,
    /// Calls at once in the slow lane; more are refused.
    pub slow_concurrency: u32,
    /// Threads of the slow lane; none: as many as cores.
    pub slow_threads: Option<usize>,
    /// Calls that wait for one policy; more are refused.
    pub queue: usize,
    /// The largest memory limit that a policy may be given.
    pub largest_memory: ByteSize,
    /// The call stack of every guest; a policy's own limit must not be larger.
    pub stack: ByteSize,
    /// The largest component file.
    pub largest_component: ByteSize,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            cache: None,
            concurrency: 32,
            slow_concurrency: 32,
            slow_threads: None,
            queue: 256,
            largest_memory: ByteSize(1 << 30),
            stack: ByteSize(512 << 10),
            largest_component: ByteSize(32 << 20),
        }
    }
}

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The Wasm engine could not be set up.
    #[error("failed to set up the Wasm engine: {0:#}")]
    Engine(wasmtime::Error),
    /// A thread could not be started.
    #[error("failed to start a thread for policies: {0}")]
    Thread(#[source] std::io::Error),
}

/// Runs policies.
#[derive(Debug)]
pub struct Host {
    pub(crate) shared: Arc<Shared>,
}

/// What every policy keeps alive.
#[derive(Debug)]
pub(crate) struct Shared {
    // In this order dropped: the lane's calls end before the ticks that end them.
    pub(crate) lane: Lane,
    pub(crate) ticker: Ticker,
    pub(crate) engine: Engine,
    pub(crate) allocation: Allocation,
    pub(crate) cache: Option<Cache>,
    pub(crate) fast: Semaphore,
    pub(crate) slow: Arc<Semaphore>,
    pub(crate) queue: usize,
    pub(crate) settings: HostSettings,
}

impl Host {
    /// Sets up engine, threads and cache. A cache folder that cannot be trusted is not used, with a warning: it only costs time.
    pub fn new(settings: HostSettings) -> Result<Arc<Self>, HostError> {
        let slots = settings.concurrency.max(1) + settings.slow_concurrency.max(1);
        let size = EngineSize {
            slots,
            memory: settings.largest_memory,
            stack: settings.stack,
        };
        let (engine, allocation) = engine::build(size).map_err(HostError::Engine)?;
        let cache = settings.cache.as_deref().and_then(|folder| match Cache::open(folder, &engine) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "compiled policies are not cached");
                None
            }
        });
        let threads = settings
            .slow_threads
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let shared = Shared {
            lane: Lane::start(threads).map_err(HostError::Thread)?,
            ticker: Ticker::start(&engine).map_err(HostError::Thread)?,
            engine,
            allocation,
            cache,
            fast: Semaphore::new(settings.concurrency.max(1) as usize),
            slow: Arc::new(Semaphore::new(settings.slow_concurrency.max(1) as usize)),
            queue: settings.queue,
            settings,
        };
        Ok(Arc::new(Self {
            shared: Arc::new(shared),
        }))
    }

    /// How instances get their memory on this machine.
    pub fn allocation(&self) -> Allocation {
        self.shared.allocation
    }

    /// Whether compiled code is kept.
    pub fn is_caching(&self) -> bool {
        self.shared.cache.is_some()
    }
}
