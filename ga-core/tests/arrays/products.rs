//! gemm on 1 to 4 ranks and two pretended nodes, against three loops.

use crate::common::{RANKS, Random, all};
use ga_core::linalg::{Matrix, Op, gemm};
use ga_core::{Distribution, ErrorKind, GlobalArray, Number, Patch};
use ndarray::{Array2, ArrayD, ArrayView2, Ix2, s};
use rma::{Complex32, Complex64, Element, World};
use tests::{Job, spmd};

const OPS: [Op; 3] = [Op::None, Op::Transpose, Op::ConjugateTranspose];

/// Small whole numbers, so that sums are exact in any order.
trait Small: ga_core::linalg::Field + Element {
    fn small(random: &mut Random) -> Self;
    fn conj(self) -> Self;
}

macro_rules! real {
    ($($t:ty)*) => {$(
        impl Small for $t {
            fn small(random: &mut Random) -> Self {
                random.below(9) as $t - 4.0
            }
            fn conj(self) -> Self {
                self
            }
        }
    )*};
}
real! { f32 f64 }

macro_rules! complex {
    ($($t:ident)*) => {$(
        impl Small for $t {
            fn small(random: &mut Random) -> Self {
                let [re, im] = [0; 2].map(|_| random.below(9) as _);
                $t::new(re, im) - $t::new(4.0, 3.0)
            }
            fn conj(self) -> Self {
                $t::conj(&self)
            }
        }
    )*};
}
complex! { Complex32 Complex64 }

/// One array of each kind of layout.
fn layouts<T: Element>(world: &World, shape: [usize; 2]) -> Vec<GlobalArray<T>> {
    let ranks = world.size();
    let starts = vec![vec![0, shape[0] / 3], vec![0]];
    let irregular = if ranks > 1 { starts } else { vec![vec![0], vec![0]] };
    let made = [
        Distribution::regular(&shape, &[], ranks),
        Distribution::regular(&shape, &[0, shape[1]], ranks),
        Distribution::irregular(&shape, &irregular, ranks),
        Distribution::block_cyclic(&shape, &[7, 5], ranks),
        Distribution::scalapack(&shape, &[6, 9], &[ranks, 1], ranks),
        Distribution::tiled(&shape, &[8, 8], &[1, ranks], ranks),
        Distribution::regular(&shape, &[], 1).unwrap().restricted(&[ranks - 1], ranks),
        Distribution::regular(&shape, &[], ranks).unwrap().with_ghosts(&[1, 2]),
    ];
    let array = |d: ga_core::Result<Distribution>| {
        GlobalArray::builder(&world.team(), &shape).distribution(&d.unwrap()).create().unwrap()
    };
    made.into_iter().map(array).collect()
}

fn random<T: Small>(seed: usize, shape: [usize; 2]) -> Array2<T> {
    let mut random = Random::new(seed);
    Array2::from_shape_simple_fn(shape, || T::small(&mut random))
}

fn load<T: Element>(array: &GlobalArray<T>, serial: &Array2<T>) {
    if array.team().rank() == 0 {
        array.put_view(&Patch::whole(array.shape()), serial).unwrap();
    }
    array.sync().unwrap();
}

fn entered<T: Small>(x: ArrayView2<'_, T>, op: Op) -> Array2<T> {
    match op {
        Op::None => x.to_owned(),
        Op::Transpose => x.t().to_owned(),
        Op::ConjugateTranspose => x.t().mapv(T::conj),
    }
}

fn naive<T: Number>(a: &Array2<T>, b: &Array2<T>) -> Array2<T> {
    Array2::from_shape_fn([a.nrows(), b.ncols()], |(i, j)| {
        (0..a.ncols()).fold(T::ZERO, |sum, k| sum.plus(a[[i, k]].times(b[[k, j]])))
    })
}

/// `c = alpha * product + beta * c`
fn combine<T: Number>(alpha: T, product: &Array2<T>, beta: T, c: &mut ndarray::ArrayViewMut2<'_, T>) {
    c.zip_mut_with(product, |c, &p| *c = alpha.times(p).plus(beta.times(*c)));
}

fn two<T: Element>(array: &GlobalArray<T>) -> Array2<T> {
    let whole: ArrayD<T> = all(array);
    whole.into_dimensionality::<Ix2>().unwrap()
}

/// Every layout of every operand, and every pair of transpositions, in turn.
fn products<T: Small>(world: &World, alpha: T, beta: T) {
    let (m, n, k) = (37, 29, 41);
    let (mut turn, kinds) = (0, layouts::<T>(world, [1, 1]).len());
    for op_a in OPS {
        for op_b in OPS {
            let shape = |op, rows, columns| if op == Op::None { [rows, columns] } else { [columns, rows] };
            let (shape_a, shape_b) = (shape(op_a, m, k), shape(op_b, k, n));
            let (serial_a, serial_b) = (random::<T>(1, shape_a), random::<T>(2, shape_b));
            let product = naive(&entered(serial_a.view(), op_a), &entered(serial_b.view(), op_b));
            let arrays = (layouts(world, shape_a), layouts(world, shape_b), layouts(world, [m, n]));
            for _ in 0..kinds {
                turn += 1;
                let (a, b) = (&arrays.0[turn % kinds], &arrays.1[turn * 3 % kinds]);
                let c = &arrays.2[turn * 5 / kinds % kinds];
                let mut expected = random::<T>(3, [m, n]);
                load(a, &serial_a);
                load(b, &serial_b);
                load(c, &expected);
                let x = Matrix::whole(a, op_a).unwrap();
                let y = Matrix::whole(b, op_b).unwrap();
                gemm(alpha, &x, &y, beta, &Matrix::whole(c, Op::None).unwrap()).unwrap();
                combine(alpha, &product, beta, &mut expected.view_mut());
                assert_eq!(two(c), expected, "{op_a:?} {op_b:?} {a} * {b} -> {c}");
                c.sync().unwrap();
            }
        }
    }
}

