//! Sparse matrices on 1 to 4 ranks, against dense ones of `ndarray`. Numbers are small integers, so sums are exact in any order.

use crate::common::{RANKS, Random, all, load};
use ga_core::pointers::own_block;
use ga_core::{ErrorKind, GlobalArray, SparseArray, SparseBuilder};
use ndarray::{Array2, Ix2};
use rma::{Complex64, World};
use tests::{Job, spmd};

/// Random elements, some places twice; every rank makes the same list, and adds a share of it.
fn elements(seed: usize, shape: [usize; 2], count: usize) -> Vec<(usize, usize, f64)> {
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| (random.below(shape[0]), random.below(shape[1]), random.below(19) as f64 - 9.0))
        .collect()
}

fn serial(shape: [usize; 2], elements: &[(usize, usize, f64)]) -> Array2<f64> {
    let mut dense = Array2::zeros(shape);
    elements.iter().for_each(|&(i, j, v)| dense[[i, j]] += v);
    dense
}

/// The same matrix, sparse and serial.
fn both(world: &World, seed: usize, shape: [usize; 2], count: usize) -> (SparseArray<f64>, Array2<f64>) {
    let list = elements(seed, shape, count);
    let mut builder = SparseBuilder::new(&world.team(), shape);
    for (i, j, v) in list.iter().skip(world.rank()).step_by(world.size()) {
        builder.add(*i, *j, *v).unwrap();
    }
    let array = builder.assemble().unwrap();
    assert_eq!(array.len(), count);
    (array, serial(shape, &list))
}

fn dense(world: &World, values: &Array2<f64>) -> GlobalArray<f64> {
    let array = GlobalArray::builder(&world.team(), values.shape()).create().unwrap();
    load(&array, &values.clone().into_dyn());
    array
}

fn filled(seed: usize, shape: [usize; 2]) -> Array2<f64> {
    let mut random = Random::new(seed);
    Array2::from_shape_simple_fn(shape, || random.below(9) as f64 - 4.0)
}

fn matrix(array: &GlobalArray<f64>) -> Array2<f64> {
    let whole = all(array).into_dimensionality::<Ix2>().unwrap();
    array.sync().unwrap();
    whole
}

fn contents(array: &SparseArray<f64>) -> Array2<f64> {
    matrix(&array.to_dense().unwrap())
}

const SHAPES: [([usize; 2], usize); 5] =
    [([9, 7], 25), ([13, 13], 60), ([2, 11], 9), ([11, 3], 0), ([40, 30], 300)];

fn check_blocks(world: &World) {
    for (shape, count) in SHAPES {
        let (array, expected) = both(world, count, shape, count);
        assert_eq!(contents(&array), expected);
        // Every rank reads every block.
        let mut seen = Array2::zeros(shape);
        let mut number = 0;
        for (r, c) in (0..world.size()).flat_map(|r| (0..world.size()).map(move |c| (r, c))) {
            let Some(block) = array.block(r, c).unwrap() else { continue };
            assert_eq!((&block.rows, &block.columns), (&array.rows_of(r), &array.columns_of(c)));
            for (i, j, v) in block.elements() {
                assert!(block.rows.contains(&i) && block.columns.contains(&j));
                seen[[i, j]] += v;
                number += 1;
            }
            let own = own_block(&array, c).filter(|_| r == world.rank());
            assert_eq!(own.is_some(), r == world.rank());
            if let Some(own) = own {
                // SAFETY: the block is as long as it says, and nobody writes to it.
                unsafe {
                    let values = std::slice::from_raw_parts(own.values.as_ptr(), own.len);
                    let columns = std::slice::from_raw_parts(own.column_indices.as_ptr(), own.len);
                    let offsets = std::slice::from_raw_parts(own.offsets.as_ptr(), block.offsets.len());
                    assert_eq!((values, columns), (&block.values[..], &block.column_indices[..]));
                    assert_eq!(offsets, &block.offsets[..]);
                }
            }
        }
        assert_eq!((seen, number), (expected.clone(), count));
        assert_eq!(
            array.own_column_blocks().count(),
            (0..world.size()).filter_map(|c| own_block(&array, c)).count()
        );
        let copy = array.duplicate().unwrap();
        assert_eq!(contents(&copy), expected);
        copy.destroy().unwrap();
        let from = SparseArray::from_dense(&dense(world, &expected)).unwrap();
        assert_eq!(contents(&from), expected);
        assert_eq!(from.len(), expected.iter().filter(|v| **v != 0.0).count());
        let positive = from.filter_map(|_, _, v| (v > 0.0).then_some(2.0 * v)).unwrap();
        assert_eq!(contents(&positive), expected.mapv(|v| if v > 0.0 { 2.0 * v } else { 0.0 }));
    }
}

