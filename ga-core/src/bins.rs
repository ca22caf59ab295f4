//! Elements sorted into bins: all bins side by side in one vector, with a vector of their offsets and one of their lengths.
//!
//! Invariant: bin `b` is `offsets[b]..offsets[b] + counts[b]`, and every rank sees the same offsets and counts during a call. Both
//! calls are collective and synchronise before and after.

use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::sight::Sight;
use rma::Element;
use std::collections::BTreeMap;

impl<T: Element> GlobalArray<T> {
    /// Puts my values into their bins: value `k` into bin `bins[k]`, after those of lower ranks and, among mine, in their order.
    /// Collective, each rank with values of its own. `GA_Bin_index`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] on all ranks when there is no such bin or it leaves this vector, [`ErrorKind::Buffer`] on all when
    /// there are not as many values as bins somewhere.
    #[track_caller]
    pub fn fill_bins<I>(&self, offsets: &GlobalArray<I>, values: &[T], bins: &[usize]) -> Result<()>
    where
        I: Element + TryInto<usize>,
    {
        let op = "fill_bins";
        self.sync()?;
        let mut mine = BTreeMap::<usize, Vec<T>>::new();
        bins.iter().zip(values).for_each(|(&bin, &value)| mine.entry(bin).or_default().push(value));
        let offsets = all_of(offsets)?;
        let counted: Vec<usize> = mine.iter().flat_map(|(bin, values)| [*bin, values.len()]).collect();
        let fits = [bins.len(), values.len()];
        let gathered = |e| Error::from_rma(op, e);
        let lens = self.team().allgather(&fits).map_err(gathered)?;
        let all = self.team().allgatherv(&counted).map_err(gathered)?;
        if let Some([bins, values]) = lens.as_chunks::<2>().0.iter().find(|[bins, values]| bins != values) {
            return Err(Error::new(ErrorKind::Buffer, op, format!("{values} values for {bins} bins")));
        }
        // Where the next value of each bin goes; what lower ranks have is before mine.
        let mut next = offsets;
        let mut places = Vec::new();
        for (rank, list) in all.iter().enumerate() {
            for [bin, count] in list.as_chunks::<2>().0 {
                let end = next.get(*bin).and_then(|start| start.checked_add(*count));
                let Some(end) = end.filter(|end| *end <= self.len()) else {
                    return Err(Error::numbered(ErrorKind::Range, op, |by| {
                        let (bin, array) = (by.number(*bin), by.array(self.raw()));
                        format!("{count} values for bin {bin} of {} in {array}", next.len())
                    }));
                };
                let start = std::mem::replace(&mut next[*bin], end);
                if rank == self.team().rank() {
                    places.push(start);
                }
            }
        }
        for (start, values) in places.into_iter().zip(mine.values()) {
            self.put(start..start + values.len(), values)?;
        }
        self.sync()
    }

    /// Sorts each bin in ascending order; the owner of its first element does it. Collective. `GA_Bin_sorter`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] on all ranks for a bin that leaves this vector, [`ErrorKind::Shape`] for vectors of bins of different
    /// lengths.
    #[track_caller]
    pub fn sort_bins<I>(&self, offsets: &GlobalArray<I>, counts: &GlobalArray<I>) -> Result<()>
    where
        T: Ord,
        I: Element + TryInto<usize>,
    {
        let op = "sort_bins";
        self.sync()?;
        let (offsets, counts) = (all_of(offsets)?, all_of(counts)?);
        if offsets.len() != counts.len() {
            let message = format!("{} offsets and {} counts", offsets.len(), counts.len());
            return Err(Error::new(ErrorKind::Shape, op, message));
        }
        let leaves = |(offset, count): &(&usize, &usize)| {
            offset.checked_add(**count).is_none_or(|end| end > self.len())
        };
        if let Some((offset, count)) = offsets.iter().zip(&counts).find(leaves) {
            return Err(Error::numbered(ErrorKind::Range, op, |by| {
                format!("a bin of {count} elements at offset {offset} of {}", by.array(self.raw()))
            }));
        }
        for (&offset, &count) in offsets.iter().zip(&counts).filter(|(_, count)| **count > 0) {
            if self.distribution().locate(&[offset])?.rank == self.team().rank() {
                let mut values = vec![T::default(); count];
                self.get(offset..offset + count, &mut values)?;
                values.sort_unstable();
                self.put(offset..offset + count, &values)?;
            }
        }
        self.sync()
    }
}

/// A whole vector of indices.
fn all_of<I: Element + TryInto<usize>>(vector: &GlobalArray<I>) -> Result<Vec<usize>> {
    let mut all = vec![I::default(); vector.len()];
    vector.get(0..vector.len(), &mut all)?;
    let message = |by: Sight| format!("a negative number in {}", by.array(vector.raw()));
    let wrong = |_| Error::numbered(ErrorKind::Range, "bins", message);
    all.into_iter().map(|number| number.try_into().map_err(wrong)).collect()
}
