//! Where a policy's memory comes from: a heap for programs that live as long as one call.
//!
//! Every review has a fresh instance, so that a heap need not stand the test of time, and what costs is what the host must do for it: each growth of
//! the linear memory changes the protection of pages, which stops every other thread of the gate for a moment. The standard library's heap grows the
//! memory for its first byte and in small steps after that. This one starts in what the module has from the start (1 MiB more
//! than its stack and data, by `policies/componentize`), and grows in large steps.
//!
//! Blocks come in sizes of sixteens up to 512 bytes, and of four steps to each doubling above. What is freed is kept by size and used again; it is
//! never joined. The block at the end of the heap grows in place, as a text or list that is being filled does.
//!
//! It is for one thread, which is all that a policy has, and only used when built for WebAssembly.

use core::alloc::Layout;
use core::ptr::null_mut;

/// Bytes of a page of linear memory.
const PAGE: usize = 64 << 10;
/// Every block is a multiple of it, and aligned to it.
const UNIT: usize = 16;
/// Blocks up to this size are all the multiples of [`UNIT`].
const SMALL: usize = 512;
const SMALL_CLASSES: usize = SMALL / UNIT;
/// Four for each doubling from [`SMALL`] to 4 GiB.
const CLASSES: usize = SMALL_CLASSES + 4 * 23;

/// A linear memory that can grow.
pub(crate) trait Memory {
    /// The first byte that is the heap's.
    fn start(&self) -> usize;
    /// Pages there are.
    fn pages(&self) -> usize;
    /// Adds pages; none when there are no more to be had.
    fn grow(&mut self, pages: usize) -> Option<()>;
}

/// The heap of one memory.
pub(crate) struct Heap<M> {
    memory: M,
    /// The first block that was freed, of each size; its first word is the address of the next. Zero for none.
    free: [usize; CLASSES],
    /// The first byte that was never given away; zero before the first block.
    top: usize,
}

impl<M: Memory> Heap<M> {
    pub(crate) const fn new(memory: M) -> Self {
        Self {
            memory,
            free: [0; CLASSES],
            top: 0,
        }
    }

    pub(crate) fn allocate(&mut self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            return self.carve(layout.size(), layout.align());
        };
        match self.free.get(class) {
            Some(&block) if block != 0 => {
                // SAFETY: a freed block is at least a word long, aligned, and holds what `release` wrote.
                let next = unsafe { *(block as *const usize) };
                if let Some(first) = self.free.get_mut(class) {
                    *first = next;
                }
                block as *mut u8
            }
            _ => self.carve(size_of_class(class), UNIT),
        }
    }

    /// # Safety
    /// The block came from [`Heap::allocate`] with this layout, and nobody uses it any more.
    pub(crate) unsafe fn release(&mut self, block: *mut u8, layout: Layout) {
        // One with an alignment of its own is not used again: there are next to none.
        let Some(class) = class_of(layout) else {
            return;
        };
        if block as usize + size_of_class(class) == self.top {
            self.top = block as usize;
        } else if let Some(first) = self.free.get_mut(class) {
            // SAFETY: the block is at least a word long and aligned to more, and it is ours again.
            unsafe { *(block as usize as *mut usize) = *first };
            *first = block as usize;
        }
    }

    /// # Safety
    /// As for [`Heap::release`]; the new size is not zero.
    pub(crate) unsafe fn resize(&mut self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(size, old.align()) else {
            return null_mut();
        };
        if let (Some(before), Some(after)) = (class_of(old), class_of(new)) {
            if before == after {
                return block;
            }
            let is_last = block as usize + size_of_class(before) == self.top;
            if is_last && self.reserve(block as usize, size_of_class(after)) {
                self.top = block as usize + size_of_class(after);
                return block;
            }
        }
        let moved = self.allocate(new);
        if !moved.is_null() {
            // SAFETY: both are at least so long, and they are two blocks.
            unsafe {
                core::ptr::copy_nonoverlapping(block, moved, old.size().min(size));
                self.release(block, old);
            }
        }
        moved
    }

    /// A block that nobody ever had.
    fn carve(&mut self, size: usize, align: usize) -> *mut u8 {
        if self.top == 0 {
            self.top = self.memory.start();
        }
        let align = align.max(UNIT);
        let Some(start) = self.top.checked_next_multiple_of(align) else {
            return null_mut();
        };
        if !self.reserve(start, size) {
            return null_mut();
        }
        self.top = start + size.next_multiple_of(UNIT);
        start as *mut u8
    }

    /// Makes sure that there is memory for a block; in steps of an eighth, so that large heaps grow seldom.
    fn reserve(&mut self, start: usize, size: usize) -> bool {
        let Some(end) = start
            .checked_add(size)
            .and_then(|end| end.checked_add(UNIT))
        else {
            return false;
        };
        let pages = self.memory.pages();
        let missing = end.div_ceil(PAGE).saturating_sub(pages);
        missing == 0
            || self.memory.grow(missing.max(pages / 8)).is_some()
            || self.memory.grow(missing).is_some()
    }
}

