//! Operands and results in layouts of Global Arrays: grids of processes, block-cyclic, a user's own.
//!
//! Fusion knows the flat cut alone. An algorithm that wants another one brings its operand there, and its result back.
//! Each rank moves the boxes that its own run of the flat index consists of, so nothing is gathered anywhere.

use super::{Room, Run};
use crate::error::Result;
use crate::session::{self, Purpose};
use bytemuck::Pod;
use ga_core::{Distribution, GlobalArray, Patch};
use std::ops::Range;

impl Room<'_> {
    /// Operand `k`, an array of the distribution's shape, spread in this way. On return all of it is there. Collective.
    pub(crate) fn bring<T: rma::Element + Pod>(
        &self,
        k: usize,
        distribution: &Distribution,
    ) -> Result<GlobalArray<T>> {
        let shape = distribution.shape();
        let array: GlobalArray<T> = self.spread(distribution)?;
        // Of what every rank has one puts.
        if self.storage(k).blocks().is_distributed() || session::get().rank == 0 {
            let (range, elements) = (self.range(k), self.own::<T>(k));
            for (lo, hi, part) in boxes(shape, range) {
                array.put(Patch::new(&lo[..], &hi[..]), &elements[part])?;
            }
        }
        session::get().together(Purpose::Combine, || Ok(session::get().team().sync()?))?;
        Ok(array)
    }
}

impl Room<'_> {
    /// An array of zeros, spread in this way. Collective.
    pub(crate) fn spread<T: rma::Element>(&self, distribution: &Distribution) -> Result<GlobalArray<T>> {
        let make = || {
            let team = session::get().team();
            Ok(GlobalArray::builder(team, distribution.shape()).distribution(distribution).create()?)
        };
        let made = session::get().together(Purpose::Allocate, make)?;
        Ok(made.expect("only who is cautious goes on alone"))
    }
}

impl Run<'_> {
    /// Takes this rank's run of a result from an array of the result's shape, once all ranks have written to it. Collective.
    pub(crate) fn take_from<T: rma::Element + Pod>(&mut self, array: &GlobalArray<T>) -> Result<()> {
        session::get().together(Purpose::Combine, || Ok(session::get().team().sync()?))?;
        let (range, elements) = (self.range(), self.elements::<T>());
        for (lo, hi, part) in boxes(array.shape(), range) {
            array.get(Patch::new(&lo[..], &hi[..]), &mut elements[part])?;
        }
        // Nobody destroys or overwrites it while others read.
        session::get().together(Purpose::Combine, || Ok(session::get().team().barrier()?)).map(drop)
    }
}

/// The boxes `[lo, hi)` that a range of the flat index of an array consists of, in order, and where each lies in the
/// range: at most two per axis, and one of whole rows.
fn boxes(shape: &[usize], range: Range<usize>) -> Vec<(Vec<usize>, Vec<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        // The largest box that begins here: whole along the inner axes, some of one axis, one of each before it.
        let (mut axis, mut inner) = (shape.len(), 1);
        while axis > 0
            && at.is_multiple_of(inner * shape[axis - 1])
            && at + inner * shape[axis - 1] <= range.end
        {
            inner *= shape[axis - 1];
            axis -= 1;
        }
        let mut lo = vec![0; shape.len()];
        let mut rest = at;
        for d in (0..shape.len()).rev() {
            lo[d] = rest % shape[d];
            rest /= shape[d];
        }
        let mut hi: Vec<usize> = lo.iter().map(|i| i + 1).collect();
        hi[axis..].copy_from_slice(&shape[axis..]);
        let mut len = inner;
        if axis > 0 {
            let count = (shape[axis - 1] - lo[axis - 1]).min((range.end - at) / inner);
            hi[axis - 1] = lo[axis - 1] + count;
            len *= count;
        }
        found.push((lo, hi, at - range.start..at - range.start + len));
        at += len;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::boxes;
    use proptest::prelude::*;

    proptest! {
        /// The boxes name the range's elements in order, each once.
        #[test]
        fn boxes_are_the_range(
            shape in prop::collection::vec(1usize..6, 0..5), start in 0usize..200, len in 0usize..200,
        ) {
            let size: usize = shape.iter().product();
            let (start, end) = (start.min(size), (start + len).min(size));
            let mut seen = Vec::new();
            for (lo, hi, part) in boxes(&shape, start..end) {
                prop_assert_eq!(part.start, seen.len());
                let counts: Vec<usize> = lo.iter().zip(&hi).map(|(l, h)| h - l).collect();
                for index in ndarray::indices(ndarray::IxDyn(&counts)).into_iter() {
                    let flat = (0..shape.len()).fold(0, |sum, d| sum * shape[d] + lo[d] + index[d]);
                    seen.push(flat);
                }
                prop_assert_eq!(part.end, seen.len());
            }
            prop_assert_eq!(seen, (start..end).collect::<Vec<_>>());
        }
    }
}
