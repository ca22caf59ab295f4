//! Watching a program for floating-point exceptions, and finding the operation that had one.
//!
//! Every value is computed for somebody, its [`Mark`]: a number of the caller's, and the exceptions it wants to know of.
//! A program none of whose marks wants any is run as if there were nothing to watch. Otherwise the processor's flags are
//! looked at once per tile. Only a tile that raised one is run again *carefully*, instruction by instruction, and so
//! are those after it in the piece. The first tile of a piece is run so to begin with, in which case stores don't go
//! straight to an output that may be an input, too: a superinstruction that raised a flag still has its inputs, and
//! the operations it stands for are done apart. (On later tiles such an instruction is charged as a whole to its last
//! operation.)

use super::builder::{Builder, Mark, Parts, Source, Val, flagged};
use crate::dtype::DType;
use crate::kernels::flags::{self, Report};
use crate::kernels::{Kernel, Operands, Slot, reports};
use crate::ops::Loop;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// What there is to know of an instruction or reduction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    pub(super) mark: Mark,
    pub(super) report: Report,
    /// Number of its parts, if it has any.
    parts: Option<u32>,
}

/// What a program's instructions and reductions raise.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Exceptions that somebody wants to know of: of instructions, and in all.
    pub(super) wanted: [u8; 2],
    pub(super) instrs: Vec<Watched>,
    pub(super) reduces: Vec<Watched>,
    /// By tag.
    raised: Vec<AtomicU8>,
    parts: Vec<Parts>,
    nodes: Vec<Source>,
    marks: Vec<Mark>,
    slots: Vec<Option<u16>>,
}

impl Parts {
    /// Notes that the kernel of value `i` will do the operations of the values in `gone`, too.
    pub(super) fn record(builder: &mut Builder, i: usize, gone: &[Val], folded: bool) {
        let at = Val(i as u32);
        // (Whether somebody wants to know of a reduction isn't known here.)
        if !folded && gone.iter().chain([&at]).all(|value| builder.marks[value.index()].wanted == 0) {
            return;
        }
        if let Source::Apply { kernel, args, .. } = &builder.nodes[i] {
            let (inner, own) = (SmallVec::from_slice(gone), (*kernel, args.clone()));
            builder.parts.push(Parts { at, folded, inner, own });
        }
    }

    /// The operations in an order in which they can be done.
    fn steps<'a>(&'a self, nodes: &'a [Source]) -> Vec<(Val, Kernel, &'a [Val])> {
        let step = |value: &Val| match &nodes[value.index()] {
            Source::Apply { kernel, args, .. } => Some((*value, *kernel, &args[..])),
            _ => None,
        };
        let mut steps: Vec<_> = self.inner.iter().filter_map(step).collect();
        steps.sort_unstable_by_key(|(value, ..)| value.index());
        steps.push((self.at, self.own.0, &self.own.1));
        steps
    }
}

impl Watch {
    fn watched(&self, at: Val, mark: Mark, report: Report, folded: bool) -> (Watched, u8) {
        let parts = self.parts.iter().position(|parts| parts.at == at && parts.folded == folded);
        let inner = parts.map_or(&[][..], |k| &self.parts[k].inner);
        let own = self.marks[at.index()].wanted;
        let wanted =
            inner.iter().fold(mark.wanted, |wanted, value| wanted | self.marks[value.index()].wanted);
        let watched = Watched { mark, report, parts: parts.map(|k| k as u32) };
        let wanted = if folded && parts.is_some() { wanted | own } else { wanted };
        (watched, if matches!(report, Report::Never) { 0 } else { wanted })
    }

    /// The operations that kernels replace, and whom the values are for.
    pub(super) fn new(parts: Vec<Parts>, marks: Vec<Mark>) -> Watch {
        Watch { parts, marks, ..Watch::default() }
    }

    /// The next instruction makes this value. Whether its inputs must be there after it.
    pub(super) fn instr(&mut self, at: Val, report: Report) -> bool {
        let (watched, wanted) = self.watched(at, self.marks[at.index()], report, false);
        self.wanted[0] |= wanted;
        self.instrs.push(watched);
        watched.parts.is_some()
    }

    /// The next reduction is of this value, for somebody.
    pub(super) fn reduce(&mut self, of: Val, mark: Mark, report: Report) {
        let (watched, wanted) = self.watched(of, mark, report, true);
        self.wanted[1] |= wanted;
        self.reduces.push(watched);
    }

