//! The executor in one process: stencil, expression, reductions, layouts, the smallest call.
//!
//! The stencil runs beside `laplace.c`, compiled here with `cc -O3 -march=native -fopenmp`; its best and median time
//! per sweep are printed before criterion's tables, alternating with ours, on one thread and on two.

use criterion::{Criterion, criterion_group, criterion_main};
use gain::dtype::{Contribution, DType, Scalar};
use gain::exec::{Builder, Domain, Leaf, PerAxis, Program, Stream, Task, Val, apply, run};
use gain::ops::{Op, ReduceOp, resolve};
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

fn stream(data: &[f64], offset: usize, strides: &[isize]) -> Stream {
    let strides = strides.iter().map(|s| s * 8).collect();
    Stream { ptr: data[offset..].as_ptr().cast_mut().cast(), strides }
}

fn op(b: &mut Builder, op: Op, args: &[Val]) -> Val {
    let types: Vec<Contribution> = args.iter().map(|&arg| b.dtype(arg).into()).collect();
    b.apply(&resolve(op, &types).expect("a loop for floats"), args)
}

fn pass(program: &Program, shape: &[usize], leaves: &[Stream], outs: &[Stream], threads: usize) {
    let domain = Domain {
        shape: PerAxis::from_slice(shape),
        leaves: leaves.iter().cloned().map(Leaf::Memory).collect(),
        outs: outs.iter().cloned().collect(),
    };
    // SAFETY: callers pass walks inside live vectors of which the outputs are their own.
    black_box(unsafe { run(vec![Task { program, domain }], threads) }.expect("floats don't fail"));
}

fn stencil() -> Program {
    let mut b = Builder::new();
    let u: Vec<Val> = (0..5).map(|_| b.leaf(DType::F64)).collect();
    let [dx2, dy2, factor] = [0.3, 0.7, 0.25].map(|x| b.constant(Scalar::F64(x)));
    let vertical = op(&mut b, Op::Add, &[u[0], u[1]]);
    let vertical = op(&mut b, Op::Multiply, &[vertical, dy2]);
    let horizontal = op(&mut b, Op::Add, &[u[2], u[3]]);
    let horizontal = op(&mut b, Op::Multiply, &[horizontal, dx2]);
    let sum = op(&mut b, Op::Add, &[vertical, horizontal]);
    let value = op(&mut b, Op::Multiply, &[sum, factor]);
    b.store(value);
    let change = op(&mut b, Op::Subtract, &[value, u[4]]);
    let squared = op(&mut b, Op::Multiply, &[change, change]);
    b.reduce(ReduceOp::Sum, squared, None);
    b.finish()
}

/// Best and median milliseconds per sweep.
fn sweeps(n: usize, count: usize, threads: usize) -> [f64; 2] {
    let program = stencil();
    let mut old: Vec<f64> = (0..n * n).map(|i| (i % 97) as f64 / 97.0).collect();
    let mut new = old.clone();
    let row = n as isize;
    let mut ms: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..count {
                let at = |i: usize, j: usize| stream(&old, i * n + j, &[row, 1]);
                let leaves = [at(0, 1), at(2, 1), at(1, 0), at(1, 2), at(1, 1)];
                pass(&program, &[n - 2, n - 2], &leaves, &[stream(&new, n + 1, &[row, 1])], threads);
                std::mem::swap(&mut old, &mut new);
            }
            start.elapsed().as_secs_f64() * 1e3 / count as f64
        })
        .collect();
    ms.sort_by(f64::total_cmp);
    [ms[0], ms[2]]
}

/// The hand-written loop, if there is a C compiler.
fn by_hand(n: usize, count: usize, threads: usize) -> Option<[f64; 2]> {
    let program = std::env::temp_dir().join(format!("gain-laplace-{}", std::process::id()));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/laplace.c");
    let flags = ["-O3", "-march=native", "-fopenmp", source, "-lm", "-o"];
    let built = Command::new("cc").args(flags).arg(&program).status();
    let output = built.is_ok_and(|status| status.success()).then(|| {
        let sizes = [n.to_string(), count.to_string()];
        Command::new(&program).args(sizes).env("OMP_NUM_THREADS", threads.to_string()).output().ok()
    });
    let _ = std::fs::remove_file(&program);
    let text = String::from_utf8(output??.stdout).ok()?;
    let mut numbers = text.split_whitespace().map_while(|x| x.parse().ok());
    Some([numbers.next()?, numbers.next()?])
}

