//! The executor on random boxes: strides of any sign, broadcast and transposed leaves, in-place updates, casts,
//! stores and reductions of every kind, against element-by-element evaluation.

use gain::dtype::{DType, Scalar};
use gain::exec::{Builder, Domain, Leaf, PerAxis, Stream, Task, identity, run};
use gain::ops::{Op, ReduceOp, resolve};

/// Deterministic numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % n
    }
}

/// A buffer and a walk over it that stays inside: axes in any memory order, turned or broadcast.
struct Operand {
    data: Vec<f64>,
    offset: isize,
    strides: Vec<isize>,
}

impl Operand {
    fn new(random: &mut Random, shape: &[usize], broadcast: bool) -> Operand {
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if random.below(2) == 0 {
            for i in (1..order.len()).rev() {
                order.swap(i, random.below(i + 1));
            }
        }
        let (mut strides, mut offset, mut step) = (vec![0; shape.len()], 0, 1);
        for &axis in order.iter().rev() {
            if broadcast && random.below(4) == 0 {
                continue;
            }
            let gap = 1 + random.below(2) as isize * random.below(2) as isize;
            strides[axis] = step * gap;
            step *= gap * shape[axis] as isize;
            if random.below(4) == 0 {
                offset += strides[axis] * (shape[axis] as isize - 1);
                strides[axis] = -strides[axis];
            }
        }
        let len = step.max(1) as usize;
        // Integers: sums and products of a few are exact in any order.
        Operand { data: (0..len).map(|_| random.below(9) as f64 - 4.0).collect(), offset, strides }
    }

    fn at(&self, index: &[usize]) -> usize {
        let offset: isize = index.iter().zip(&self.strides).map(|(&i, s)| i as isize * s).sum();
        (self.offset + offset) as usize
    }

    fn get(&self, index: &[usize]) -> f64 {
        self.data[self.at(index)]
    }

    fn stream(&mut self) -> Stream {
        let ptr = self.data.as_mut_ptr().wrapping_offset(self.offset).cast();
        Stream { ptr, strides: self.strides.iter().map(|s| s * 8).collect() }
    }
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &n| {
        all.iter().flat_map(|head| (0..n).map(move |i| [&head[..], &[i]].concat())).collect()
    })
}

fn shape(random: &mut Random) -> Vec<usize> {
    let long = [1, 2, 3, 7, 16, 40, 150, 300, 700];
    let mut shape: Vec<usize> = (0..random.below(4)).map(|_| long[random.below(6)]).collect();
    shape.push(long[random.below(long.len())]);
    let at = random.below(shape.len());
    shape.swap(at, 0);
    while shape.iter().product::<usize>() > 60_000 {
        shape.pop();
    }
    shape
}

fn binary(b: &mut Builder, op: Op, x: gain::exec::Val, y: gain::exec::Val) -> gain::exec::Val {
    let found = resolve(op, &[b.dtype(x).into(), b.dtype(y).into()]).unwrap();
    b.apply(&found, &[x, y])
}

