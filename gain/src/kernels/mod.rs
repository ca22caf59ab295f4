//! Loops over memory: one operation on one row of elements.
//!
//! Every loop has the type [`Kernel`] and finds its operands in a table of [`Slot`]s, so that the executor can
//! point an operand at a register, at a leaf in place, at an output or at a constant without the loop knowing.
//! A slot with step 0 is a *splat*: [`CHUNK`] copies of one element, read again for each chunk. Loads of a chunk
//! precede its stores, so an output may lie exactly on an input.

pub(crate) mod boolean;
pub(crate) mod cast;
pub(crate) mod compare;
pub(crate) mod complex;
pub(crate) mod copy;
pub(crate) mod count;
pub(crate) mod division;
pub(crate) mod exponent;
pub(crate) mod extreme;
pub(crate) mod flags;
pub(crate) mod float;
pub(crate) mod fused;
pub(crate) mod half;
pub(crate) mod integer;
pub(crate) mod lanes;
pub(crate) mod libm;
pub(crate) mod lines;
pub(crate) mod math;
pub(crate) mod matmul;
pub(crate) mod number;
pub(crate) mod reduce;
pub(crate) mod reports;
pub(crate) mod table;

/// Elements handled at once; a splat holds as many copies.
pub(crate) const CHUNK: usize = 16;

/// Where an operand lies for the current tile.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Slot {
    /// First element.
    pub(crate) ptr: *mut u8,
    /// Elements to the next chunk: [`CHUNK`], or 0 for a splat.
    pub(crate) step: usize,
}

impl Slot {
    /// Contiguous elements.
    pub(crate) const fn row(ptr: *mut u8) -> Slot {
        Slot { ptr, step: CHUNK }
    }

    /// [`CHUNK`] copies of one element.
    pub(crate) const fn splat(ptr: *mut u8) -> Slot {
        Slot { ptr, step: 0 }
    }
}

/// Which slots an instruction uses; places beyond the kernel's arity are ignored.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Operands {
    /// Outputs. A kernel that can fail writes 1 to the byte at its second output when it does.
    pub(crate) dst: [u16; 2],
    /// Inputs.
    pub(crate) src: [u16; 8],
}

/// A loop: length, slot table, operands.
///
/// SAFETY contract of every kernel: each slot named by `operands` is valid for `len` elements of the kernel's type
/// for it ([`CHUNK`] elements if a splat), aligned or not; outputs lie exactly on an input or apart from all.
///
/// What it does to the processor's floating-point flags is the matter of [`flags`]: new kernels must fit what that
/// says of their operation, or change it.
pub(crate) type Kernel = unsafe fn(len: usize, slots: *const Slot, operands: &Operands);

#[cfg(test)]
mod variants;
