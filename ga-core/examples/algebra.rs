//! Whole arrays and patches at once: sums, products element by element, reductions, transposition, diagonals.
//!
//! ```text
//! gain run -n 4 target/release/examples/algebra
//! ```

use ga_core::{Extreme, GlobalArray, World};
use ndarray::{Array2, Ix2, s};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let team = world.team();
    let x_serial = Array2::from_shape_fn((11, 14), |(i, j)| (i * j) as f64 - 20.0);
    let y_serial = Array2::from_shape_fn((11, 14), |(i, j)| (i + 2 * j + 1) as f64);
    let x = GlobalArray::from_array(&team, &x_serial)?;
    let y = GlobalArray::from_array(&team, &y_serial)?;

    // z = 2 x - y, then element by element.
    let z = x.duplicate()?;
    z.add(2.0, &x, -1.0, &y)?;
    assert_eq!(z.to_array::<Ix2>()?, 2.0 * &x_serial - &y_serial);
    z.elem_divide(&x, &y)?;
    assert_eq!(z.to_array::<Ix2>()?, &x_serial / &y_serial);
    z.sync()?;
    z.mapv_inplace(f64::cos)?;
    assert_eq!(z.to_array::<Ix2>()?, (&x_serial / &y_serial).mapv(f64::cos));
    z.sync()?;

    // What all ranks learn at once.
    assert_eq!(x.dot(&y)?, (&x_serial * &y_serial).sum());
    let (least, at) = x.select_elem(Extreme::Min)?;
    assert_eq!((least, &at[..]), (-20.0, &[0, 0][..]));
    assert_eq!(x.norm1()?, x_serial.mapv(f64::abs).sum());

    // Patches of different arrays; a patch of one may be written from a patch of another shape.
    z.fill_patch((.., 3..=4), 5.0)?;
    z.copy_patch_from((0, ..11), &y, (.., 2), false)?;
    assert_eq!(z.get_array::<Ix2>((0, ..11))?.into_flat(), y_serial.column(2));
    z.sync()?;
    let t = GlobalArray::<f64>::zeros(&team, (14, 11))?;
    t.transpose_from(&x)?;
    assert_eq!(t.to_array::<Ix2>()?, x_serial.t());
    t.sync()?;

    let square = GlobalArray::<f64>::ones(&team, (6, 6))?;
    square.shift_diagonal(3.0)?;
    let expected = Array2::<f64>::ones((6, 6)) + Array2::<f64>::eye(6) * 3.0;
    assert_eq!(square.get_array::<Ix2>((1..3, ..))?, expected.slice(s![1..3, ..]));
    square.sync()?;
    Ok(())
}
