//! What a message does to the memory of this process.
//!
//! The only place where a peer's numbers become addresses: they are checked against the arena first, so that a peer gone wild is an
//! error and not a wild store.

use super::message::{ADD_WORD, Kind, LIST, Message, SET_WORD, UNHEARD};
use super::shape::Shape;
use crate::bell::bell;
use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::layout::Layout;
use crate::stall::{Waiting, Watch};
use crate::transport::bundle::{Entry, entries};
use crate::transport::letter::Inbox;
use crate::transport::{Amo, apply_amo};
use shm::accumulate::{self, Target};
use shm::atomics::Atomic;
use shm::sync::{Lock, SpinPolicy, WaitContext};
use shm::{DType, Heap, copy};
use std::sync::Arc;

/// How a message ended.
pub(super) enum Served {
    /// It has taken effect.
    Done,
    /// It has, and the source gets this value.
    Answer(u64),
    /// The mutex is held by somebody else, and the source waits for it.
    Busy,
    /// The source gets the data it asked for.
    Data,
    /// It can't take effect, because it makes no sense.
    Refused(String),
}

/// This process's arena, as peers see it.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) heap: Arc<Heap>,
    pub(super) layout: Arc<Layout>,
    pub(super) watch: Arc<Watch>,
    pub(super) policy: SpinPolicy,
    /// Where letters for the program go.
    pub(super) inbox: Arc<Inbox>,
    /// What messages of this job say of it.
    pub(super) job: u64,
    /// Bytes that one message may ask for.
    pub(super) longest_get: usize,
}

impl Memory {
    /// This process's world rank.
    pub(super) fn me(&self) -> usize {
        self.layout.me()
    }

    /// Where an offset of the own arena is mapped.
    pub(super) fn address(&self, offset: u64) -> *mut u8 {
        self.heap.address(self.heap.rank(), offset as usize)
    }

    /// Whether a box lies in the arena.
    fn holds(&self, offset: u64, shape: &Shape) -> bool {
        let Some((below, above)) = shape.extent() else { return false };
        let offset = offset as usize;
        let end = offset.checked_add(above);
        below <= offset && end.is_some_and(|end| end <= self.heap.arena_len())
    }

    /// Lets a numbered message take effect.
    pub(super) fn serve(&self, message: &Message<'_>) -> Served {
        let head = &message.head;
        if message.kind.is_moving() && head.flags & LIST != 0 {
            return self.serve_list(message);
        }
        if message.kind == Kind::Letter {
            return self.accept(head.source as usize, message.body);
        }
        if message.kind == Kind::Bundle {
            return self.serve_bundle(message);
        }
        let end = (head.at as usize).saturating_add(head.len as usize);
        let shape = match message.kind {
            kind if kind.is_moving() && head.levels > 0 => message.shape,
            kind if kind.is_moving() => Shape::run(end),
            Kind::Lock | Kind::Unlock => Shape::run(size_of::<Lock>()),
            _ => Shape::run(8),
        };
        let has_body = matches!(message.kind, Kind::Put | Kind::Accumulate);
        let is_whole = !has_body || message.body.len() == head.len as usize;
        // Other kinds have numbers of their own there.
        let is_stretch = has_body || message.kind == Kind::Get;
        let is_inside = !is_stretch || end <= shape.len() || head.len == 0;
        let is_placed = match message.kind {
            Kind::Lock | Kind::Unlock => self.address(head.offset).cast::<Lock>().is_aligned(),
            Kind::Amo => {
                matches!(head.len, 4 | 8)
                    && head.offset.is_multiple_of(head.len)
                    && usize::from(head.variant) < Amo::ALL.len()
            }
            Kind::Get => head.len as usize <= self.longest_get,
            _ => true,
        };
        if !is_inside || !is_whole || !is_placed || !self.holds(head.offset, &shape) {
            return Served::Refused(format!("it sent a request that makes no sense: {head:?}"));
        }
        match message.kind {
            Kind::Put => {
                // SAFETY: the box lies in the own arena, and the stretch in the box.
                unsafe { unpack(self.address(head.offset), &shape, head.at as usize, message.body) };
                match head.flags & (SET_WORD | ADD_WORD) {
                    0 => Served::Done,
                    how if self.holds(head.token, &Shape::run(8)) => {
                        self.signal(head.token, how == SET_WORD, head.value)
                    }
                    _ => Served::Refused(format!("it signalled a word outside the arena: {head:?}")),
                }
            }
            Kind::Accumulate => self.accumulate(message, message.body, |visit| {
                let offset = head.offset as usize;
                shape.for_each_run(head.at as usize, message.body.len(), |at, len| {
                    visit(offset.wrapping_add_signed(at), len);
                });
            }),
            Kind::Get => Served::Data,
            Kind::Amo => self.amo(message),
            Kind::Signal => self.signal(head.offset, head.variant == 0, head.value),
            Kind::Lock => match self.try_lock(head.offset, head.source as usize) {
                None => Served::Answer(0),
                Some(owner) if head.variant == 0 || owner == Some(head.source) => Served::Answer(said(owner)),
                Some(_) => Served::Busy,
            },
            Kind::Unlock => self.unlock(head.offset, head.source),
            _ => Served::Done,
        }
    }