/// Which list a block belongs to; none where it asks for more than the usual alignment.
fn class_of(layout: Layout) -> Option<usize> {
    if layout.align() > UNIT {
        return None;
    }
    let size = layout.size().max(1);
    if size <= SMALL {
        return Some((size - 1) / UNIT);
    }
    let doubling = (size - 1).ilog2();
    let quarter = ((size - 1) >> (doubling - 2)) & 3;
    let class = SMALL_CLASSES + (doubling as usize - SMALL.ilog2() as usize) * 4 + quarter;
    (class < CLASSES).then_some(class)
}

/// The size of the blocks in a list.
const fn size_of_class(class: usize) -> usize {
    if class < SMALL_CLASSES {
        return (class + 1) * UNIT;
    }
    let above = class - SMALL_CLASSES;
    let doubling = above / 4 + SMALL.ilog2() as usize;
    (1 << doubling) + ((above % 4 + 1) << (doubling - 2))
}

#[cfg(target_arch = "wasm32")]
mod global {
    use core::alloc::{GlobalAlloc, Layout};
    use core::arch::wasm32::{memory_grow, memory_size};
    use core::cell::UnsafeCell;

    use super::{Heap, Memory, UNIT};

    unsafe extern "C" {
        /// The linker's: the first byte behind stack and data.
        static __heap_base: u8;
    }

    struct Linear;

    impl Memory for Linear {
        fn start(&self) -> usize {
            (&raw const __heap_base as usize).next_multiple_of(UNIT)
        }

        fn pages(&self) -> usize {
            memory_size::<0>()
        }

        fn grow(&mut self, pages: usize) -> Option<()> {
            (memory_grow::<0>(pages) != usize::MAX).then_some(())
        }
    }

    struct OneThread(UnsafeCell<Heap<Linear>>);

    // SAFETY: a policy has one thread.
    unsafe impl Sync for OneThread {}

    #[global_allocator]
    static HEAP: OneThread = OneThread(UnsafeCell::new(Heap::new(Linear)));