#[test]
fn stores_and_full_reductions_of_random_expressions() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..150 {
        let shape = shape(&mut random);
        let mut x = Operand::new(&mut random, &shape, true);
        let mut y = Operand::new(&mut random, &shape, true);
        let mut z = Operand::new(&mut random, &shape, true);
        let mut out = Operand::new(&mut random, &shape, false);
        let in_place = random.below(4) == 0;
        let mut b = Builder::new();
        let leaves: Vec<_> = (0..3).map(|_| b.leaf(DType::F64)).collect();
        let [vx, vy, mut vz] = leaves[..] else { unreachable!() };
        // x * y - (z + 3), reduced together with the difference from z.
        let product = binary(&mut b, Op::Multiply, vx, vy);
        let three = b.constant(Scalar::F64(3.0));
        let shifted = binary(&mut b, Op::Add, vz, three);
        let value = binary(&mut b, Op::Subtract, product, shifted);
        b.store(value);
        b.reduce(ReduceOp::Sum, value, None);
        let change = binary(&mut b, Op::Subtract, value, vz);
        let squared = binary(&mut b, Op::Multiply, change, change);
        b.reduce(ReduceOp::Sum, squared, None);
        b.reduce(ReduceOp::Max, value, None);
        let index = b.leaf(DType::I64);
        b.reduce(ReduceOp::ArgMin, value, Some(index));
        vz = b.cast(vz, DType::Bool);
        b.reduce(ReduceOp::All, vz, None);
        let program = b.finish();

        let all = indices(&shape);
        let expected: Vec<f64> = all.iter().map(|i| x.get(i) * y.get(i) - (z.get(i) + 3.0)).collect();
        let sum: f64 = expected.iter().sum();
        let norm: f64 = all.iter().zip(&expected).map(|(i, v)| (v - z.get(i)) * (v - z.get(i))).sum();
        let max = expected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = expected.iter().copied().fold(f64::INFINITY, f64::min);
        let argmin = expected.iter().position(|&v| v == least).unwrap() as i64;
        let every = all.iter().all(|i| z.get(i) != 0.0);

        let mut steps = vec![1i64; shape.len()];
        for axis in (1..shape.len()).rev() {
            steps[axis - 1] = steps[axis] * shape[axis] as i64;
        }
        if in_place {
            // The result goes over z's elements, each after it was read: z must name each once.
            z = Operand { data: z.data.clone(), ..Operand::new(&mut random, &shape, false) };
            z.data.resize(all.iter().map(|i| z.at(i) + 1).max().unwrap(), 1.0);
        }
        let reread: Vec<f64> = all.iter().map(|i| x.get(i) * y.get(i) - (z.get(i) + 3.0)).collect();
        let expected_store = if in_place { &reread } else { &expected };
        let destination = if in_place { z.stream() } else { out.stream() };
        let domain = Domain {
            shape: PerAxis::from_slice(&shape),
            leaves: [
                Leaf::Memory(x.stream()),
                Leaf::Memory(y.stream()),
                Leaf::Memory(z.stream()),
                Leaf::Index { start: 0, steps: steps.into_iter().collect() },
            ]
            .into_iter()
            .collect(),
            outs: [destination].into_iter().collect(),
        };
        // SAFETY: all walks stay inside live vectors; the output lies on `z` exactly or on its own vector.
        let partials = unsafe { run(vec![Task { program: &program, domain }], 1 + round % 3) }.unwrap();
        let stored = if in_place { &z } else { &out };
        for (i, v) in all.iter().zip(expected_store) {
            assert_eq!(stored.get(i), *v, "round {round}, {shape:?}, in place {in_place}, at {i:?}");
        }
        if !in_place {
            let found: Vec<_> = partials.iter().map(|p| p.finish(DType::F64).unwrap()).collect();
            let expected = [Scalar::F64(sum), Scalar::F64(norm), Scalar::F64(max), Scalar::I64(argmin)];
            assert_eq!(found[..4], expected, "round {round}, {shape:?}");
            assert_eq!(found[4], Scalar::Bool(every), "round {round}, {shape:?}");
        }
    }
}

const FOLDS: [ReduceOp; 4] = [ReduceOp::Sum, ReduceOp::Max, ReduceOp::ArgMax, ReduceOp::Min];

#[test]
fn reductions_over_axes() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..150 {
        let shape = shape(&mut random);
        let reduced: Vec<bool> = shape.iter().map(|_| random.below(2) == 0).collect();
        check_axes(&mut random, &shape, &reduced, FOLDS[round % 4], 1 + round % 3);
    }
}

