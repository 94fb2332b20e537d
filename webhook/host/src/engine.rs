//! The one wasmtime engine of the process, and how it gets memory for instances.
//!
//! Every call has a fresh instance, so what a call costs is decided here: slots of a pool are used again instead of mapped and unmapped, the
//! initial memory is a copy-on-write image, and where the kernel can tell which pages were touched (`PAGEMAP_SCAN`, Linux 6.7) only those are
//! reset. Measured before this was written: 22 us for a small call with it, 31 us without the scan, 41 us without a pool.

use tidegate_admission::ByteSize;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What one component may hold at most, whatever its policy's limits say: the pool has room for that many times the number of slots.
pub(crate) const MOST_CORE_INSTANCES: u32 = 16;
const MOST_MEMORIES: u32 = 2;
const MOST_TABLES: u32 = 8;
pub(crate) const MOST_TABLE_ELEMENTS: u32 = 100_000;
/// Host functions run on the guest's fiber, below its own stack.
const HOST_STACK: usize = 512 << 10;
/// Pages of a slot that stay mapped for the next call. A small policy touches about 1.2 MiB.
const KEEP_WITH_SCAN: usize = 2 << 20;
/// Without the scan the kept part is cleared by writing all of it, so that more would cost more than it saves.
const KEEP_WITHOUT_SCAN: usize = 64 << 10;

/// How instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool; the kernel tells which pages to reset.
    PoolWithPageScan,
    /// From a pool; the kernel is older than 6.7 or a sandbox around us forbids the call.
    Pool,
    /// Mapped for each call: the address space for a pool could not be had.
    OnDemand,
}

/// What the engine is built for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineSize {
    /// Instances alive at the same time.
    pub(crate) slots: u32,
    /// Of one instance.
    pub(crate) memory: ByteSize,
    /// Of one call.
    pub(crate) stack: ByteSize,
}

/// The best engine that this machine can have.
pub(crate) fn build(size: EngineSize) -> wasmtime::Result<(Engine, Allocation)> {
    let best = if PoolingAllocationConfig::is_pagemap_scan_available() {
        Allocation::PoolWithPageScan
    } else {
        Allocation::Pool
    };
    match Engine::new(&config(size, best)) {
        Ok(engine) => Ok((engine, best)),
        Err(error) => {
            tracing::warn!(%error, "no memory pool: each call will map its own memory, which is slower");
            Ok((
                Engine::new(&config(size, Allocation::OnDemand))?,
                Allocation::OnDemand,
            ))
        }
    }
}

fn config(size: EngineSize, allocation: Allocation) -> Config {
    let stack = bytes(size.stack);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_memory64(false)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK)
        // The same verdict on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true);
    if allocation != Allocation::OnDemand {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(size, allocation)));
    }
    config
}

fn pool(size: EngineSize, allocation: Allocation) -> PoolingAllocationConfig {
    let (keep, scan) = match allocation {
        Allocation::PoolWithPageScan => (KEEP_WITH_SCAN, Enabled::Yes),
        Allocation::Pool | Allocation::OnDemand => (KEEP_WITHOUT_SCAN, Enabled::No),
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(size.slots)
        .total_core_instances(size.slots * MOST_CORE_INSTANCES)
        .total_memories(size.slots * MOST_MEMORIES)
        .total_tables(size.slots * MOST_TABLES)
        .total_stacks(size.slots)
        .max_core_instances_per_component(MOST_CORE_INSTANCES)
        .max_memories_per_component(MOST_MEMORIES)
        .max_tables_per_component(MOST_TABLES)
        .table_elements(MOST_TABLE_ELEMENTS as usize)
        .max_memory_size(bytes(size.memory))
        .linear_memory_keep_resident(keep)
        .table_keep_resident(keep.min(64 << 10))
        .pagemap_scan(scan);
    pool
}

pub(crate) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}