    /// Lets the entries of a bundle take effect, one after another; none does unless all make sense.
    fn serve_bundle(&self, message: &Message<'_>) -> Served {
        let mut aligned = Vec::new();
        let body = aligned_body(message.body, &mut aligned);
        let is_good = |entry: Option<Entry<'_>>| {
            entry.is_some_and(|entry| self.holds(entry.offset, &Shape::run(entry.data.len())))
        };
        if !entries(body).all(is_good) {
            return Served::Refused(format!("it sent a bundle that makes no sense: {:?}", message.head));
        }
        for Entry { offset, scale, data } in entries(body).flatten() {
            match scale {
                // SAFETY: the place lies in the own arena, as just checked.
                None => unsafe { copy::copy(self.address(offset), data.as_ptr(), data.len()) },
                Some((dtype, alpha)) => {
                    let visit = |visit: &mut dyn FnMut(usize, usize)| visit(offset as usize, data.len());
                    if let Err(why) = self.add(dtype, alpha, data, visit) {
                        return Served::Refused(why);
                    }
                }
            }
        }
        Served::Done
    }

    /// Takes a letter for the program, and rings the bell.
    fn accept(&self, source: usize, letter: &[u8]) -> Served {
        match self.inbox.accept(source, letter) {
            Ok(()) => {
                bell(&self.heap, self.heap.rank()).add(1);
                Served::Done
            }
            Err(why) => Served::Refused(why),
        }
    }

    /// Changes a word inside the arena, and rings the bell.
    fn signal(&self, offset: u64, is_set: bool, value: u64) -> Served {
        let word = self.address(offset).cast::<u64>();
        if !word.is_aligned() {
            return Served::Refused("it signalled an odd address".into());
        }
        // SAFETY: an aligned word of the own arena, which everybody accesses atomically.
        unsafe {
            match is_set {
                true => u64::store_release(word, value),
                false => drop(u64::fetch_add(word, value)),
            }
        }
        bell(&self.heap, self.heap.rank()).add(1);
        Served::Done
    }

    /// The mutex at a place that [`Memory::serve`] has checked.
    fn lock_at(&self, offset: u64) -> &Lock {
        // SAFETY: mapped, aligned, and inside the arena, as checked; a lock is made of atomics, and segments of mutexes hold
        // nothing else.
        unsafe { &*self.address(offset).cast::<Lock>() }
    }

    /// Takes a mutex for `source`; or says who has it.
    pub(super) fn try_lock(&self, offset: u64, source: usize) -> Option<Option<u32>> {
        let lock = self.lock_at(offset);
        if lock.try_lock(source as u32) { None } else { Some(lock.owner()) }
    }

    fn unlock(&self, offset: u64, source: u32) -> Served {
        let lock = self.lock_at(offset);
        let owner = lock.owner();
        if owner != Some(source) {
            return Served::Answer(said(owner));
        }
        lock.unlock(source);
        Served::Answer(0)
    }

    fn amo(&self, message: &Message<'_>) -> Served {
        let (head, target) = (&message.head, self.address(message.head.offset));
        let amo = Amo::ALL[usize::from(head.variant)];
        // SAFETY: aligned and in the own arena; other ranks access it atomically or race by their own fault.
        let old = unsafe { apply_amo(target, amo, head.len as usize, head.value, head.at) };
        if head.flags & UNHEARD == 0 { Served::Answer(old) } else { Served::Done }
    }

    /// Lets a message about a list of runs take effect.
    fn serve_list(&self, message: &Message<'_>) -> Served {
        let head = &message.head;
        let Some((starts, data)) = self.runs(message) else {
            return Served::Refused(format!("it sent a list that makes no sense: {head:?}"));
        };
        let run = head.value as usize;
        match message.kind {
            Kind::Put => {
                for (start, bytes) in starts.zip(data.chunks(run)) {
                    // SAFETY: `runs` has checked that the run lies in the own arena.
                    unsafe { copy::copy(self.address(start), bytes.as_ptr(), run) };
                }
                Served::Done
            }
            Kind::Accumulate => self.accumulate(message, data, |visit| {
                starts.for_each(|start| visit(start as usize, run));
            }),
            _ => Served::Data,
        }
    }

    /// Where the runs of a list begin in the arena, and the data that follows; nothing unless all lie there, and are as many as the
    /// head says.
    fn runs<'m>(&self, message: &Message<'m>) -> Option<(impl Iterator<Item = u64> + use<'m>, &'m [u8])> {
        let (head, arena) = (message.head, self.heap.arena_len() as u64);
        let count = head.len.checked_div(head.value)? as usize;
        let (list, data) = message.body.split_at_checked(count.checked_mul(8)?)?;
        let expected = if message.kind == Kind::Get { 0 } else { head.len };
        let base = head.offset;
        let word = move |bytes: &[u8; 8]| base.checked_add(u64::from_ne_bytes(*bytes));
        let is_inside = |bytes: &[u8; 8]| {
            word(bytes).and_then(|start| start.checked_add(head.value)).is_some_and(|end| end <= arena)
        };
        let is_short = message.kind != Kind::Get || head.len as usize <= self.longest_get && head.at == 0;
        let is_whole = count as u64 * head.value == head.len && data.len() as u64 == expected && is_short;
        let words = list.as_chunks::<8>().0;
        (is_whole && words.iter().all(is_inside)).then(|| (words.iter().filter_map(word), data))
    }

    /// Appends the runs of a list to `buffer`.
    pub(super) fn pack_runs(&self, message: &Message<'_>, buffer: &mut Vec<u8>) {
        let Some((starts, _)) = self.runs(message) else { return };
        let run = message.head.value as usize;
        buffer.reserve(message.head.len as usize);
        for start in starts {
            let end = buffer.len();
            // SAFETY: `runs` has checked that the run lies in the own arena; there is room, and the bytes are initialised then.
            unsafe {
                copy::copy(buffer.as_mut_ptr().add(end), self.address(start), run);
                buffer.set_len(end + run);
            }
        }
    }

    /// Adds `body` to runs of the arena: `each` visits them in order, with offset and length.
    fn accumulate(
        &self,
        message: &Message<'_>,
        body: &[u8],
        each: impl FnOnce(&mut dyn FnMut(usize, usize)),
    ) -> Served {
        let head = &message.head;
        let Some(dtype) = DType::ALL.get(usize::from(head.variant).wrapping_sub(1)).copied() else {
            return Served::Refused(format!("it accumulated elements of unknown type {}", head.variant));
        };
        match self.add(dtype, message.alpha, body, each) {
            Ok(()) => Served::Done,
            Err(why) => Served::Refused(format!("{why}: {head:?}")),
        }
    }

    /// The same for a type and a factor; or why not.
    fn add(
        &self,
        dtype: DType,
        alpha: [u8; 16],
        body: &[u8],
        each: impl FnOnce(&mut dyn FnMut(usize, usize)),
    ) -> Result<(), String> {
        let mut aligned = Vec::new();
        let body = aligned_body(body, &mut aligned);
        let alpha = AlignedAlpha(alpha);
        // What a peer adds here has no line of this program.
        let call = Call::new(OpCode::Accumulate);
        let cause = Cause { call, team: 0, target: None, sequence: 0, needs: Needs::Owner };
        let hook = Waiting::new(&self.watch, cause);
        let context = WaitContext { hook: &hook, me: self.me() as u32, policy: self.policy };
        let mut outcome = Ok(());
        let (mut taken, mut is_cut) = (0, false);
        each(&mut |offset, len| {
            let target = Target { heap: &self.heap, rank: self.heap.rank(), offset };
            let size = dtype.size_bytes();
            let (src, count) = (body[taken..].as_ptr(), len / size);
            is_cut |= !len.is_multiple_of(size);
            if outcome.is_ok() && !is_cut {
                // SAFETY: the run lies in the own arena; the source is an aligned copy or an aligned stretch of the message.
                outcome = unsafe {
                    accumulate::accumulate_dyn(target, dtype, src, count, alpha.0.as_ptr(), &context)
                };
            }
            taken += len;
        });
        match outcome {
            Ok(()) if is_cut => Err("it accumulated parts of elements".into()),
            Ok(()) => Ok(()),
            Err(error) => Err(format!("accumulate: {error}")),
        }
    }

    /// Appends a stretch of a box's stream to `buffer`. The box lies in the arena, as `serve` has checked.
    pub(super) fn pack(&self, offset: u64, shape: &Shape, from: usize, len: usize, buffer: &mut Vec<u8>) {
        // SAFETY: the box lies in the own arena.
        unsafe { pack(self.address(offset), shape, from, len, buffer) }
    }
}

