//! Numbers by rank, by a formula where they follow one: then they cost nothing per rank.
//!
//! Numbers of ranks, nodes and offsets nearly always do: ranks count up, and arenas that allocate alike give out the same offsets.

/// A number for each of some ranks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Series {
    len: usize,
    law: Law,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Law {
    /// From this number on, each more than the one before by that one (wrapping).
    Steps(usize, usize),
    /// The ranks where a new number begins, and the numbers.
    Runs(Box<[(u32, usize)]>),
    Each(Box<[usize]>),
}

impl Series {
    /// The numbers 0, 1, 2 and so on.
    pub(crate) fn counting(len: usize) -> Series {
        Series { len, law: Law::Steps(0, 1) }
    }

    pub(crate) fn new(numbers: impl ExactSizeIterator<Item = usize> + Clone) -> Series {
        /// Runs are looked up by halving, and worth it while they are few.
        const SHORTEST_RUN: usize = 8;
        let len = numbers.len();
        let mut next = numbers.clone();
        let first = next.next().unwrap_or(0);
        let step = next.next().map_or(0, |second| second.wrapping_sub(first));
        let is_law = |(rank, number): (usize, usize)| number == first.wrapping_add(rank.wrapping_mul(step));
        if numbers.clone().enumerate().all(is_law) {
            return Series { len, law: Law::Steps(first, step) };
        }
        let mut runs: Vec<(u32, usize)> = Vec::new();
        for (rank, number) in numbers.clone().enumerate() {
            if runs.last().is_none_or(|(_, last)| *last != number) {
                runs.push((rank as u32, number));
            }
            if runs.len() * SHORTEST_RUN > len {
                return Series { len, law: Law::Each(numbers.collect()) };
            }
        }
        Series { len, law: Law::Runs(runs.into()) }
    }

    /// How many ranks have a number.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The number of a rank. Panics when there is no such rank.
    #[inline]
    pub(crate) fn get(&self, rank: usize) -> usize {
        assert!(rank < self.len, "rank {rank} of {}", self.len);
        match &self.law {
            Law::Steps(first, step) => first.wrapping_add(rank.wrapping_mul(*step)),
            Law::Runs(runs) => runs[runs.partition_point(|(start, _)| *start as usize <= rank) - 1].1,
            Law::Each(numbers) => numbers[rank],
        }
    }

    /// Each number so much more.
    pub(crate) fn plus(&self, more: usize) -> Series {
        let law = match &self.law {
            Law::Steps(first, step) => Law::Steps(first.wrapping_add(more), *step),
            Law::Runs(runs) => {
                Law::Runs(runs.iter().map(|(start, number)| (*start, number + more)).collect())
            }
            Law::Each(numbers) => Law::Each(numbers.iter().map(|number| number + more).collect()),
        };
        Series { len: self.len, law }
    }

    /// Bytes it takes besides itself.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.law {
            Law::Steps(..) => 0,
            Law::Runs(runs) => size_of_val(&**runs),
            Law::Each(numbers) => size_of_val(&**numbers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_the_numbers_it_was_made_of() {
        let cases: [(Vec<usize>, usize); 8] = [
            (vec![], 0),
            (vec![7], 0),
            (vec![7, 7, 7], 0),
            (vec![3, 4, 5, 6], 0),
            (vec![9, 6, 3, 0], 0),
            ([vec![8; 50], vec![7; 50]].concat(), 32),
            ((0..100).map(|rank| rank / 25).collect(), 64),
            (vec![1, 0, 2, 5, 5, 1], 48),
        ];
        for (numbers, bytes) in cases {
            let series = Series::new(numbers.iter().copied());
            assert_eq!((series.len(), series.heap_bytes()), (numbers.len(), bytes), "{numbers:?}");
            assert!(numbers.iter().enumerate().all(|(rank, number)| series.get(rank) == *number));
            let more = series.plus(9);
            assert!(numbers.iter().enumerate().all(|(rank, number)| more.get(rank) == *number + 9));
        }
        assert_eq!(Series::counting(5), Series::new(0..5));
    }
}
