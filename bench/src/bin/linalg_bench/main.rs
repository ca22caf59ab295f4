//! `linalg-bench ROUTINE N ROUNDS`: seconds of each repetition of `gemm`, `lu`, `cholesky` or `eigen` on N x N doubles
//! under any number of ranks; then a line `check X` with a number that must be small. What `bench/c/openblas.c` times in
//! one process with threads.
#![allow(clippy::print_stdout)]

use ga_core::GlobalArray;
use ga_core::linalg::{Matrix, Op, diag_std, gemm, llt_solve, lu_solve};
use rma::World;
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, routine, n, rounds] = &arguments[..] else {
        return Err("usage: linalg-bench gemm|lu|cholesky|eigen N ROUNDS".into());
    };
    let (n, rounds): (usize, usize) = (n.parse()?, rounds.parse()?);
    let world = World::init()?;
    let team = world.team();
    let make = |shape: &[usize]| GlobalArray::<f64>::builder(&team, shape).create();
    let (a, b, c, x) = (make(&[n, n])?, make(&[n, n])?, make(&[n, n])?, make(&[n, 1])?);
    a.randomize(1, 1.0)?;
    b.transpose_from(&a)?;
    if routine == "cholesky" || routine == "eigen" {
        // Symmetric, and definite by its diagonal.
        c.add(0.5, &a, 0.5, &b)?;
        a.copy_from(&c)?;
        if routine == "cholesky" {
            a.shift_diagonal(n as f64)?;
        }
    }
    let whole = |array, op| Matrix::<f64>::whole(array, op);
    let (a, b, c, x) =
        (whole(&a, Op::None)?, whole(&b, Op::None)?, whole(&c, Op::None)?, whole(&x, Op::None)?);
    let mut check = 0.0;
    for _ in 0..rounds {
        x.array().fill(1.0)?;
        let start = Instant::now();
        match routine.as_str() {
            "gemm" => gemm(1.0, &a, &b, 0.0, &c)?,
            "lu" => lu_solve(&a, &x)?,
            "cholesky" => llt_solve(&a, &x)?.map_err(|not| format!("{not:?}"))?,
            "eigen" => drop(diag_std(&a, &c)?),
            other => return Err(format!("no routine {other}").into()),
        }
        let seconds = start.elapsed().as_secs_f64();
        if world.rank() == 0 {
            println!("{seconds}");
        }
    }
    if routine == "lu" || routine == "cholesky" {
        // a x - 1
        let right = make(&[n, 1])?;
        right.fill(1.0)?;
        gemm(1.0, &a, &x, -1.0, &whole(&right, Op::None)?)?;
        check = right.norm_infinity()?;
    }
    if world.rank() == 0 {
        println!("check {check}");
    }
    world.finalize()?;
    Ok(())
}
