//! Places of operations: where one goes, and how far around its first byte a box reaches.

use crate::transport::Remote;

/// A checked remote place: the bytes asked for lie inside the part.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    /// Null if not mapped here.
    pub(crate) mapped: *mut u8,
    pub(crate) place: Remote,
}

impl Spot {
    /// The place so many bytes further on.
    #[inline]
    pub(crate) fn plus(self, bytes: usize) -> Spot {
        let mapped = if self.mapped.is_null() { self.mapped } else { self.mapped.wrapping_add(bytes) };
        Spot { mapped, place: self.place.plus(bytes) }
    }
}

/// How far a box reaches below and above its first byte; `None` on overflow. An empty box reaches nowhere.
#[inline]
pub(crate) fn extent(counts: &[usize], strides: &[isize]) -> Option<(usize, usize)> {
    if counts.contains(&0) {
        return Some((0, 0));
    }
    let (mut below, mut above) = (0usize, counts[0]);
    for (count, stride) in counts[1..].iter().zip(strides) {
        let reach = (count - 1).checked_mul(stride.unsigned_abs())?;
        let side = if *stride < 0 { &mut below } else { &mut above };
        *side = side.checked_add(reach)?;
    }
    below.checked_add(above).filter(|sum| isize::try_from(*sum).is_ok()).map(|_| (below, above))
}
