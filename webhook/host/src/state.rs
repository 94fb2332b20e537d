//! What a guest's store holds on the host's side: its limits and its log. Nothing else: a policy can only ask for what stands here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tidegate_admission::Limits;
use wasmtime::ResourceLimiter;

use crate::bindings::tidegate::policy::{log, types};
use crate::engine::bytes;
use crate::log::LogGate;
use crate::meter::{Report, add_since};

/// The store's data.
pub(crate) struct State {
    /// Memory, tables, instances.
    pub(crate) limiter: Limiter,
    log: Arc<LogGate>,
    lines: u32,
    report: Arc<Report>,
}

/// Holds a store to its policy's limits.
pub(crate) struct Limiter {
    memory_limit: usize,
    memory: usize,
    table_limit: usize,
    tables: usize,
    instances: usize,
    /// A growth was refused. The guest may go on without it; if it traps, this is why.
    pub(crate) memory_refused: bool,
    report: Arc<Report>,
}

impl State {
    pub(crate) fn new(limits: &Limits, log: Arc<LogGate>, report: Arc<Report>) -> Self {
        Self {
            limiter: Limiter {
                memory_limit: bytes(limits.memory),
                memory: 0,
                table_limit: limits.table_elements as usize,
                tables: 0,
                instances: limits.instances as usize,
                memory_refused: false,
                report: Arc::clone(&report),
            },
            log,
            lines: 0,
            report,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.memory.saturating_sub(current).saturating_add(desired);
        if all > self.memory_limit {
            self.memory_refused = true;
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory = all;
        self.report.memory.fetch_max(all as u64, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.tables.saturating_sub(current).saturating_add(desired);
        if all > self.table_limit || maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.tables = all;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }
}

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        let start = Instant::now();
        self.log.write(&mut self.lines, level, &message);
        add_since(&self.report.host, start);
    }
}
