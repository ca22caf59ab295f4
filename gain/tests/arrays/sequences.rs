//! Random programs of views, expressions and assignments on one rank, against plain vectors.

use crate::common;
#[test]
fn small_arrays() {
    for seed in 0..300 {
        common::random_program(seed, 40, 6);
    }
}

#[test]
fn long_programs() {
    for seed in 1000..1010 {
        common::random_program(seed, 400, 5);
    }
}