#[repr(align(16))]
struct AlignedAlpha([u8; 16]);

/// The body where elements may begin: as it is, or copied.
fn aligned_body<'a>(body: &'a [u8], buffer: &'a mut Vec<u128>) -> &'a [u8] {
    if body.as_ptr().cast::<u128>().is_aligned() {
        return body;
    }
    buffer.resize(body.len().div_ceil(16), 0);
    let copy = &mut bytemuck::cast_slice_mut::<u128, u8>(buffer)[..body.len()];
    copy.copy_from_slice(body);
    copy
}

/// Who holds a mutex, as an answer's value; 0 is for success.
fn said(owner: Option<u32>) -> u64 {
    owner.map_or(1, |owner| u64::from(owner) + 2)
}

/// Copies `bytes` into the box at `base`, from number `from` of its stream on. False, and nothing is done, if they don't fit.
///
/// # Safety
/// The box is writable; nobody holds references to it.
pub(super) unsafe fn unpack(base: *mut u8, shape: &Shape, from: usize, bytes: &[u8]) -> bool {
    if from.saturating_add(bytes.len()) > shape.len() {
        return false;
    }
    let mut taken = 0;
    shape.for_each_run(from, bytes.len(), |at, len| {
        let src = bytes[taken..].as_ptr();
        // SAFETY: inside the box; `bytes` has that many left.
        unsafe { copy::copy(base.wrapping_offset(at), src, len) };
        taken += len;
    });
    true
}

/// Appends `len` bytes of the stream of the box at `base` to `buffer`, from number `from` on.
///
/// # Safety
/// The box is readable, and the stretch lies in its stream.
pub(super) unsafe fn pack(base: *const u8, shape: &Shape, from: usize, len: usize, buffer: &mut Vec<u8>) {
    buffer.reserve(len);
    let mut end = buffer.len();
    shape.for_each_run(from, len, |at, run| {
        // SAFETY: inside the box; the buffer has room for all runs.
        unsafe { copy::copy(buffer.as_mut_ptr().add(end), base.wrapping_offset(at), run) };
        end += run;
    });
    // SAFETY: the runs have initialised the bytes up to `end`.
    unsafe { buffer.set_len(end) };
}
