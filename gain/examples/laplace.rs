//! Laplace's equation on a square by Jacobi sweeps, with the error norm in every sweep: the Rust twin of
//! `examples/laplace.py`.
//!
//! ```text
//! cargo run --release -p gain --example laplace -- 1000 100
//! gain run -n 2 target/release/examples/laplace 1000 100
//! ```
// `1..-1` is a slice up to the last element, as in Python, not a range of integers.
#![allow(clippy::reversed_empty_ranges)]

use gain::{DistArray, Result, s};
use ndarray::Ix2;
use std::time::Instant;

type Grid = DistArray<f64, Ix2>;

/// One sweep; returns the norm of the change.
fn sweep(u: &Grid, dx2: f64, dy2: f64) -> Result<f64> {
    let scale = 1.0 / (2.0 * (dx2 + dy2));
    let old = u.copy()?;
    let (up, down) = (u.slice(s![..-2, 1..-1]), u.slice(s![2.., 1..-1]));
    let (left, right) = (u.slice(s![1..-1, ..-2]), u.slice(s![1..-1, 2..]));
    let next = &(&(&(&up + &down) * dy2) + &(&(&left + &right) * dx2)) * scale;
    u.slice(s![1..-1, 1..-1]).assign(&next)?;
    let change = (u - &old).flatten()?;
    let square = change.dot(&change)?.item()?.as_f64();
    Ok(square.sqrt())
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let (n, sweeps) = (args.next().unwrap_or(500), args.next().unwrap_or(100));
    let u = Grid::zeros((n, n))?;
    let edge = DistArray::from_array(gain::Array::linspace(0.0.into(), 1.0.into(), n, true, None)?)?;
    u.slice(s![0, ..]).assign::<ndarray::Ix1>(&edge)?;
    u.slice(s![.., 0]).assign(&edge)?;
    let h2 = (1.0 / (n as f64 - 1.0)).powi(2);
    let mut error = sweep(&u, h2, h2)?;
    let (before, start) = (gain::stats(), Instant::now());
    for _ in 1..sweeps {
        error = sweep(&u, h2, h2)?;
    }
    let per_sweep = start.elapsed() / (sweeps as u32 - 1).max(1);
    let after = gain::stats();
    if gain::session::rank() == 0 {
        let text = format!(
            "{n}x{n}, {sweeps} sweeps on {} ranks: change {error:.6e}, {:.3} ms per sweep, {} passes, {} arrays allocated\n",
            gain::session::size(),
            per_sweep.as_secs_f64() * 1e3,
            after.passes - before.passes,
            after.arrays_created - before.arrays_created,
        );
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()).expect("standard output");
    }
    gain::session::finalize()
}
