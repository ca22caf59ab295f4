//! Strided boxes: from extents and strides per axis to the levels that the communication layer takes.
//!
//! Invariant: [`Levels`] describe the same elements as the axes they were built from, in as few levels as
//! possible: axes of extent 1 vanish, neighbours that are contiguous on both sides merge.

use crate::dims::Dims;

/// Most counts that one strided transfer may have: the contiguous bytes, and eight levels of strides.
pub(crate) const MOST_COUNTS: usize = 9;

/// Strides per axis in bytes, on either side; signed, for reversed views.
#[derive(Clone)]
pub(crate) struct ByteStrides {
    inline: [isize; Dims::INLINE],
    spill: Vec<isize>,
    len: usize,
}

impl ByteStrides {
    /// The strides `f(0) .. f(len)`.
    #[inline]
    pub(crate) fn from_fn(len: usize, mut f: impl FnMut(usize) -> isize) -> Self {
        let mut strides = ByteStrides { inline: [0; Dims::INLINE], spill: Vec::new(), len };
        if len > Dims::INLINE {
            strides.spill = (0..len).map(f).collect();
        } else {
            for d in 0..len {
                strides.inline[d] = f(d);
            }
        }
        strides
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [isize] {
        if self.len > Dims::INLINE { &mut self.spill } else { &mut self.inline[..self.len] }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[isize] {
        if self.len > Dims::INLINE { &self.spill } else { &self.inline[..self.len] }
    }
}

/// A box in ARMCI's shape: `counts[0]` contiguous bytes, then up to `C - 1` levels of strides on both sides.
pub(crate) struct Levels<const C: usize> {
    counts: [usize; C],
    remote: [isize; C],
    local: [isize; C],
    levels: usize,
}

impl<const C: usize> Levels<C> {
    #[inline]
    pub(crate) fn counts(&self) -> &[usize] {
        &self.counts[..self.levels + 1]
    }

    #[inline]
    pub(crate) fn remote(&self) -> &[isize] {
        &self.remote[..self.levels]
    }

    #[inline]
    pub(crate) fn local(&self) -> &[isize] {
        &self.local[..self.levels]
    }

    /// Starts with one contiguous element.
    #[inline]
    pub(crate) fn element(size: usize) -> Self {
        let mut counts = [1; C];
        counts[0] = size;
        Levels { counts, remote: [0; C], local: [0; C], levels: 0 }
    }

    /// Adds the next outer axis; `false` when there is no level left for it.
    #[inline]
    pub(crate) fn push(&mut self, extent: usize, remote: isize, local: isize) -> bool {
        let top = self.levels;
        // What the stride would be if this axis went on where the level below ends.
        let (next_remote, next_local) = match top {
            0 => (self.counts[0] as isize, self.counts[0] as isize),
            _ => {
                let count = self.counts[top] as isize;
                (self.remote[top - 1] * count, self.local[top - 1] * count)
            }
        };
        if remote == next_remote && local == next_local {
            self.counts[top] *= extent;
        } else if top + 1 < C {
            self.counts[top + 1] = extent;
            self.remote[top] = remote;
            self.local[top] = local;
            self.levels += 1;
        } else {
            return false;
        }
        true
    }
}

/// Calls `f(levels, remote offset, local offset)` once for each strided transfer that the box takes: one,
/// unless it has more levels than a transfer may have. Extents are not 0; strides and offsets are in bytes.
#[inline]
pub(crate) fn for_each_transfer<E>(
    extents: &[usize],
    remote_strides: &[isize],
    local_strides: &[isize],
    element_bytes: usize,
    mut f: impl FnMut(&Levels<MOST_COUNTS>, isize, isize) -> Result<(), E>,
) -> Result<(), E> {
    let mut levels = Levels::element(element_bytes);
    let mut outer = extents.len();
    while outer > 0 {
        let d = outer - 1;
        if extents[d] > 1 && !levels.push(extents[d], remote_strides[d], local_strides[d]) {
            break;
        }
        outer = d;
    }
    if outer == 0 {
        return f(&levels, 0, 0);
    }
    // Axes that found no level: one transfer for each of their indices.
    let count: usize = extents[..outer].iter().product();
    for mut flat in 0..count {
        let (mut remote, mut local) = (0, 0);
        for d in (0..outer).rev() {
            let i = (flat % extents[d]) as isize;
            flat /= extents[d];
            remote += i * remote_strides[d];
            local += i * local_strides[d];
        }
        f(&levels, remote, local)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The (remote, local) byte offsets of each byte of one transfer.
    fn bytes_of(levels: &Levels<MOST_COUNTS>, remote: isize, local: isize) -> Vec<(isize, isize)> {
        let mut offsets: Vec<_> = (0..levels.counts()[0] as isize).map(|b| (remote + b, local + b)).collect();
        for k in 0..levels.remote().len() {
            let (r, l) = (levels.remote()[k], levels.local()[k]);
            offsets = (0..levels.counts()[k + 1] as isize)
                .flat_map(|i| offsets.iter().map(move |&(x, y)| (x + i * r, y + i * l)).collect::<Vec<_>>())
                .collect();
        }
        offsets
    }

    proptest! {
        /// Oracle: walk the axes. Any strides, any number of axes.
        #[test]
        fn levels_visit_the_same_bytes(
            axes in prop::collection::vec((1usize..3, -20isize..20, -20isize..20), 0..12), size in 1usize..5, dense in 0usize..6,
        ) {
            let n = axes.len();
            let extents: Vec<usize> = axes.iter().map(|a| a.0).collect();
            let mut remote: Vec<isize> = axes.iter().map(|a| a.1).collect();
            let mut local: Vec<isize> = axes.iter().map(|a| a.2).collect();
            // Let the inner axes be dense on both sides, as they mostly are.
            let mut stride = size as isize;
            for d in (n.saturating_sub(dense)..n).rev() {
                (remote[d], local[d]) = (stride, stride);
                stride *= extents[d] as isize;
            }
            let mut seen = Vec::new();
            for_each_transfer(&extents, &remote, &local, size, |levels, r, l| {
                seen.extend(bytes_of(levels, r, l));
                Ok::<(), ()>(())
            }).unwrap();
            let mut naive: Vec<(isize, isize)> = (0..size as isize).map(|b| (b, b)).collect();
            for d in (0..n).rev() {
                naive = (0..extents[d] as isize)
                    .flat_map(|i| naive.iter().map(|&(x, y)| (x + i * remote[d], y + i * local[d])).collect::<Vec<_>>())
                    .collect();
            }
            prop_assert_eq!(seen, naive);
        }
    }

    #[test]
    fn contiguous_axes_merge() {
        for_each_transfer(&[3, 1, 4, 5], &[160, 7, 40, 8], &[160, 9, 40, 8], 8, |levels, _, _| {
            assert_eq!((levels.counts(), levels.remote()), (&[480][..], &[][..]));
            Ok::<(), ()>(())
        })
        .unwrap();
    }
}
