//! The arena: heap and stack in one piece of memory.
//!
//! ```text
//!  0                        partition                        len
//!  | block | gap | block |      ...      | block | block |
//!    heap, grows up ->                    <- stack, grows down
//!  block = [padding] guard, elements, guard [padding to 8 bytes]
//! ```
//!
//! Pushing and popping take constant time: programs do it ten thousands of times a second. The heap is looked through.
//!
//! Invariant: blocks do not overlap; those of the heap lie below those of the stack; elements are aligned as their
//! type (and `MA_set_numalign`) wants; every live block has both guards written. Handles grow, so the stack is in their order.

use super::types::{LARGEST, Type};
use std::alloc::{Layout, alloc};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::c_long;
use std::ptr::NonNull;

/// Bytes of a guard.
const GUARD: usize = 8;
/// What guards hold before and after the elements.
const GUARDS: [u64; 2] = [0xaaaa_5555_aaaa_5555, 0x5555_aaaa_5555_aaaa];
/// Blocks begin and end at multiples of this.
const UNIT: usize = 8;
/// Alignment of elements unless more is asked for: what `malloc` gives.
const ALIGNMENT: usize = 16;
/// The most a block needs beyond its elements, for the default alignment.
pub(super) const OVERHEAD: usize = 2 * GUARD + LARGEST + UNIT;

/// Letters of a name that are kept.
pub(super) const NAME: usize = 31;

/// A block's name, as the program gave it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Name {
    bytes: [u8; NAME],
    len: u8,
}

impl Name {
    /// The first of these bytes.
    pub(crate) fn new(bytes: impl Iterator<Item = u8>) -> Name {
        let mut name = Name::default();
        for (to, byte) in name.bytes.iter_mut().zip(bytes) {
            *to = byte;
            name.len += 1;
        }
        name
    }

    /// In words; a letter that was cut in two shows as such.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes[..usize::from(self.len)])
    }
}

/// A block's descriptor.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) name: Name,
    pub(super) datatype: Type,
    pub(super) elements: usize,
    /// Offsets of the block and of its elements, and the block's bytes.
    pub(super) start: usize,
    first: usize,
    pub(super) len: usize,
    pub(super) is_heap: bool,
}

/// Which guard of a block was overwritten.
pub(super) struct Damage {
    pub(super) before: bool,
    pub(super) after: bool,
}

impl Damage {
    /// In words; nothing if there is none.
    pub(super) fn text(&self) -> Option<&'static str> {
        match (self.before, self.after) {
            (false, false) => None,
            (true, false) => Some("something wrote before its elements"),
            (false, true) => Some("something wrote behind its elements"),
            (true, true) => Some("something wrote before and behind its elements"),
        }
    }
}

/// What is in use now, and the most that was at once.
#[derive(Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) blocks: usize,
    pub(super) bytes: usize,
    pub(super) most_blocks: usize,
    pub(super) most_bytes: usize,
}

/// Room between heap and stack, or what of it the partition leaves.
#[derive(Clone, Copy)]
pub(crate) enum Room {
    /// Everything between heap and stack.
    Gap,
    /// From the heap to the partition, whether or not the stack has grown beyond it.
    HeapHalf,
    /// The same, and not beyond the stack.
    HeapHalfFree,
    /// From the partition to the stack, whether or not the heap has grown beyond it.
    StackHalf,
    /// The same, and not below the heap.
    StackHalfFree,
}

/// The arena.
pub(crate) struct Arena {
    memory: NonNull<u8>,
    partition: usize,
    len: usize,
    /// The heap's blocks by handle, their handles by offset, and where the last of them ends.
    heap: BTreeMap<c_long, Block>,
    by_offset: BTreeMap<usize, c_long>,
    heap_end: usize,
    /// The stack's blocks, the latest last.
    stack: Vec<(c_long, Block)>,
    next: c_long,
    /// Of heap and stack.
    usage: [Usage; 2],
}

// SAFETY: the memory is the arena's own, and its elements are only touched by the program.
unsafe impl Send for Arena {}

fn up(value: usize, unit: usize) -> usize {
    value.next_multiple_of(unit)
}

impl Arena {
    /// An arena with room for these many bytes of elements, if the system has them. It lives until the process ends.
    pub(super) fn new(heap_bytes: usize, stack_bytes: usize) -> Option<Arena> {
        let partition = up(heap_bytes.checked_add(OVERHEAD)?, UNIT);
        let len = partition.checked_add(up(stack_bytes.checked_add(OVERHEAD)?, UNIT))?;
        let layout = Layout::from_size_align(len, 64).ok()?;
        // SAFETY: the length is not zero.
        let memory = NonNull::new(unsafe { alloc(layout) })?;
        Some(Arena {
            memory,
            partition,
            len,
            heap: BTreeMap::new(),
            by_offset: BTreeMap::new(),
            heap_end: 0,
            stack: Vec::new(),
            next: 0,
            usage: Default::default(),
        })
    }

