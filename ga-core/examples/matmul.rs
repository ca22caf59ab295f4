//! `c = a b` by tasks: whoever is free draws the next task from a shared counter, gets two blocks, multiplies
//! them, and accumulates the product. No rank knows what the others do, and nobody sends anything.
//!
//! ```text
//! cargo run --release -p ga-core --example matmul          # alone
//! gain run -n 4 target/release/examples/matmul             # on four ranks
//! ```
#![allow(clippy::print_stdout)]

use ga_core::{GlobalArray, World};
use ndarray::Ix2;
use std::error::Error;
use std::time::Instant;

/// Rows and columns of the matrices.
const N: usize = 768;
/// Rows and columns of a block, the unit of work.
const BLOCK: usize = 96;
/// Blocks along an axis.
const BLOCKS: usize = N / BLOCK;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let team = world.team();
    let matrix = |name| GlobalArray::<f64>::builder(&team, &[N, N]).name(name);
    // Each rank sets its own block: a[i,k] = i + k, b[k,j] = k - j.
    let a = matrix("a").shape_fn::<Ix2>(|(i, k)| i as f64 + k as f64)?;
    let b = matrix("b").shape_fn::<Ix2>(|(k, j)| k as f64 - j as f64)?;
    let mut c = matrix("c").zeros()?;
    let tasks = GlobalArray::<i64>::builder(&team, &[1]).name("tasks").zeros()?;
    if world.rank() == 0 {
        println!("{a}");
    }

    let started = Instant::now();
    let mut mine = 0;
    loop {
        let task = tasks.read_inc(&[0], 1)? as usize;
        if task >= BLOCKS * BLOCKS * BLOCKS {
            break;
        }
        let range = |block: usize| block * BLOCK..(block + 1) * BLOCK;
        let (i, j, k) =
            (range(task / BLOCKS % BLOCKS), range(task % BLOCKS), range(task / (BLOCKS * BLOCKS)));
        let left = a.get_array::<Ix2>((i.clone(), k.clone()))?;
        let right = b.get_array::<Ix2>((k, j.clone()))?;
        c.accumulate_view((i, j), &left.dot(&right), 1.0)?;
        mine += 1;
    }
    c.sync()?;
    let seconds = started.elapsed().as_secs_f64();

    // The sum over k in closed form; all values are integers far below 2^53, so it holds exactly.
    let n = N as f64;
    let (sum, squares) = (n * (n - 1.0) / 2.0, n * (n - 1.0) * (2.0 * n - 1.0) / 6.0);
    let lo = [c.local_patch().lo()[0], c.local_patch().lo()[1]];
    let wrong = c.with_local(|block| {
        let expected = |i: f64, j: f64| i * sum - i * j * n + squares - j * sum;
        block
            .indexed_iter()
            .filter(|(at, v)| **v != expected((lo[0] + at[0]) as f64, (lo[1] + at[1]) as f64))
            .count()
    })?;
    if wrong > 0 {
        return Err(format!("rank {}: {wrong} elements are wrong", world.rank()).into());
    }
    println!("rank {} of {}: {mine} of {} tasks", world.rank(), world.size(), BLOCKS.pow(3));
    world.barrier()?;
    if world.rank() == 0 {
        println!("{N}x{N}: correct, {:.1} Gflop/s", 2.0 * n.powi(3) / seconds * 1e-9);
    }
    Ok(())
}