    /// All is there: make room for what will be found.
    pub(super) fn finish(&mut self, nodes: Vec<Source>, slots: Vec<Option<u16>>) {
        self.wanted[1] |= self.wanted[0];
        if self.wanted[1] == 0 {
            return;
        }
        let tags =
            self.marks.iter().chain(self.reduces.iter().map(|watched| &watched.mark)).map(|mark| mark.tag);
        self.raised.resize_with(tags.max().map_or(0, |most| most as usize + 1), AtomicU8::default);
        (self.nodes, self.slots) = (nodes, slots);
    }

    /// Whether anybody wants to know.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.wanted[1] != 0
    }

    /// Exceptions were found.
    pub(super) fn found(&self, mark: Mark, bits: u8) {
        if bits & mark.wanted != 0 {
            self.raised[mark.tag as usize].fetch_or(bits & mark.wanted, Relaxed);
        }
    }

    /// Nothing was found yet.
    pub(super) fn forget(&mut self) {
        self.raised.iter_mut().for_each(|bits| *bits.get_mut() = 0);
    }

    /// Combining what reductions have made left these flags.
    #[cold]
    pub(super) fn combined(&self, bits: u8) {
        (0..self.reduces.len()).for_each(|k| self.reduced(k, bits));
    }

    /// Reduction `k` left these flags.
    #[cold]
    pub(super) fn reduced(&self, k: usize, bits: u8) {
        let Watched { mark, report, .. } = self.reduces[k];
        if matches!(report, Report::Exact) {
            self.found(mark, bits);
        }
    }

    /// What a program that combines results of this one's reductions has found.
    pub(super) fn also(&self, other: &Watch) {
        other.raised().for_each(|(tag, wanted)| self.found(Mark { tag, wanted }, wanted));
    }

    /// For whom reduction `k` is.
    pub(super) fn reducer(&self, k: usize) -> Mark {
        self.reduces.get(k).map_or(Mark::default(), |watched| watched.mark)
    }

    pub(super) fn raised(&self) -> impl Iterator<Item = (u32, u8)> {
        let bits = self.raised.iter().map(|bits| bits.load(Relaxed));
        bits.enumerate().filter(|(_, bits)| *bits != 0).map(|(tag, bits)| (tag as u32, bits))
    }

    /// An instruction or reduction left these flags, on `n` elements; its inputs are still there if it has parts.
    ///
    /// # Safety
    /// The slots hold `n` elements of what it reads.
    #[cold]
    pub(super) unsafe fn attribute(&self, watched: &Watched, bits: u8, n: usize, slots: &[Slot]) {
        let Some(parts) = watched.parts else { return self.found(watched.mark, bits) };
        let steps = self.parts[parts as usize].steps(&self.nodes);
        // Room for any type.
        let mut results = vec![vec![0u128; n]; steps.len()];
        let mut told = 0;
        for (k, (value, kernel, args)) in steps.iter().enumerate() {
            let mut mine: SmallVec<[Slot; 4]> =
                SmallVec::from_slice(&[Slot::row(results[k].as_mut_ptr().cast())]);
            let mut operands = Operands::default();
            for (i, arg) in args.iter().enumerate() {
                let slot = match steps[..k].iter().position(|(made, ..)| made == arg) {
                    Some(step) => Slot::row(results[step].as_mut_ptr().cast()),
                    None => slots[usize::from(self.slots[arg.index()].expect("an operand has a slot"))],
                };
                mine.push(slot);
                operands.src[i] = i as u16 + 1;
            }
            // SAFETY: the operands hold `n` elements (the caller's promise, or made here), the result has room.
            let found = flagged(|| unsafe { kernel(n, mine.as_ptr(), &operands) });
            let mark = self.marks[value.index()];
            self.found(mark, found);
            told |= found;
        }
        // What none of them raises is the reduction's own.
        if self.parts[parts as usize].folded {
            self.found(watched.mark, bits & !told);
        }
    }
}

/// Whether an operation may raise floating-point exceptions.
pub(crate) fn has_exceptions(op: &Loop) -> bool {
    !matches!(reports::of(op), Report::Never)
}

/// Whether a conversion may raise floating-point exceptions.
pub(crate) fn cast_has_exceptions(from: DType, to: DType) -> bool {
    !matches!(flags::of_cast(from, to), Report::Never)
}