/// Boxes cut into pieces, also along reduced axes.
#[test]
fn reductions_over_axes_of_large_boxes() {
    let mut random = Random(0x0fed_cba9_8765_4321);
    let shapes: [&[usize]; 8] = [
        &[70_000, 3],
        &[3, 70_000],
        &[600, 400],
        &[3, 300, 200],
        &[300, 3, 200],
        &[200, 300, 3],
        &[150_000],
        &[9, 40, 9, 60],
    ];
    for (round, shape) in shapes.into_iter().cycle().take(48).enumerate() {
        let mut reduced: Vec<bool> = shape.iter().map(|_| random.below(2) == 0).collect();
        if reduced.iter().all(|&reduced| !reduced) {
            reduced[round % shape.len()] = true;
        }
        check_axes(&mut random, shape, &reduced, FOLDS[round / shapes.len() % 4], 1 + round % 3);
    }
}

/// A reduction of whole numbers, of a view with strides of its own, against a loop.
fn check_axes(random: &mut Random, shape: &[usize], reduced: &[bool], op: ReduceOp, threads: usize) {
    let mut x = Operand::new(random, shape, true);
    let kept: Vec<usize> = shape.iter().zip(reduced).map(|(&n, &r)| if r { 1 } else { n }).collect();
    let mut b = Builder::new();
    let leaf = b.leaf(DType::F64);
    let index = op.is_index().then(|| b.leaf(DType::I64));
    b.reduce_axes(op, leaf, index);
    let program = b.finish();
    let mut out = Operand::new(random, &kept, false);
    let Scalar::F64(start) = identity(op, DType::F64) else { panic!("identity of floats") };
    out.data.fill(start);
    let mut arg = vec![i64::MAX; out.data.len()];
    let strides: PerAxis<isize> =
        out.strides.iter().zip(reduced).map(|(s, &r)| if r { 0 } else { s * 8 }).collect();
    let mut outs = vec![Stream { ptr: out.stream().ptr, strides: strides.clone() }];
    let mut leaves = vec![Leaf::Memory(x.stream())];
    let mut steps: PerAxis<i64> = std::iter::repeat_n(0, shape.len()).collect();
    let mut step = 1;
    for axis in (0..shape.len()).rev().filter(|&axis| reduced[axis]) {
        steps[axis] = step;
        step *= shape[axis] as i64;
    }
    if op.is_index() {
        let ptr = arg.as_mut_ptr().wrapping_offset(out.offset).cast();
        outs.push(Stream { ptr, strides });
        leaves.push(Leaf::Index { start: 0, steps: steps.clone() });
    }
    let domain = Domain {
        shape: PerAxis::from_slice(shape),
        leaves: leaves.into_iter().collect(),
        outs: outs.into_iter().collect(),
    };
    // SAFETY: all walks stay inside live vectors.
    unsafe { run(vec![Task { program: &program, domain }], threads) }.unwrap();
    let mut expected = vec![(start, i64::MAX); out.data.len()];
    for i in indices(shape) {
        let place: Vec<usize> = i.iter().zip(reduced).map(|(&i, &r)| if r { 0 } else { i }).collect();
        let number: i64 = i.iter().zip(&steps).map(|(&i, s)| i as i64 * s).sum();
        let (value, index) = &mut expected[out.at(&place)];
        let v = x.get(&i);
        match op {
            ReduceOp::Sum => *value += v,
            ReduceOp::Min => *value = value.min(v),
            _ if v > *value || (v == *value && number < *index) => (*value, *index) = (v, number),
            _ => {}
        }
    }
    for place in indices(&kept) {
        let at = out.at(&place);
        assert_eq!(out.data[at], expected[at].0, "{op:?} of {shape:?} over {reduced:?}, {threads} threads");
        if op.is_index() {
            assert_eq!(arg[at], expected[at].1, "{op:?} of {shape:?} over {reduced:?}, {threads} threads");
        }
    }
}

