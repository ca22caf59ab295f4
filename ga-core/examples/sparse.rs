//! A sparse system of equations by conjugate gradients.
//!
//! ```text
//! gain run -n 4 target/release/examples/sparse
//! ```

use ga_core::{GlobalArray, SparseBuilder, World};
use ndarray::{Array1, Ix1};
use std::error::Error;

/// Order of the matrix.
const N: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let (team, ranks) = (world.team(), world.size());
    // Each rank adds the rows it likes: here those of its number, modulo the number of ranks.
    let mut builder = SparseBuilder::new(&team, [N, N]);
    for row in (world.rank()..N).step_by(ranks) {
        builder.add(row, row, 4.0)?;
        if row > 0 {
            builder.add(row, row - 1, -1.0)?;
        }
        if row + 1 < N {
            builder.add(row, row + 1, -1.0)?;
        }
    }
    let a = builder.assemble()?;
    assert_eq!(a.len(), 3 * N - 2);

    let b = GlobalArray::from_shape_fn(&team, N, |i| (i % 5) as f64)?;
    let x = GlobalArray::<f64>::zeros(&team, N)?;
    let (r, p, ap) = (b.duplicate()?, b.duplicate()?, b.duplicate()?);
    r.copy_from(&b)?;
    p.copy_from(&b)?;
    let mut rr = r.dot(&r)?;
    while rr > 1e-20 {
        a.multiply_vector(&p, &ap)?;
        let alpha = rr / p.dot(&ap)?;
        x.add(1.0, &x, alpha, &p)?;
        r.add(1.0, &r, -alpha, &ap)?;
        let next = r.dot(&r)?;
        p.add(1.0, &r, next / rr, &p)?;
        rr = next;
    }

    let found = x.to_array::<Ix1>()?;
    let at = |i: usize| if i < N { found[i] } else { 0.0 };
    let product: Array1<f64> = (0..N).map(|i| 4.0 * at(i) - at(i.wrapping_sub(1)) - at(i + 1)).collect();
    assert!(product.iter().enumerate().all(|(i, v)| (v - (i % 5) as f64).abs() < 1e-9));
    x.sync()?;
    a.destroy()?;
    Ok(())
}