fn check_products(world: &World) {
    for (shape, count) in SHAPES {
        let [rows, columns] = shape;
        let (a, naive) = both(world, count + 1, shape, count);
        let team = world.team();
        let vector = filled(1, [columns, 1]);
        let x = GlobalArray::<f64>::builder(&team, &[columns]).create().unwrap();
        let y = GlobalArray::<f64>::builder(&team, &[rows]).create().unwrap();
        load(&x, &vector.column(0).to_owned().into_dyn());
        a.multiply_vector(&x, &y).unwrap();
        assert_eq!(all(&y), naive.dot(&vector.column(0)).into_dyn());

        let right = filled(2, [columns, 6]);
        assert_eq!(matrix(&a.multiply_dense(&dense(world, &right)).unwrap()), naive.dot(&right));
        let left = filled(3, [5, rows]);
        assert_eq!(matrix(&a.multiply_from_left(&dense(world, &left)).unwrap()), left.dot(&naive));

        let (b, other) = both(world, count + 2, [columns, 8], count / 2 + 3);
        let product = a.multiply(&b).unwrap();
        assert_eq!(contents(&product), naive.dot(&other));
        let (c, same) = both(world, count + 3, shape, count);
        assert_eq!(contents(&a.multiply_elements(&c).unwrap()), &naive * &same);

        for is_transposed in [false, true] {
            let (left, right) = (filled(4, [rows, 10]), filled(5, [10, columns]));
            let given = if is_transposed { right.t().as_standard_layout().to_owned() } else { right.clone() };
            let sampled = SparseArray::from_dense(&dense(world, &naive)).unwrap();
            sampled.sample_product(&dense(world, &left), &dense(world, &given), is_transposed).unwrap();
            let full = left.dot(&right);
            let expected = Array2::from_shape_fn(shape, |at| if naive[at] != 0.0 { full[at] } else { 0.0 });
            assert_eq!(contents(&sampled), expected);
        }
        y.sync().unwrap();
    }
}

fn check_diagonals(world: &World) {
    for (shape, count) in SHAPES {
        let [rows, columns] = shape;
        let (array, mut naive) = both(world, count + 4, shape, count);
        let diagonal = array.diagonal().unwrap();
        let expected: Vec<f64> = (0..rows).map(|i| if i < columns { naive[[i, i]] } else { 0.0 }).collect();
        assert_eq!(all(&diagonal).into_raw_vec_and_offset().0, expected);
        diagonal.sync().unwrap();
        let team = world.team();
        let (by_row, by_column) = (filled(6, [rows, 1]), filled(7, [1, columns]));
        let d = GlobalArray::<f64>::builder(&team, &[rows]).create().unwrap();
        load(&d, &by_row.column(0).to_owned().into_dyn());
        array.scale_rows(&d).unwrap();
        let e = GlobalArray::<f64>::builder(&team, &[columns]).create().unwrap();
        load(&e, &by_column.row(0).to_owned().into_dyn());
        array.scale_columns(&e).unwrap();
        array.scale(-3.0).unwrap();
        naive = naive * &by_row * &by_column * -3.0;
        let list = elements(count + 4, shape, count);
        array.shift_diagonal(0.5).unwrap();
        for i in 0..rows.min(columns) {
            if list.iter().any(|&(row, column, _)| (row, column) == (i, i)) {
                naive[[i, i]] += 0.5;
            }
        }
        assert_eq!(contents(&array), naive);
        d.sync().unwrap();
    }
}

#[test]
fn sparse_blocks_hold_what_was_added() {
    spmd(RANKS, "sparse_blocks_hold_what_was_added", check_blocks);
    Job::new("sparse blocks between nodes").fake_nodes(2).run(&[3], check_blocks);
}

#[test]
fn sparse_products_agree_with_dense_ones() {
    spmd(RANKS, "sparse_products_agree_with_dense_ones", check_products);
    Job::new("sparse products between nodes").fake_nodes(2).run(&[2], check_products);
}

#[test]
fn sparse_diagonals_agree_with_dense_ones() {
    spmd(RANKS, "sparse_diagonals_agree_with_dense_ones", check_diagonals);
}

#[test]
fn sparse_matrices_are_exported_and_checked() {
    spmd(&[1, 3], "sparse_matrices_are_exported_and_checked", |world| {
        let mut builder = SparseBuilder::new(&world.team(), [4, 3]);
        if world.rank() == 0 {
            for (i, j) in [(3, 0), (0, 2), (0, 0)] {
                builder.add(i, j, Complex64::new(i as f64 + 0.25, -(j as f64))).unwrap();
            }
        }
        assert_eq!(builder.add(4, 0, Complex64::default()).unwrap_err().kind(), ErrorKind::Range);
        let array = builder.assemble().unwrap();
        let mut out = Vec::new();
        array.export(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (head, lines) = text.split_once("\n4 3 3\n").unwrap();
        assert_eq!(head, "%%MatrixMarket matrix coordinate complex general");
        let mut lines: Vec<&str> = lines.lines().collect();
        lines.sort();
        assert_eq!(lines, ["1 1 0.25 -0.0", "1 3 0.25 -2.0", "4 1 3.25 -0.0"]);
        let kind = |result: ga_core::Result<()>| result.unwrap_err().kind();
        let wrong = GlobalArray::<Complex64>::builder(&world.team(), &[4]).create().unwrap();
        assert_eq!(kind(array.multiply_vector(&wrong, &wrong)), ErrorKind::Shape);
        assert_eq!(kind(array.multiply_dense(&wrong).map(drop)), ErrorKind::Shape);
        assert_eq!(kind(array.multiply(&array).map(drop)), ErrorKind::Shape);
        assert_eq!(kind(array.block(0, world.size()).map(drop)), ErrorKind::Range);
        array.destroy().unwrap();
    });
}
