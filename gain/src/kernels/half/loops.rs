//! Operations on halves: those of `f32` on widened blocks, but for the two that depend on where the next half is.

use super::convert::{narrow, narrow_one, widen};
use super::{BLOCK, Wide};
use crate::dtype::{DType, f16};
use crate::kernels::flags::{self, Check, Report};
use crate::kernels::lanes::{each1, each2, slot};
use crate::kernels::{CHUNK, Kernel, Operands, Slot, math, table};
use crate::ops::{Loop, MAX_INPUTS, Op, resolve};
use crate::status::{INVALID, OVER, UNDER};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

/// An operation on halves: the loop on `f32`, and which of its operands are converted.
struct Plan {
    kernel: Kernel,
    check: Option<Check>,
    inputs: usize,
    outputs: usize,
    /// Bytes of an element, 0 for a half.
    input_bytes: [usize; MAX_INPUTS],
    output_bytes: [usize; 2],
}

/// The operands of the loops on `f32`: status, outputs, inputs.
const INNER: Operands = Operands { dst: [1, 2], src: [3, 4, 5, 0, 0, 0, 0, 0] };

impl Plan {
    fn new(op: Op) -> Option<Plan> {
        let kernel = table::uniform(op, DType::F32)?;
        let mut types = [DType::F16.into(); MAX_INPUTS];
        if op == Op::Ldexp {
            types[1] = DType::I64.into();
        }
        let found: Loop = resolve(op, &types[..op.inputs()]).ok()?;
        let bytes = |dtype: DType| if dtype == DType::F16 { 0 } else { dtype.size_bytes() };
        Some(Plan {
            kernel,
            check: math::of_function(op, DType::F32).check(),
            inputs: op.inputs(),
            outputs: op.outputs(),
            input_bytes: found.inputs.map(bytes),
            output_bytes: found.outputs.map(bytes),
        })
    }

    /// The slots of `len` elements from `at` on, with inputs widened to `room`, whose first two are for outputs.
    ///
    /// # Safety
    /// The kernel's contract.
    unsafe fn enter(
        &self,
        at: usize,
        len: usize,
        s: *const Slot,
        o: &Operands,
        room: &mut [Wide; 2 + MAX_INPUTS],
    ) -> [Slot; 3 + MAX_INPUTS] {
        // SAFETY: the kernel's contract; a block of `room` holds `len` elements, and a chunk.
        unsafe {
            let mut slots = [*s; 3 + MAX_INPUTS];
            for k in 0..self.outputs {
                slots[1 + k] = Slot::row(match self.output_bytes[k] {
                    0 => room[k].as_mut_ptr().cast(),
                    size => slot::<u8>(s, o.dst[k]).0.add(at * size),
                });
            }
            for k in 0..self.inputs {
                let (from, step) = slot::<u8>(s, o.src[k]);
                let (first, count) = if step == 0 { (0, CHUNK) } else { (at, len) };
                slots[3 + k] = match self.input_bytes[k] {
                    0 => {
                        let to = room[2 + k].as_mut_ptr().cast::<f32>();
                        widen(from.cast::<u16>().add(first), to, count);
                        Slot { ptr: to.cast(), step }
                    }
                    size => Slot { ptr: from.add(first * size), step },
                };
            }
            slots
        }
    }

    /// Rounds the outputs to their place.
    ///
    /// # Safety
    /// The slots are those of [`Plan::enter`], after the loop.
    unsafe fn leave(&self, at: usize, len: usize, inner: &[Slot], s: *const Slot, o: &Operands) {
        for k in (0..self.outputs).filter(|&k| self.output_bytes[k] == 0) {
            // SAFETY: the kernel's contract; the loop wrote `len` elements to the block.
            unsafe {
                narrow(inner[1 + k].ptr.cast(), slot::<u16>(s, o.dst[k]).0.add(at), len);
            }
        }
    }

    /// # Safety
    /// The kernel's contract.
    unsafe fn run(&self, n: usize, s: *const Slot, o: &Operands) {
        let mut room = [Wide::uninit(); 2 + MAX_INPUTS];
        let mut at = 0;
        while at < n {
            let len = BLOCK.min(n - at);
            // SAFETY: passed on; the inner slots hold `len` elements each.
            unsafe {
                let inner = self.enter(at, len, s, o, &mut room);
                (self.kernel)(len, inner.as_ptr(), &INNER);
                self.leave(at, len, &inner, s, o);
            }
            at += len;
        }
    }

