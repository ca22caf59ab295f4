//! Dense linear algebra: a product, a system of equations, eigenvalues.
//!
//! ```text
//! gain run -n 4 target/release/examples/solvers
//! ```

use ga_core::linalg::{Matrix, Op, diag_std, gemm, solve};
use ga_core::{GlobalArray, World};
use ndarray::{Array2, Ix2};
use std::error::Error;

/// Order of the matrices.
const N: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let team = world.team();
    // Symmetric and positive definite.
    let entry = |(i, j): (usize, usize)| if i == j { N as f64 } else { 1.0 / (1 + i.abs_diff(j)) as f64 };
    let serial = Array2::from_shape_fn((N, N), entry);
    let a = GlobalArray::from_shape_fn(&team, (N, N), entry)?;
    let near = |x: &Array2<f64>, y: &Array2<f64>| (x - y).iter().all(|d| d.abs() < 1e-9 * N as f64);

    let c = GlobalArray::<f64>::zeros(&team, (N, N))?;
    gemm(
        1.0,
        &Matrix::whole(&a, Op::None)?,
        &Matrix::whole(&a, Op::Transpose)?,
        0.0,
        &Matrix::whole(&c, Op::None)?,
    )?;
    assert!(near(&c.to_array::<Ix2>()?, &serial.dot(&serial.t())));
    c.sync()?;

    // a x = b, in place of b; two right-hand sides.
    let b = GlobalArray::from_shape_fn(&team, (N, 2), |(i, k)| (i + k) as f64)?;
    solve(&Matrix::whole(&a, Op::None)?, &Matrix::whole(&b, Op::None)?)?;
    let sides = Array2::from_shape_fn((N, 2), |(i, k)| (i + k) as f64);
    assert!(near(&serial.dot(&b.to_array::<Ix2>()?), &sides));
    b.sync()?;

    // a v = v d
    let v = a.duplicate()?;
    let values = diag_std(&Matrix::whole(&a, Op::None)?, &Matrix::whole(&v, Op::None)?)?;
    let vectors = v.to_array::<Ix2>()?;
    let scaled = &vectors * &ndarray::Array1::from(values);
    assert!(near(&serial.dot(&vectors), &scaled));
    v.sync()?;
    Ok(())
}
