//! The result of a full reduction over some elements, to be combined with those of other elements.

use crate::dtype::{DType, Scalar};
use crate::kernels::{Operands, Slot, reduce};
use crate::ops::ReduceOp;
use std::cmp::Ordering;

/// A reduction's value over a set of elements; `value` is `None` over no elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Partial {
    /// The operation.
    pub op: ReduceOp,
    /// The combined element (for `ArgMin`/`ArgMax` the extreme element itself).
    pub value: Option<Scalar>,
    /// For `ArgMin`/`ArgMax`: the index value of the extreme element. Else 0.
    pub index: i64,
}

/// What a reduction starts from: combining it with an element gives the element. For reductions that have no
/// identity in NumPy (`Min`, ...) it is the type's extreme (for `FMin`, `FMax` of floats NaN).
///
/// # Panics
/// When the reduction doesn't exist for the type (`Any` of floats, `Xor` of floats).
pub fn identity(op: ReduceOp, dtype: DType) -> Scalar {
    let kernel = reduce::row(op, dtype).unwrap_or_else(|| panic!("{op:?} of {dtype}"));
    let mut out = [0u64; 2];
    let slots = [Slot::row(out.as_mut_ptr().cast()); 2];
    // SAFETY: over no elements the kernel only writes its output, one element of at most 16 bytes.
    unsafe { kernel(0, slots.as_ptr(), &Operands { dst: [0; 2], src: [1; 8] }) };
    Scalar::from_bytes(dtype, bytemuck::bytes_of(&out))
}

impl Partial {
    /// Over no elements.
    pub fn empty(op: ReduceOp) -> Partial {
        Partial { op, value: None, index: 0 }
    }

    /// Over the elements of both; `self` comes first (which matters for rounding; among equals the smaller index
    /// wins either way).
    ///
    /// # Panics
    /// When the two are of different operations or types.
    pub fn combine(self, later: Partial) -> Partial {
        let (Some(x), Some(y)) = (self.value, later.value) else {
            return if self.value.is_none() { later } else { self };
        };
        assert_eq!((self.op, x.dtype()), (later.op, y.dtype()), "partials of one reduction");
        if self.op.is_index() {
            let order = precedes(self.op, x, y).then(self.index.cmp(&later.index));
            return if order == Ordering::Greater { later } else { self };
        }
        Partial { value: Some(combine(self.op, x, y)), ..self }
    }

    /// For [`Partial::from_words`] on another rank.
    pub(crate) fn words(self) -> [u64; 4] {
        let Some(value) = self.value else { return [0; 4] };
        let bytes = value.bytes();
        let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("8 bytes"));
        [1 + value.dtype() as u64, word(&bytes[..8]), word(&bytes[8..]), self.index as u64]
    }

    /// What another rank's [`Partial::words`] say.
    pub(crate) fn from_words(op: ReduceOp, [dtype, low, high, index]: [u64; 4]) -> Partial {
        let Some(dtype) = dtype.checked_sub(1) else { return Partial::empty(op) };
        let value = Scalar::from_bytes(DType::ALL[dtype as usize], bytemuck::bytes_of(&[low, high]));
        Partial { op, value: Some(value), index: index as i64 }
    }

    /// The reduction's result in NumPy: the value or identity, or the index as `I64`; `None` when there is none
    /// (`zero-size array to reduction operation minimum which has no identity`).
    pub fn finish(self, dtype: DType) -> Option<Scalar> {
        match self.value {
            None => self.op.has_identity().then(|| identity(self.op, dtype)),
            Some(_) if self.op.is_index() => Some(Scalar::I64(self.index)),
            value => value,
        }
    }
}

/// Two results of one reduction, of one type.
fn combine(op: ReduceOp, x: Scalar, y: Scalar) -> Scalar {
    let dtype = x.dtype();
    let kernel = reduce::pair(op, dtype).expect("the values were made by its row kernel");
    let mut values = [x.bytes(), y.bytes()];
    let base: *mut u8 = values.as_mut_ptr().cast();
    let slots = [Slot::row(base), Slot::row(base.wrapping_add(16))];
    // SAFETY: each slot holds one element of the type, at most 16 bytes; the output lies on the first input.
    unsafe { kernel(1, slots.as_ptr(), &Operands { dst: [0; 2], src: [0, 1, 0, 0, 0, 0, 0, 0] }) };
    Scalar::from_bytes(dtype, &values[0])
}

/// `Less` when `x` beats `y` in an index reduction; a NaN beats every number.
pub(super) fn precedes(op: ReduceOp, x: Scalar, y: Scalar) -> Ordering {
    let (a, b) = (rank(x), rank(y));
    let order = if op == ReduceOp::ArgMin { a.1.cmp(&b.1) } else { b.1.cmp(&a.1) };
    b.0.cmp(&a.0).then(order)
}

/// Whether a NaN, and a key ordered as the numbers are.
fn rank(x: Scalar) -> (bool, (i128, i128)) {
    match x {
        Scalar::F16(_) | Scalar::F32(_) | Scalar::F64(_) => (x.as_f64().is_nan(), (float_key(x.as_f64()), 0)),
        Scalar::C64(_) | Scalar::C128(_) => {
            let z = x.as_c128();
            match z.re.is_nan() || z.im.is_nan() {
                true => (true, (0, 0)),
                false => (false, (float_key(z.re), float_key(z.im))),
            }
        }
        Scalar::U64(x) => (false, (x.into(), 0)),
        other => (false, (other.as_i64().into(), 0)),
    }
}

/// An integer ordered as floats are, both zeros alike, all NaNs alike.
fn float_key(x: f64) -> i128 {
    if x.is_nan() {
        return 0;
    }
    let magnitude = i128::from(x.abs().to_bits());
    if x < 0.0 { -magnitude } else { magnitude }
}
