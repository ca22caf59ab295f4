//! The executor against plain loops: programs, strides, reductions, threads.

use gain::dtype::{DType, Scalar};
use gain::exec::{Builder, Domain, Leaf, PerAxis, Stream, Task, run};
use gain::ops::{Op, ReduceOp, resolve};

fn stream<T>(data: &[T], offset: usize, strides: &[isize]) -> Stream {
    let strides = strides.iter().map(|s| s * size_of::<T>() as isize).collect();
    Stream { ptr: data[offset..].as_ptr().cast_mut().cast(), strides }
}

fn binary(builder: &mut Builder, op: Op, x: gain::exec::Val, y: gain::exec::Val) -> gain::exec::Val {
    let types = [builder.dtype(x).into(), builder.dtype(y).into()];
    builder.apply(&resolve(op, &types).unwrap(), &[x, y])
}

fn numbers(n: usize) -> Vec<f64> {
    let mut state = 88172645463325252u64;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        })
        .collect()
}

/// The five-point stencil with the norm of the change, in one pass, as the graph asks for it.
fn laplace(n: usize, threads: usize) -> (Vec<f64>, f64) {
    let (dx2, dy2, dnr_inv) = (0.3, 0.7, 0.25);
    let old = numbers(n * n);
    let new = vec![0.0f64; n * n];
    let mut b = Builder::new();
    let leaves: Vec<_> = (0..5).map(|_| b.leaf(DType::F64)).collect();
    let [dx2, dy2, dnr_inv] = [dx2, dy2, dnr_inv].map(|x| b.constant(Scalar::F64(x)));
    let vertical = binary(&mut b, Op::Add, leaves[0], leaves[1]);
    let vertical = binary(&mut b, Op::Multiply, vertical, dy2);
    let horizontal = binary(&mut b, Op::Add, leaves[2], leaves[3]);
    let horizontal = binary(&mut b, Op::Multiply, horizontal, dx2);
    let sum = binary(&mut b, Op::Add, vertical, horizontal);
    let value = binary(&mut b, Op::Multiply, sum, dnr_inv);
    b.store(value);
    let change = binary(&mut b, Op::Subtract, value, leaves[4]);
    let squared = binary(&mut b, Op::Multiply, change, change);
    b.reduce(ReduceOp::Sum, squared, None);
    let program = b.finish();
    let row = n as isize;
    let at = |i: usize, j: usize| Leaf::Memory(stream(&old, i * n + j, &[row, 1]));
    let domain = Domain {
        shape: PerAxis::from_slice(&[n - 2, n - 2]),
        leaves: [at(0, 1), at(2, 1), at(1, 0), at(1, 2), at(1, 1)].into_iter().collect(),
        outs: [stream(&new, n + 1, &[row, 1])].into_iter().collect(),
    };
    // SAFETY: all streams lie within the two vectors, which nobody else touches.
    let partials = unsafe { run(vec![Task { program: &program, domain }], threads) }.unwrap();
    let Some(Scalar::F64(total)) = partials[0].finish(DType::F64) else { panic!("a sum of floats") };
    let mut expected = vec![0.0; n * n];
    let mut expected_total = 0.0;
    for i in 1..n - 1 {
        for j in 1..n - 1 {
            let u = |i: usize, j: usize| old[i * n + j];
            let x = ((u(i - 1, j) + u(i + 1, j)) * 0.7 + (u(i, j - 1) + u(i, j + 1)) * 0.3) * 0.25;
            expected[i * n + j] = x;
            expected_total += (x - u(i, j)) * (x - u(i, j));
        }
    }
    assert_eq!(new, expected, "n = {n}");
    assert!((total - expected_total).abs() <= 1e-12 * expected_total, "{total} against {expected_total}");
    (new, total)
}

#[test]
fn stencil_with_norm_is_exact_and_independent_of_threads() {
    for n in [3, 4, 17, 100, 259, 1000] {
        let (_, one) = laplace(n, 1);
        let (_, two) = laplace(n, 2);
        let (_, three) = laplace(n, 3);
        assert_eq!((one.to_bits(), one.to_bits()), (two.to_bits(), three.to_bits()), "n = {n}");
    }
}