    /// The heap's end and the stack's beginning.
    fn edges(&self) -> (usize, usize) {
        (self.heap_end, self.stack.last().map_or(self.len, |(_, block)| block.start))
    }

    /// Finds the heap's end anew.
    fn measure(&mut self) {
        let last = self.by_offset.last_key_value().and_then(|(_, handle)| self.heap.get(handle));
        self.heap_end = last.map_or(0, |block| block.start + block.len);
    }

    /// Where the elements would be, and where the block would end, if it began at `start`.
    fn upward(&self, start: usize, bytes: usize, alignment: usize) -> Option<(usize, usize)> {
        let base = self.memory.as_ptr() as usize;
        let first = up(base + start + GUARD, alignment) - base;
        Some((first, up(first.checked_add(bytes)?.checked_add(GUARD)?, UNIT)))
    }

    /// The same for a block that ends at `end`: where the elements would be, and where it would begin.
    fn downward(&self, end: usize, bytes: usize, alignment: usize) -> Option<(usize, usize)> {
        let base = self.memory.as_ptr() as usize;
        let last = end.checked_sub(bytes.checked_add(GUARD)?)?;
        let first = ((base + last) / alignment * alignment).checked_sub(base)?;
        Some((first, first.checked_sub(GUARD)? / UNIT * UNIT))
    }

    /// A heap block in the first gap that is large enough; its handle, or how many bytes were missing room.
    pub(super) fn allocate(
        &mut self,
        datatype: Type,
        elements: usize,
        numalign: u32,
        name: Name,
    ) -> Result<c_long, usize> {
        let bytes = elements.checked_mul(datatype.size).ok_or(usize::MAX)?;
        let alignment = alignment(datatype, numalign);
        let fits = |start: usize, end: usize| {
            let (first, after) = self.upward(start, bytes, alignment)?;
            (after <= end).then_some((start, first, after))
        };
        let (mut found, mut start) = (None, 0);
        for (offset, handle) in &self.by_offset {
            found = fits(start, *offset);
            if found.is_some() {
                break;
            }
            start = offset + self.heap.get(handle).map_or(0, |block| block.len);
        }
        let found = found.or_else(|| fits(start, self.edges().1));
        let (start, first, after) = found.ok_or(bytes.saturating_add(OVERHEAD))?;
        let block = Block { name, datatype, elements, start, first, len: after - start, is_heap: true };
        let handle = self.add(&block);
        self.heap.insert(handle, block);
        self.by_offset.insert(start, handle);
        self.measure();
        Ok(handle)
    }

    /// A block on top of the stack.
    pub(super) fn push(
        &mut self,
        datatype: Type,
        elements: usize,
        numalign: u32,
        name: Name,
    ) -> Result<c_long, usize> {
        let bytes = elements.checked_mul(datatype.size).ok_or(usize::MAX)?;
        let (heap, end) = self.edges();
        let found = self.downward(end, bytes, alignment(datatype, numalign));
        let found = found.filter(|(_, start)| *start >= heap);
        let (first, start) = found.ok_or(bytes.saturating_add(OVERHEAD))?;
        let len = end - start;
        let block = Block { name, datatype, elements, start, first, len, is_heap: false };
        let handle = self.add(&block);
        self.stack.push((handle, block));
        Ok(handle)
    }

    fn add(&mut self, block: &Block) -> c_long {
        self.set_guards(block);
        let handle = self.next;
        // A handle is not used again, so one that was given back is known as such.
        self.next += 1;
        let usage = &mut self.usage[usize::from(!block.is_heap)];
        usage.blocks += 1;
        usage.bytes += block.len;
        usage.most_blocks = usage.most_blocks.max(usage.blocks);
        usage.most_bytes = usage.most_bytes.max(usage.bytes);
        handle
    }

    fn count_out(&mut self, block: &Block) {
        let usage = &mut self.usage[usize::from(!block.is_heap)];
        usage.blocks -= 1;
        usage.bytes -= block.len;
    }

    /// Of heap and stack.
    pub(super) fn usage(&self) -> [Usage; 2] {
        self.usage
    }

    #[inline]
    pub(super) fn block(&self, handle: c_long) -> Option<&Block> {
        match self.stack.last() {
            Some((top, block)) if *top == handle => Some(block),
            _ => match self.stack.binary_search_by_key(&handle, |(handle, _)| *handle) {
                Ok(place) => Some(&self.stack[place].1),
                Err(_) => self.heap.get(&handle),
            },
        }
    }