    /// What the loop on `f32` raises, and the rounding of what it makes.
    ///
    /// # Safety
    /// The kernel's contract.
    unsafe fn tell(&self, n: usize, s: *const Slot, o: &Operands) -> u8 {
        let mut room = [Wide::uninit(); 2 + MAX_INPUTS];
        let mut spare = MaybeUninit::<[u16; BLOCK]>::uninit();
        let (mut at, mut found) = (0, 0);
        while at < n {
            let len = BLOCK.min(n - at);
            // SAFETY: as in `run`; outputs that are no halves aren't written here: operations that a function tells of
            // have none but `frexp`, which is never asked.
            unsafe {
                let inner = self.enter(at, len, s, o, &mut room);
                if let Some(check) = self.check {
                    found |= check(len, inner.as_ptr(), &INNER);
                }
                (self.kernel)(len, inner.as_ptr(), &INNER);
                for output in &inner[1..1 + self.outputs] {
                    let to = spare.as_mut_ptr().cast();
                    found |= flags::raised_by(|| narrow(output.ptr.cast(), to, len)) & (OVER | UNDER);
                }
            }
            at += len;
        }
        found
    }
}

/// Functions of a number: kernels are plain functions, so each operation and type has its own.
macro_rules! by_number {
    ($f:ident) => {
        by_number!($f, 0 1 2 3 4 5 6 7 8 9)
    };
    ($f:ident, $($tens:literal)*) => {
        [$(by_number!(@ $f, $tens, 0 1 2 3 4 5 6 7 8 9)),*]
    };
    (@ $f:ident, $tens:literal, $($ones:literal)*) => {
        [$($f::<{ $tens * 10 + $ones }>),*]
    };
}

static PLANS: [OnceLock<Option<Plan>>; 100] = [const { OnceLock::new() }; 100];

const _: () = assert!(Op::COUNT <= PLANS.len());

fn plan(number: usize) -> Option<&'static Plan> {
    PLANS[number].get_or_init(|| Plan::new(Op::all().nth(number)?)).as_ref()
}

/// The loop of an operation.
pub(in crate::kernels) fn kernel(op: Op) -> Option<Kernel> {
    unsafe fn of<const OP: usize>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { plan(OP).expect("looked up before").run(n, s, o) }
    }
    static KERNELS: [[Kernel; 10]; 10] = by_number!(of);
    let number = op as usize;
    match op {
        Op::Nextafter => Some(each2(|x: u16, towards: u16| Some(next_after(x, towards)))),
        Op::Spacing => Some(each1(spacing)),
        _ => plan(number).map(|_| KERNELS[number / 10][number % 10]),
    }
}

/// Its exceptions.
pub(in crate::kernels) fn report(op: Op) -> Report {
    unsafe fn of<const OP: usize>(n: usize, s: *const Slot, o: &Operands) -> u8 {
        // SAFETY: passed on.
        unsafe { plan(OP).expect("looked up before").tell(n, s, o) }
    }
    static CHECKS: [[Check; 10]; 10] = by_number!(of);
    let number = op as usize;
    match op {
        Op::Nextafter => flags::scan2(
            |x: u16, y: u16| next_after(x, y) & 0x7fff == 0x7c00 && x & 0x7fff < 0x7c00,
            |_, _| OVER,
        ),
        Op::Spacing => flags::scan(
            |x: u16| x & 0x7c00 == 0x7c00 || x == 0x7bff,
            |x| if x == 0x7bff { OVER } else { INVALID },
        ),
        _ if plan(number).is_none() => Report::Never,
        _ => match math::of_function(op, DType::F32) {
            Report::Checked(_) => Report::Checked(CHECKS[number / 10][number % 10]),
            Report::Covered(_) => Report::Covered(CHECKS[number / 10][number % 10]),
            other => other,
        },
    }
}

/// The number next to it in the direction of another.
fn next_after(x: u16, towards: u16) -> u16 {
    let (from, to) = (f16::from_bits(x), f16::from_bits(towards));
    if from.is_nan() || to.is_nan() {
        return f16::NAN.to_bits();
    }
    let (from, to) = (from.to_f32(), to.to_f32());
    match x {
        _ if from == to => x,
        0 | 0x8000 => 1 | towards & 0x8000,
        // Magnitudes are in the order of their bits.
        _ if (from < to) == (from > 0.0) => x + 1,
        _ => x - 1,
    }
}

/// The distance to the next number above.
fn spacing(x: u16) -> u16 {
    if x & 0x7c00 == 0x7c00 {
        return f16::NAN.to_bits();
    }
    let above = next_after(x, f16::INFINITY.to_bits());
    narrow_one(f16::from_bits(above).to_f32() - f16::from_bits(x).to_f32()).to_bits()
}
