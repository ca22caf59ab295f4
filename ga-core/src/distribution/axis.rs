//! One axis cut into consecutive parts.
//!
//! Invariant: `fences` has one entry more than there are parts, starts at 0, never decreases, and ends at the
//! extent; part `c` is `fences[c]..fences[c + 1]` and may be empty.

/// An axis and its parts.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Axis {
    fences: Box<[usize]>,
    /// The first of the fences, filled up with the extent: all of them, if there are few.
    head: [usize; HEAD],
    /// Parts per element: the first guess where an index lies.
    density: f64,
}

/// Fences kept inline.
const HEAD: usize = 4;

/// Up to this many parts, counting the fences below an index beats any cleverness.
const COUNTED_PARTS: usize = 8;

impl Axis {
    /// From the start of each part. `starts` begins with 0 and never decreases nor passes `extent`.
    pub(super) fn from_starts(starts: &[usize], extent: usize) -> Self {
        debug_assert!(starts.first() == Some(&0) && starts.is_sorted() && *starts.last().unwrap() <= extent);
        let fences: Box<[usize]> = starts.iter().copied().chain([extent]).collect();
        let head = std::array::from_fn(|c| fences.get(c).copied().unwrap_or(extent));
        Axis { density: starts.len() as f64 / extent.max(1) as f64, head, fences }
    }

    /// `parts` near-equal parts, boundaries at multiples of `unit`; the first parts are the larger ones.
    /// Parts that would get nothing are left out.
    pub(super) fn even(extent: usize, unit: usize, parts: usize) -> Self {
        let unit = unit.max(1);
        let units = extent.div_ceil(unit);
        let (size, larger) = (units / parts, units % parts);
        let starts: Vec<usize> = (0..parts)
            .map(|c| (c * size + c.min(larger)) * unit)
            .take_while(|&start| start == 0 || start < extent)
            .collect();
        let repeated_zero = starts.iter().take_while(|&&s| s == 0).count().max(1);
        Self::from_starts(&starts[repeated_zero - 1..], extent)
    }

    #[inline]
    pub(super) fn parts(&self) -> usize {
        self.fences.len() - 1
    }

    /// First element of part `c` and the one after its last.
    #[inline]
    pub(super) fn part(&self, c: usize) -> (usize, usize) {
        (self.fences[c], self.fences[c + 1])
    }

    /// The largest part.
    pub(super) fn largest(&self) -> usize {
        self.fences.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0)
    }

    /// The part that holds element `i`, which is below the extent.
    pub(super) fn part_of(&self, i: usize) -> usize {
        self.find(i).0
    }

    /// The part that holds element `i`, its first element, and the one after its last. An index beyond the
    /// axis gets a part that ends at or before it.
    #[inline]
    pub(super) fn find(&self, i: usize) -> (usize, usize, usize) {
        if self.fences.len() <= HEAD {
            // Without a branch: whose an element is can't be predicted.
            let c = (self.head[1] <= i) as usize + (self.head[2] <= i) as usize;
            return (c, self.head[c], self.head[c + 1]);
        }
        let c = self.part_of_many(i);
        (c, self.fences[c], self.fences[c + 1])
    }

    /// Where the second and the third part begin (the extent, if there is no such part); `None` if there are more.
    pub(super) fn few(&self) -> Option<[usize; 2]> {
        (self.fences.len() <= HEAD).then_some([self.head[1], self.head[2]])
    }

    #[inline(never)]
    fn part_of_many(&self, i: usize) -> usize {
        let inner = &self.fences[1..self.parts()];
        if inner.len() < COUNTED_PARTS {
            return inner.iter().map(|&fence| (fence <= i) as usize).sum();
        }
        let guess = ((i as f64 * self.density) as usize).min(inner.len());
        if self.fences[guess] <= i && i < self.fences[guess + 1] {
            return guess;
        }
        inner.partition_point(|&fence| fence <= i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Oracle: the only part whose range holds the index.
        #[test]
        fn part_of_is_the_part_that_holds_it(mut starts in prop::collection::vec(0usize..40, 0..30)) {
            starts.push(0);
            starts.sort();
            let axis = Axis::from_starts(&starts, 40);
            for i in 0..40 {
                let naive: Vec<usize> = (0..axis.parts()).filter(|&c| axis.part(c).0 <= i && i < axis.part(c).1).collect();
                prop_assert_eq!(vec![axis.part_of(i)], naive);
                let (c, start, end) = axis.find(i);
                prop_assert_eq!(axis.part(c), (start, end));
            }
            prop_assert!((40..45).all(|beyond| axis.find(beyond).2 <= beyond));
        }

        /// Even parts cover the axis, respect the unit, and differ by one unit at most (the last, cut one,
        /// apart).
        #[test]
        fn even_parts_are_even(extent in 0usize..200, unit in 1usize..9, parts in 1usize..20) {
            let axis = Axis::even(extent, unit, parts);
            prop_assert!(axis.parts() <= parts);
            let sizes: Vec<usize> = (0..axis.parts()).map(|c| axis.part(c).1 - axis.part(c).0).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), extent);
            for (c, &size) in sizes.iter().enumerate() {
                prop_assert_eq!(axis.part(c).0 % unit, 0);
                prop_assert!(size > 0 || extent == 0);
                prop_assert!(c + 1 == sizes.len() || size + unit >= sizes[0] && size <= sizes[0]);
            }
        }
    }
}
