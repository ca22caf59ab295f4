//! Watching a program for floating-point exceptions, and finding the operation that had one.
//!
//! Every value is computed for somebody, its [`Mark`]: a number of the caller's, and the exceptions it wants to know of.
//! A program none of whose marks wants any is run as if there were nothing to watch. Otherwise the processor's flags are
//! looked at once per tile. Only a tile that raised one is run again *carefully*, instruction by instruction, and so
//! are those after it in the piece. The first tile of a piece is run so to begin with, in which case stores don't go
//! straight to an output that may be an input, too: a superinstruction that raised a flag still has its inputs, and
//! the operations it stands for are done apart. (On later tiles such an instruction is charged as a whole to its last
//! operation.)

use super::program::{Builder, Node, Val};
use crate::kernels::flags::{self, Report};
use crate::dtype::Scalar;
use crate::kernels::{CHUNK, Kernel, Operands, Slot};
use crate::ops::Loop;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// For whom a value is computed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The caller's number, small: tables are as long as the largest.
    pub tag: u32,
    /// The exceptions that it wants to know of (bits of [`crate::status`]); 0 for none.
    pub wanted: u8,
}

/// The operations that one kernel does.
#[derive(Debug)]
pub(super) struct Parts {
    /// The value that the kernel makes.
    pub(super) at: usize,
    /// The kernel is that of a reduction, which folds the value.
    pub(super) folded: bool,
    /// Inner values first.
    steps: SmallVec<[(Val, Kernel, SmallVec<[Val; 4]>); 4]>,
}

/// Where a step finds an operand: in a slot of the program, or a former step's result.
#[derive(Clone, Copy, Debug)]
enum From {
    Slot(u16),
    Step(u8),
}

/// An operation of which several make up an instruction.
#[derive(Debug)]
pub(super) struct Step {
    kernel: Kernel,
    args: SmallVec<[From; 2]>,
    mark: Mark,
}

pub(super) type Steps = SmallVec<[Step; 4]>;

/// What there is to know of an instruction.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) mark: Mark,
    pub(super) report: Report,
    /// Empty for a single operation.
    steps: Steps,
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
}

impl Parts {
    /// Notes that the kernel of value `i` will do the operations of the values in `gone`, too.
    pub(super) fn record(builder: &mut Builder, i: usize, gone: &[Val], folded: bool) {
        let mut values: SmallVec<[Val; 8]> = SmallVec::from_slice(gone);
        values.push(Val(i as u32));
        if values.iter().all(|value| builder.marks[value.index()].wanted == 0) {
            return;
        }
        values.sort_unstable_by_key(|value| value.index());
        let step = |value: Val| match &builder.nodes[value.index()] {
            Node::Apply { kernel, args, .. } => Some((value, *kernel, args.clone())),
            _ => None,
        };
        let steps = values.into_iter().filter_map(step).collect();
        builder.parts.push(Parts { at: i, folded, steps });
    }

    /// With slots for operands.
    pub(super) fn steps(&self, slot: impl Fn(Val) -> u16, mark: impl Fn(Val) -> Mark) -> Steps {
        let from = |arg: &Val| match self.steps.iter().position(|(value, ..)| value == arg) {
            Some(step) => From::Step(step as u8),
            None => From::Slot(slot(*arg)),
        };
        let step = |(value, kernel, args): &(Val, Kernel, SmallVec<[Val; 4]>)| Step {
            kernel: *kernel,
            args: args.iter().map(from).collect(),
            mark: mark(*value),
        };
        self.steps.iter().map(step).collect()
    }
}

impl Watch {
    pub(super) fn instr(&mut self, mark: Mark, report: Report, steps: Steps) {
        let wanted = steps.iter().fold(mark.wanted, |wanted, step| wanted | step.mark.wanted);
        if !matches!(report, Report::Never) {
            self.wanted[0] |= wanted;
        }
        self.instrs.push(Watched { mark, report, steps });
    }