#[test]
fn gemm_of_all_layouts() {
    spmd(RANKS, "gemm_of_all_layouts", |world| {
        products::<f64>(world, 2.0, -1.0);
        products::<f32>(world, 1.0, 0.0);
        products(world, Complex64::new(1.0, 2.0), Complex64::new(0.0, 1.0));
        products(world, Complex32::new(0.0, -1.0), Complex32::ONE);
    });
}

/// Operands of other nodes are fetched in segments.
#[test]
fn gemm_between_nodes() {
    Job::new("gemm_between_nodes").fake_nodes(2).run(&[2, 4], |world| products::<f64>(world, 1.0, 1.0));
}

#[test]
fn gemm_of_patches_and_of_many_segments() {
    spmd(RANKS, "gemm_of_patches_and_of_many_segments", |world| {
        let (serial_a, serial_b) = (random::<f64>(4, [20, 1700]), random::<f64>(5, [1700, 31]));
        let (rows, inner, columns) = (3..17, 20..1650, 5..30);
        let (left, right) = (s![rows.clone(), inner.clone()], s![inner.clone(), columns.clone()]);
        let product = naive(&serial_a.slice(left).to_owned(), &serial_b.slice(right).to_owned());
        let (lefts, rights) = (layouts(world, [20, 1700]), layouts(world, [1700, 31]));
        for (k, c) in layouts(world, [40, 33]).iter().enumerate() {
            let (a, b, beta) = (&lefts[k], &rights[(k + 3) % rights.len()], (k % 3) as f64);
            let mut expected = random::<f64>(6, [40, 33]);
            load(a, &serial_a);
            load(b, &serial_b);
            load(c, &expected);
            let x = Matrix::new(a, [rows.clone(), inner.clone()], Op::None).unwrap();
            let y = Matrix::new(b, [inner.clone(), columns.clone()], Op::None).unwrap();
            gemm(3.0, &x, &y, beta, &Matrix::new(c, [9..23, 8..33], Op::None).unwrap()).unwrap();
            combine(3.0, &product, beta, &mut expected.slice_mut(s![9..23, 8..33]));
            assert_eq!(two(c), expected, "{a} * {b} -> {c}");
            c.sync().unwrap();
        }
    });
}

/// Matrices within arrays of more axes; what is zero does not matter, be it not a number.
#[test]
fn gemm_of_planes() {
    spmd(RANKS, "gemm_of_planes", |world| {
        let cube = |shape: &[usize]| GlobalArray::<f64>::builder(&world.team(), shape).create().unwrap();
        let (a, b, c) = (cube(&[3, 8, 5]), cube(&[5, 2, 7]), cube(&[8, 4, 7]));
        a.fill(2.0).unwrap();
        b.fill(3.0).unwrap();
        c.fill(f64::NAN).unwrap();
        let x = Matrix::new(&a, [1..2, 0..8, 0..5], Op::None).unwrap();
        let y = Matrix::new(&b, [0..5, 1..2, 0..7], Op::None).unwrap();
        gemm(1.0, &x, &y, 0.0, &Matrix::new(&c, [0..8, 2..3, 0..7], Op::None).unwrap()).unwrap();
        let plane = c.get_array::<ndarray::Ix3>((.., 2, ..)).unwrap();
        assert!(plane.iter().all(|&v| v == 30.0));
        assert!(c.get_array::<ndarray::Ix3>((.., 3, ..)).unwrap().iter().all(|v| v.is_nan()));
        let none = Matrix::new(&a, [1..2, 0..0, 0..5], Op::None).unwrap();
        let empty = Matrix::new(&c, [0..0, 2..3, 0..7], Op::None).unwrap();
        gemm(1.0, &none, &y, 0.0, &empty).unwrap();
        c.sync().unwrap();
    });
}

#[test]
fn products_that_cannot_be_are_refused() {
    spmd(&[2], "products_that_cannot_be_are_refused", |world| {
        let array = |shape: &[usize]| GlobalArray::<f64>::builder(&world.team(), shape).create().unwrap();
        let (a, cube) = (array(&[6, 6]), array(&[3, 4, 5]));
        let kind = |made: ga_core::Result<()>| made.unwrap_err().kind();
        let whole = |op| Matrix::whole(&a, op).unwrap();
        assert_eq!(
            kind(gemm(1.0, &whole(Op::None), &whole(Op::None), 0.0, &whole(Op::None))),
            ErrorKind::Shape
        );
        let tall = Matrix::new(&a, [0..3, 0..2], Op::None).unwrap();
        let result = Matrix::new(&a, [3..6, 3..6], Op::None).unwrap();
        assert_eq!(kind(gemm(1.0, &tall, &tall, 0.0, &result)), ErrorKind::Shape);
        assert!(Matrix::whole(&cube, Op::None).is_err());
        assert!(Matrix::new(&a, [0..7, 0..2], Op::None).is_err());
    });
}