/// Several reductions of one program over the same axes, against loops; small boxes and such as are cut into pieces.
#[test]
fn reductions_of_several_values_over_the_same_axes() {
    let mut random = Random(0x0bad_cafe_0bad_cafe);
    let large: [&[usize]; 5] = [&[70_000, 3], &[3, 70_000], &[600, 400], &[3, 300, 200], &[200, 300, 3]];
    for round in 0..90 {
        let shape = if round < 60 { shape(&mut random) } else { large[round % 5].to_vec() };
        let reduced: Vec<bool> = shape.iter().map(|_| random.below(2) == 0).collect();
        let mut operands = [Operand::new(&mut random, &shape, true), Operand::new(&mut random, &shape, true)];
        let mut b = Builder::new();
        let [x, y] = [b.leaf(DType::F64), b.leaf(DType::F64)];
        let add = resolve(Op::Add, &[DType::F64.into(), DType::F64.into()]).unwrap();
        let both = b.apply(&add, &[x, y]);
        let folds = [(ReduceOp::Sum, both), (ReduceOp::Max, x), (ReduceOp::Min, both)];
        folds.iter().for_each(|&(op, value)| b.reduce_axes(op, value, None));
        let program = b.finish();
        let kept: Vec<usize> = shape.iter().zip(&reduced).map(|(&n, &r)| if r { 1 } else { n }).collect();
        let mut outs = folds.map(|(op, _)| {
            let mut out = Operand::new(&mut random, &kept, false);
            let Scalar::F64(start) = identity(op, DType::F64) else { panic!("identity of floats") };
            out.data.fill(start);
            out
        });
        let mut expected: Vec<Vec<f64>> = outs.iter().map(|out| out.data.clone()).collect();
        let domain = Domain {
            shape: PerAxis::from_slice(&shape),
            leaves: operands.iter_mut().map(|operand| Leaf::Memory(operand.stream())).collect(),
            outs: outs
                .iter_mut()
                .map(|out| {
                    let strides = out.strides.iter().zip(&reduced).map(|(s, &r)| if r { 0 } else { s * 8 });
                    Stream { strides: strides.collect(), ..out.stream() }
                })
                .collect(),
        };
        // SAFETY: all walks stay inside live vectors.
        unsafe { run(vec![Task { program: &program, domain }], 1 + round % 3) }.unwrap();
        for i in indices(&shape) {
            let place: Vec<usize> = i.iter().zip(&reduced).map(|(&i, &r)| if r { 0 } else { i }).collect();
            let [x, y] = [operands[0].get(&i), operands[1].get(&i)];
            for (k, value) in [x + y, x, x + y].into_iter().enumerate() {
                let sum = &mut expected[k][outs[k].at(&place)];
                *sum = [*sum + value, sum.max(value), sum.min(value)][k];
            }
        }
        for place in indices(&kept) {
            for (k, out) in outs.iter().enumerate() {
                assert_eq!(
                    out.data[out.at(&place)],
                    expected[k][out.at(&place)],
                    "{k} of {shape:?} over {reduced:?}"
                );
            }
        }
    }
}