    /// Live blocks with their handles, in the order they were made.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (c_long, &Block)> {
        let mut next = self.following(-1);
        std::iter::from_fn(move || {
            let handle = next?;
            next = self.following(handle);
            self.block(handle).map(|block| (handle, block))
        })
    }

    /// The handle after this one.
    pub(super) fn following(&self, handle: c_long) -> Option<c_long> {
        let place = self.stack.partition_point(|(other, _)| *other <= handle);
        let in_stack = self.stack.get(place).map(|(handle, _)| *handle);
        let in_heap = self.heap.range(handle + 1..).next().map(|(handle, _)| *handle);
        in_stack.into_iter().chain(in_heap).min()
    }

    /// Is the latest block of the stack.
    #[inline]
    pub(super) fn is_top(&self, handle: c_long) -> bool {
        self.stack.last().is_some_and(|(top, _)| *top == handle)
    }

    /// Gives a heap block back.
    pub(super) fn free(&mut self, handle: c_long) {
        if let Some(block) = self.heap.remove(&handle) {
            self.by_offset.remove(&block.start);
            self.count_out(&block);
            self.measure();
        }
    }

    /// Gives the last elements of a heap block back.
    pub(super) fn shrink(&mut self, handle: c_long, elements: usize) {
        let Some(block) = self.heap.get_mut(&handle) else { return };
        block.elements = elements;
        self.usage[0].bytes -= block.len;
        block.len = up(block.first + elements * block.datatype.size + GUARD, UNIT) - block.start;
        self.usage[0].bytes += block.len;
        let block = *block;
        self.set_guards(&block);
        self.measure();
    }

    /// Gives a stack block back, and all that were pushed after it.
    pub(super) fn chop(&mut self, handle: c_long) {
        while let Some((top, block)) = self.stack.pop() {
            self.count_out(&block);
            if top == handle {
                return;
            }
        }
    }

    /// The first element.
    pub(super) fn pointer(&self, block: &Block) -> *mut u8 {
        self.memory.as_ptr().wrapping_add(block.first)
    }

    fn guards(&self, block: &Block) -> [*mut u64; 2] {
        let first = self.pointer(block);
        let last = first.wrapping_add(block.elements * block.datatype.size);
        [first.wrapping_sub(GUARD).cast(), last.cast()]
    }

    fn set_guards(&self, block: &Block) {
        for (place, value) in self.guards(block).into_iter().zip(GUARDS) {
            // SAFETY: both guards lie in the block, which is in the arena; the program has no business there.
            unsafe { place.write_unaligned(value) };
        }
    }

    /// Which guards were overwritten.
    pub(super) fn damage(&self, block: &Block) -> Damage {
        let [before, after] = self.guards(block);
        // SAFETY: as in `set_guards`.
        let is_hurt = unsafe { [before.read_unaligned() != GUARDS[0], after.read_unaligned() != GUARDS[1]] };
        Damage { before: is_hurt[0], after: is_hurt[1] }
    }

    /// How many elements one more block could have in this room.
    pub(super) fn elements(&self, room: Room, datatype: Type, numalign: u32) -> usize {
        let (heap, stack) = self.edges();
        let (start, end) = match room {
            Room::Gap => (heap, stack),
            Room::HeapHalf => (heap, self.partition),
            Room::HeapHalfFree => (heap, self.partition.min(stack)),
            Room::StackHalf => (self.partition, stack),
            Room::StackHalfFree => (self.partition.max(heap), stack),
        };
        let is_stack = matches!(room, Room::StackHalf | Room::StackHalfFree);
        self.between(start, end, datatype, numalign, is_stack)
    }

    /// How many elements the largest gap between heap blocks could take.
    pub(super) fn fragment(&self, datatype: Type, numalign: u32) -> usize {
        let (mut most, mut start) = (0, 0);
        for (offset, handle) in &self.by_offset {
            most = most.max(self.between(start, *offset, datatype, numalign, false));
            start = offset + self.heap.get(handle).map_or(0, |block| block.len);
        }
        most
    }

    fn between(&self, start: usize, end: usize, datatype: Type, numalign: u32, is_stack: bool) -> usize {
        let alignment = alignment(datatype, numalign);
        let fits = |elements: usize| {
            let bytes = elements * datatype.size;
            if is_stack {
                self.downward(end, bytes, alignment).is_some_and(|(_, from)| from >= start)
            } else {
                self.upward(start, bytes, alignment).is_some_and(|(_, after)| after <= end)
            }
        };
        // The padding depends on the number by less than two alignments, so few tries are needed.
        let mut elements = end.saturating_sub(start) / datatype.size;
        while elements > 0 && !fits(elements) {
            elements -= 1;
        }
        elements
    }
}

/// What elements are aligned to.
fn alignment(datatype: Type, numalign: u32) -> usize {
    ALIGNMENT.max(datatype.size).max(1 << numalign)
}