fn compare() {
    for (n, count) in [(250, 400), (1000, 50), (4000, 4)] {
        for threads in [1, 2] {
            for _ in 0..2 {
                let ours = sweeps(n, count, threads);
                match by_hand(n, count, threads) {
                    Some(c) => eprintln!(
                        "laplace {n}x{n}, {threads} threads, ms/sweep best and median: ours {ours:.3?}, C {c:.3?}, \
                         ratio {:.2}",
                        ours[0] / c[0]
                    ),
                    None => eprintln!("laplace {n}x{n}, {threads} threads: ours {ours:.3?} (no C compiler)"),
                }
            }
        }
    }
}

fn expression(c: &mut Criterion) {
    let n = 1 << 22;
    let data: Vec<Vec<f64>> =
        (0..5).map(|k| (0..n).map(|i| ((i * (k + 3)) % 101) as f64 / 50.0).collect()).collect();
    let mut out = vec![0.0; n];
    let mut b = Builder::new();
    let v: Vec<Val> = (0..5).map(|_| b.leaf(DType::F64)).collect();
    let first = op(&mut b, Op::Multiply, &[v[0], v[1]]);
    let second = op(&mut b, Op::Multiply, &[v[2], v[3]]);
    let sum = op(&mut b, Op::Add, &[first, second]);
    let power = op(&mut b, Op::Exp, &[v[4]]);
    let result = op(&mut b, Op::Subtract, &[sum, power]);
    b.store(result);
    let program = b.finish();
    let leaves: Vec<Stream> = data.iter().map(|x| stream(x, 0, &[1])).collect();
    let mut group = c.benchmark_group("4M doubles");
    group.sample_size(20);
    for threads in [1, 2] {
        group.bench_function(format!("a*b + c*d - exp(e), {threads} threads"), |bench| {
            bench.iter(|| pass(&program, &[n], &leaves, &[stream(&out, 0, &[1])], threads));
        });
    }
    group.bench_function("a*b + c*d - exp(e), by hand", |bench| {
        bench.iter(|| {
            for i in 0..n {
                out[i] = data[0][i] * data[1][i] + data[2][i] * data[3][i] - data[4][i].exp();
            }
            black_box(&out);
        });
    });
    let mut b = Builder::new();
    let x = b.leaf(DType::F64);
    b.reduce(ReduceOp::Sum, x, None);
    let sum = b.finish();
    group.bench_function("sum", |bench| bench.iter(|| pass(&sum, &[n], &leaves[..1], &[], 1)));
    let mut b = Builder::new();
    let (x, y) = (b.leaf(DType::F64), b.leaf(DType::F64));
    let total = op(&mut b, Op::Add, &[x, y]);
    b.store(total);
    let add = b.finish();
    let side = 1 << 11;
    let (rows, columns) = ([side as isize, 1], [1, side as isize]);
    for (name, strides) in [("a + b", rows), ("a + b.T", columns)] {
        let leaves = [stream(&data[0], 0, &rows), stream(&data[1], 0, &strides)];
        group.bench_function(name, |bench| {
            bench.iter(|| pass(&add, &[side, side], &leaves, &[stream(&out, 0, &rows)], 1));
        });
    }
    group.finish();
}

fn smallest(c: &mut Criterion) {
    let (x, one, mut out) = ([1.0f64; 10], 1.0f64, [0.0f64; 10]);
    c.bench_function("resolve and apply x + 1, 10 doubles", |bench| {
        bench.iter(|| {
            let found = resolve(Op::Add, &[DType::F64.into(), Contribution::Int]).expect("a loop for floats");
            let inputs = [(x.as_ptr().cast(), 8), ((&raw const one).cast(), 0)];
            // SAFETY: ten elements, and one for the scalar.
            unsafe { apply(&found, 10, &inputs, &[out.as_mut_ptr().cast()]) }.expect("floats don't fail");
            black_box(&mut out);
        });
    });
}

fn stencils(_: &mut Criterion) {
    compare();
}

criterion_group!(benches, stencils, expression, smallest);
criterion_main!(benches);
