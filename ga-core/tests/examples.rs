//! The examples, on one to four ranks: each checks its results against `ndarray`.

#![allow(missing_docs, dead_code)]

use tests::spmd;

const RANKS: &[usize] = &[1, 2, 3, 4];

macro_rules! examples {
    ($($name:ident: $path:literal;)*) => {$(
        #[path = $path]
        mod $name;

        #[test]
        fn $name() {
            spmd(RANKS, stringify!($name), |world| $name::run(world).unwrap());
        }
    )*};
}

examples! {
    algebra: "../examples/algebra.rs";
    elements: "../examples/elements.rs";
    ghosts: "../examples/ghosts.rs";
    groups: "../examples/groups.rs";
    layouts: "../examples/layouts.rs";
    patches: "../examples/patches.rs";
    solvers: "../examples/solvers.rs";
    sparse: "../examples/sparse.rs";
    vectors: "../examples/vectors.rs";
    matmul: "../examples/matmul.rs";
}