    pub(super) fn reduce(&mut self, mark: Mark, report: Report, steps: Steps) {
        let wanted = steps.iter().fold(mark.wanted, |wanted, step| wanted | step.mark.wanted);
        if !matches!(report, Report::Never) {
            self.wanted[1] |= wanted;
        }
        self.reduces.push(Watched { mark, report, steps });
    }

    /// All is there: make room for what will be found.
    pub(super) fn finish(&mut self) {
        self.wanted[1] |= self.wanted[0];
        if self.wanted[1] == 0 {
            return;
        }
        let all = self.instrs.iter().chain(&self.reduces);
        let tags = all.flat_map(|w| std::iter::once(w.mark.tag).chain(w.steps.iter().map(|s| s.mark.tag)));
        let len = tags.max().map_or(0, |most| most as usize + 1);
        self.raised.resize_with(len, AtomicU8::default);
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

    pub(super) fn raised(&self) -> impl Iterator<Item = (u32, u8)> {
        let bits = self.raised.iter().map(|bits| bits.load(Relaxed));
        bits.enumerate().filter(|(_, bits)| *bits != 0).map(|(tag, bits)| (tag as u32, bits))
    }
}

impl Watched {
    /// The instruction left these flags, on `n` elements; its inputs are still there if it has several steps.
    ///
    /// # Safety
    /// The slots hold `n` elements of what the instruction reads.
    #[cold]
    pub(super) unsafe fn attribute(&self, watch: &Watch, bits: u8, n: usize, slots: &[Slot]) {
        if self.steps.is_empty() {
            return watch.found(self.mark, bits);
        }
        // Room for any type.
        let mut results: SmallVec<[Vec<u128>; 4]> = SmallVec::new();
        let mut any = 0;
        for step in &self.steps {
            results.push(vec![0u128; n]);
            let to = Slot::row(results.last_mut().map_or(std::ptr::null_mut(), |r| r.as_mut_ptr().cast()));
            let mut mine: SmallVec<[Slot; 4]> = SmallVec::from_slice(&[to]);
            let mut operands = Operands::default();
            for (k, arg) in step.args.iter().enumerate() {
                mine.push(match *arg {
                    From::Slot(slot) => slots[usize::from(slot)],
                    From::Step(at) => Slot::row(results[usize::from(at)].as_mut_ptr().cast()),
                });
                operands.src[k] = k as u16 + 1;
            }
            let found = flagged(|| {
                // SAFETY: the operands hold `n` elements (the caller's promise, or made here), the result has room.
                unsafe { (step.kernel)(n, mine.as_ptr(), &operands) }
            });
            watch.found(step.mark, found);
            any |= found & step.mark.wanted;
        }
        if any & bits != bits {
            watch.found(self.mark, bits & !any);
        }
    }
}

/// What a kernel of one input raises for one element.
pub(super) fn of_one(kernel: Kernel, report: Report, x: Scalar) -> u8 {
    let (mut from, mut to) = ([x.bytes(); CHUNK], [0u128; CHUNK]);
    let slots = [Slot::row(to.as_mut_ptr().cast()), Slot::row(from.as_mut_ptr().cast())];
    let operands = Operands { dst: [0; 2], src: [1; 8] };
    match report {
        Report::Never => 0,
        // SAFETY: one element of the input's type, and room for one of any type.
        Report::Checked(check) => unsafe { check(1, slots.as_ptr(), &operands) },
        // SAFETY: as above.
        Report::Exact => flagged(|| unsafe { kernel(1, slots.as_ptr(), &operands) }),
    }
}

/// The flags that work raises.
fn flagged(work: impl FnOnce()) -> u8 {
    flags::clear();
    work();
    let found = flags::read();
    flags::clear();
    found
}

/// Whether an operation may raise floating-point exceptions.
pub(crate) fn has_exceptions(op: &Loop) -> bool {
    !matches!(flags::of(op), Report::Never)
}
