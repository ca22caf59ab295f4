//! LU of matrices that are singular, or of any extents.

use ga_dense::{Crew, MatMut};
use ga_factor::lu;

#[test]
fn zero_pivots() {
    for (m, n, zeros) in
        [(5, 5, 1..2), (40, 40, 7..20), (90, 70, 0..70), (70, 90, 30..64), (100, 100, 99..100)]
    {
        let mut state = 3u64;
        let mut a: Vec<f64> = (0..m * n)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
            })
            .collect();
        zeros.for_each(|j| a[j * m..(j + 1) * m].fill(0.0));
        let (mut packed, mut from) = (a.clone(), vec![0; m]);
        lu(Crew::alone(), MatMut::from_column_major_slice_mut(&mut packed, m, n), &mut from);
        for i in 0..m {
            for j in 0..n {
                let low = |k: usize| if k == i { 1.0 } else { packed[k * m + i] };
                let sum: f64 = (0..=i.min(j)).map(|k| low(k) * packed[j * m + k]).sum();
                assert!((sum - a[j * m + from[i]]).abs() < 1e-13, "{i}, {j} of {m} x {n}: {sum}");
                assert!(i <= j || packed[j * m + i].abs() <= 1.0, "factors are at most 1");
            }
        }
    }
}
