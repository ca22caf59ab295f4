//! The process grid of a regular distribution, as Global Arrays chooses it.
//!
//! GA factors the number of ranks into primes and gives them out, largest first: each goes to the axis that
//! it divides with the smallest relative remainder; equals are taken in turn. The axes are looked at in
//! Fortran order, so the last axis (C order) comes first. An axis with a minimum chunk counts in chunks.

use crate::dims::Dims;

/// How many parts to cut each axis into, for `ranks` ranks. The product of the answer is `ranks`, even if
/// some axis has fewer chunks than parts (GA then leaves ranks without elements, and so do we).
pub(super) fn choose_grid(shape: &[usize], chunk: &[usize], ranks: usize) -> Dims {
    let ndim = shape.len();
    let mut grid = Dims::filled(1, ndim);
    let chunks = Dims::from_fn(ndim, |d| shape[d].div_ceil(chunk[d].clamp(1, shape[d].max(1))).max(1));
    for (turn, prime) in prime_factors_descending(ranks).into_iter().enumerate() {
        let remainder = |axis: usize| {
            let parts = prime * grid[axis];
            if chunks[axis] < parts { 1.1 } else { (chunks[axis] % parts) as f64 / chunks[axis] as f64 }
        };
        let axes = (0..ndim).map(|k| ndim - 1 - (turn + k) % ndim);
        // `min_by` keeps the first of equals, which is the axis whose turn it is.
        let Some(best) = axes.min_by(|&a, &b| remainder(a).total_cmp(&remainder(b))) else { break };
        grid[best] *= prime;
    }
    grid
}

fn prime_factors_descending(mut n: usize) -> Vec<usize> {
    let mut primes = Vec::new();
    let mut p = 2;
    while p * p <= n {
        while n.is_multiple_of(p) {
            primes.push(p);
            n /= p;
        }
        p += 1;
    }
    if n > 1 {
        primes.push(n);
    }
    primes.reverse();
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(shape: &[usize], ranks: usize) -> Vec<usize> {
        choose_grid(shape, &vec![0; shape.len()], ranks).to_vec()
    }

    #[test]
    fn primes() {
        for n in 1..200 {
            let primes = prime_factors_descending(n);
            assert_eq!(primes.iter().product::<usize>(), n);
            assert!(primes.iter().all(|&p| (2..p).all(|q| p % q != 0)) && primes.is_sorted_by(|a, b| a >= b));
        }
    }

    /// Worked by hand with GA's rule.
    #[test]
    fn grids_are_those_of_ga() {
        assert_eq!(grid(&[4096, 4096], 2), [1, 2]);
        assert_eq!(grid(&[4096, 4096], 4), [2, 2]);
        assert_eq!(grid(&[4096, 4096], 8), [2, 4]);
        assert_eq!(grid(&[100, 99], 2), [2, 1], "99 columns do not halve, 100 rows do");
        assert_eq!(grid(&[100, 99], 6), [2, 3]);
        assert_eq!(grid(&[1, 50], 5), [1, 5]);
        assert_eq!(grid(&[64, 64, 64], 8), [2, 2, 2]);
        assert_eq!(grid(&[7], 3), [3]);
        assert_eq!(choose_grid(&[100, 100], &[0, 100], 4).to_vec(), [4, 1], "whole rows asked for");
        assert_eq!(choose_grid(&[], &[], 4).to_vec(), [] as [usize; 0]);
    }
}