/// 2^20 float32 numbers near 0.1 per result: one after the other they lose three digits.
#[test]
fn sums_over_axes_are_accurate_and_grouped_alike_by_any_number_of_threads() {
    const N: usize = 1 << 20;
    let mut random = Random(7);
    let data: Vec<f32> = (0..2 * N).map(|_| 0.1 + random.below(1000) as f32 * 1e-6).collect();
    let mut b = Builder::new();
    let leaf = b.leaf(DType::F32);
    b.reduce_axes(ReduceOp::Sum, leaf, None);
    let program = b.finish();
    // Two columns, two rows, and the middle one of three axes.
    for (shape, kept) in [(vec![N, 2], 1), (vec![2, N], 0), (vec![2, N / 8, 8], 0), (vec![8, N / 8, 2], 2)] {
        let by = |axis: usize| shape[axis + 1..].iter().product::<usize>();
        let mut results = [[0f32; 2]; 3];
        for (threads, result) in results.iter_mut().enumerate() {
            let axes = 0..shape.len();
            let domain = Domain {
                shape: PerAxis::from_slice(&shape),
                leaves: [Leaf::Memory(Stream {
                    ptr: data.as_ptr().cast_mut().cast(),
                    strides: axes.clone().map(|axis| by(axis) as isize * 4).collect(),
                })]
                .into_iter()
                .collect(),
                outs: [Stream {
                    ptr: result.as_mut_ptr().cast(),
                    strides: axes.map(|axis| if axis == kept { 4 } else { 0 }).collect(),
                }]
                .into_iter()
                .collect(),
            };
            // SAFETY: all walks stay inside live arrays.
            unsafe { run(vec![Task { program: &program, domain }], 1 + threads) }.unwrap();
        }
        assert_eq!(results[0], results[1], "{shape:?}");
        assert_eq!(results[0], results[2], "{shape:?}");
        for (k, &sum) in results[0].iter().enumerate() {
            let exact: f64 =
                (0..2 * N).filter(|i| i / by(kept) % shape[kept] == k).map(|i| f64::from(data[i])).sum();
            let error = (f64::from(sum) - exact).abs() / exact;
            assert!(error < f64::from(f32::EPSILON) * 20.0, "{shape:?}: {error:e}");
        }
    }
}

#[test]
fn sums_are_accurate_and_grouped_alike_by_any_number_of_threads() {
    let n = 3_000_001;
    let mut random = Random(42);
    let data: Vec<f64> = (0..n).map(|_| random.below(1_000_000) as f64 * 1e-3 + 0.1).collect();
    let mut b = Builder::new();
    let leaf = b.leaf(DType::F64);
    b.reduce(ReduceOp::Sum, leaf, None);
    let program = b.finish();
    let sum = |threads| {
        let stream = Stream { ptr: data.as_ptr().cast_mut().cast(), strides: PerAxis::from_slice(&[8]) };
        let leaves = [Leaf::Memory(stream)].into_iter().collect();
        let domain = Domain { shape: PerAxis::from_slice(&[n]), leaves, outs: Default::default() };
        // SAFETY: the walk is the vector.
        unsafe { run(vec![Task { program: &program, domain }], threads) }.unwrap()[0].finish(DType::F64)
    };
    // Exact to the last bit but a few: compensated summation.
    let (mut exact, mut rest) = (0.0f64, 0.0f64);
    for &x in &data {
        let next = exact + x;
        rest += if exact.abs() >= x.abs() { (exact - next) + x } else { (x - next) + exact };
        exact = next;
    }
    let Some(Scalar::F64(one)) = sum(1) else { panic!("a sum of floats") };
    assert!((one - (exact + rest)).abs() <= 4.0 * f64::EPSILON * exact, "{one} against {}", exact + rest);
    assert_eq!(sum(2), Some(Scalar::F64(one)));
    assert_eq!(sum(5), Some(Scalar::F64(one)));
}

#[test]
fn negative_integer_powers_are_refused() {
    let base = [2i64, 3, 4];
    let exponent = [1i64, -1, 2];
    let mut out = [0i64; 3];
    let mut b = Builder::new();
    let (x, y) = (b.leaf(DType::I64), b.leaf(DType::I64));
    let power = binary(&mut b, Op::Power, x, y);
    b.store(power);
    let program = b.finish();
    let stream = |x: *const i64| Stream { ptr: x.cast_mut().cast(), strides: PerAxis::from_slice(&[8]) };
    let domain = Domain {
        shape: PerAxis::from_slice(&[3]),
        leaves: [Leaf::Memory(stream(base.as_ptr())), Leaf::Memory(stream(exponent.as_ptr()))]
            .into_iter()
            .collect(),
        outs: [stream(out.as_mut_ptr())].into_iter().collect(),
    };
    // SAFETY: three elements each.
    let refused = unsafe { run(vec![Task { program: &program, domain }], 1) }.unwrap_err();
    assert_eq!(refused.message(), "Integers to negative integer powers are not allowed.");
}