    // SAFETY: one thread, and nothing in the heap calls back into it.
    unsafe impl GlobalAlloc for OneThread {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            unsafe { (*self.0.get()).allocate(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            unsafe { (*self.0.get()).release(block, layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            unsafe { (*self.0.get()).resize(block, layout, size) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory that ends after so many pages.
    struct Limited {
        buffer: Vec<u128>,
        pages: usize,
    }

    impl Limited {
        fn new(most: usize) -> Self {
            Self {
                buffer: vec![0; most * PAGE / size_of::<u128>()],
                pages: 1,
            }
        }
    }

    impl Memory for Limited {
        fn start(&self) -> usize {
            self.buffer.as_ptr() as usize
        }

        fn pages(&self) -> usize {
            self.start() / PAGE + self.pages
        }

        fn grow(&mut self, pages: usize) -> Option<()> {
            let pages = self.pages + pages;
            // A page less, because the buffer does not start at a page.
            (pages < self.buffer.len() * size_of::<u128>() / PAGE).then(|| self.pages = pages)
        }
    }

    #[test]
    fn a_class_holds_what_is_put_into_it() {
        for size in (1..5000).chain([65_536, 65_537, 1 << 20, (1 << 20) + 1, 1 << 31]) {
            let class = class_of(Layout::from_size_align(size, 8).unwrap()).unwrap();
            let room = size_of_class(class);
            assert!(room >= size, "{size} in {room}");
            assert!(
                room <= (size + UNIT).max(size + size / 4),
                "{size} in {room}"
            );
            assert_eq!(room % UNIT, 0, "{size} in {room}");
            if class > 0 {
                assert!(size_of_class(class - 1) < size, "{size} fits a smaller one");
            }
        }
    }

    /// Blocks of many sizes, grown, shrunk and freed in an order that only looks random, keep what was written into them.
    #[test]
    fn blocks_keep_what_is_in_them() {
        let mut heap = Heap::new(Limited::new(64));
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut seed = 1_u32;
        let mut next = |most: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % most
        };
        let check = |(block, layout, mark): (*mut u8, Layout, u8)| {
            // SAFETY: the block is held and so long.
            let bytes = unsafe { core::slice::from_raw_parts(block, layout.size()) };
            assert!(bytes.iter().all(|byte| *byte == mark));
        };
        for round in 0..20_000_u32 {
            let mark = round.to_le_bytes()[0];
            match next(3) {
                0 if !held.is_empty() => {
                    let one = held.swap_remove(next(held.len()));
                    check(one);
                    // SAFETY: it is held no more.
                    unsafe { heap.release(one.0, one.1) };
                }
                1 if !held.is_empty() => {
                    let index = next(held.len());
                    let (block, layout, mark) = held[index];
                    let size = 1 + next(3000);
                    // SAFETY: it is held, with this layout.
                    let moved = unsafe { heap.resize(block, layout, size) };
                    assert!(!moved.is_null());
                    let kept = size.min(layout.size());
                    let layout = Layout::from_size_align(size, layout.align()).unwrap();
                    // SAFETY: the block is so long.
                    unsafe {
                        let bytes = core::slice::from_raw_parts(moved, kept);
                        assert!(bytes.iter().all(|byte| *byte == mark));
                        moved.write_bytes(mark, size);
                    }
                    held[index] = (moved, layout, mark);
                }
                _ => {
                    let layout = Layout::from_size_align(1 + next(700), 1 << next(7)).unwrap();
                    let block = heap.allocate(layout);
                    assert!(!block.is_null());
                    assert_eq!(block as usize % layout.align(), 0);
                    // SAFETY: the block is so long.
                    unsafe { block.write_bytes(mark, layout.size()) };
                    held.push((block, layout, mark));
                    if held.len() > 300 {
                        let one = held.swap_remove(0);
                        check(one);
                        // SAFETY: it is held no more.
                        unsafe { heap.release(one.0, one.1) };
                    }
                }
            }
        }
        held.into_iter().for_each(check);
    }

    #[test]
    fn the_last_block_grows_where_it_is() {
        let mut heap = Heap::new(Limited::new(64));
        let layout = Layout::from_size_align(100, 1).unwrap();
        let block = heap.allocate(layout);
        // SAFETY: it is held, with this layout.
        let grown = unsafe { heap.resize(block, layout, 1_000_000) };
        assert_eq!(grown, block);
    }

    #[test]
    fn what_cannot_be_had_is_refused_and_the_rest_goes_on() {
        let mut heap = Heap::new(Limited::new(8));
        let huge = Layout::from_size_align(1 << 20, 8).unwrap();
        assert!(heap.allocate(huge).is_null());
        let layout = Layout::from_size_align(300_000, 8).unwrap();
        assert!(!heap.allocate(layout).is_null());
        assert!(heap.allocate(layout).is_null());
        assert!(
            !heap
                .allocate(Layout::from_size_align(10, 8).unwrap())
                .is_null()
        );
    }
}
